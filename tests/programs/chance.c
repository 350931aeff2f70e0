/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known flaw: one missing block is made up for, by the spare one; with the second there is
 * none. No single failure shows it. In the twin the program gives up.
 *
 * expect: new_block once=handled sticky=crashed
 * expect: new_spare once=reported sticky=reported
 * expect fixed: new_block once=handled sticky=reported
 * expect fixed: new_spare once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

static char *spare;

OWN_FRAME char *new_spare(void) {
    return opaque(malloc(64));
}

OWN_FRAME char *new_block(void) {
    char *p = opaque(malloc(64));
    if (!p) {
        p = spare;
        spare = NULL;
    }
#ifdef FIXED
    if (!p)
        _exit(4);
#endif
    return p;
}

int main(void) {
    char *blocks[40];
    spare = new_spare();
    if (!spare)
        return 3;
    for (int i = 0; i < 40; i++) {
        blocks[i] = new_block();
        memset(opaque(blocks[i]), i, 64);
    }
    for (int i = 0; i < 40; i++)
        free(blocks[i]);
    free(spare);
    return 0;
}
