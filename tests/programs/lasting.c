/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: one unchecked allocation, between others that do without: when memory stays short from an earlier
 * call on, it is this one still that crashes.
 *
 * expect: spare once=reported sticky=crashed
 * expect: hint once=handled sticky=crashed
 * expect: needed once=crashed sticky=crashed
 */
#include "program.h"

OWN_FRAME char *spare(void) {
    return opaque(malloc(10));
}

OWN_FRAME void hint(void) {
    free(opaque(malloc(20)));
}

OWN_FRAME void needed(void) {
    volatile char *p = opaque(malloc(30));
    p[0] = 'n';
    free((char *)p);
}

int main(void) {
    char *p = spare();
    hint();
    needed();
    free(p);
    return !p;
}
