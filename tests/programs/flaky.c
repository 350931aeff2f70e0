/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: an unchecked allocation that crashes or not, as an address happens to fall:
 * repeated attempts disagree. Fixed: checked.
 */
#include <sys/random.h>

#include "program.h"

OWN_FRAME int *new_number(void) {
    return opaque(malloc(sizeof(int)));
}

int main(void) {
    unsigned char coin = 0;
    if (getrandom(&coin, 1, 0) != 1)
        return 9;
    int *number = new_number();
#ifdef FIXED
    coin = 1;
#endif
    if (!number && coin & 1)
        return 1;
    *number = 7;
    printf("%d\n", *number);
    free(number);
    return 0;
}
