/* SPDX-License-Identifier: Apache-2.0 */
/* Its library asks for memory before any constructor of dearth's runs. See tests/replayer/leak-copies.sh. */
#include "program.h"

const char *early_word(void);

OWN_FRAME int does_without(void) {
    char *p = opaque(malloc(100));
    if (!p)
        return 1;
    free(p);
    return 0;
}

int main(void) {
    int n = does_without();
    printf("%s\n", early_word());
    return n > 1;
}
