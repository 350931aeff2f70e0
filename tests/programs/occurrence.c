/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the third call of one site, and only that, is not checked.
 *
 *   dearth replay --occurrence 1: reported    --occurrence 3: crashed    --occurrence
 * last: reported
 */
#include "program.h"

OWN_FRAME int *new_step(void) {
    return opaque(malloc(24));
}

int main(void) {
    for (int i = 1; i <= 5; i++) {
        int *step = new_step();
        if (!step && i != 3)
            return 1;
        *(int *)opaque(step) = i;
        free(step);
    }
    puts("five steps");
    return 0;
}
