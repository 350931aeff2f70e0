/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: who retries a failed allocation twice is sure to have it then. Only three failures in a
 * row show it: --burst 3 (burst.sh). Fixed: looks at the last one too.
 *
 * expect: new_block once=handled sticky=crashed
 * expect fixed: new_block once=handled sticky=reported
 */
#include <unistd.h>

#include "program.h"

OWN_FRAME int *new_block(void) {
    int *p = NULL;
    for (int i = 0; i < 3 && !p; i++)
        p = opaque(malloc(4 * sizeof *p));
    return p;
}

int main(void) {
    static const char done[] = "done\n";
    int *p = new_block();
#ifdef FIXED
    if (!p)
        return 1;
#endif
    p[0] = 1;
    free(opaque(p));
    return write(1, done, sizeof done - 1) != sizeof done - 1;
}
