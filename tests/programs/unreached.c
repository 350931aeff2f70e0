/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not deterministic: with WITH_EXTRA in the environment it allocates at a site of its
 * own. Recorded with it and replayed without it, that site never comes up.
 *
 * expect: new_extra once=unreached
 * expect: new_usual once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *new_extra(void) {
    return opaque(malloc(77));
}

OWN_FRAME char *new_usual(void) {
    return opaque(malloc(33));
}

int main(void) {
    char *extra = getenv("WITH_EXTRA") ? new_extra() : NULL;
    char *usual = new_usual();
    if (!usual)
        return 1;
    free(extra);
    free(usual);
    puts("done");
    return 0;
}
