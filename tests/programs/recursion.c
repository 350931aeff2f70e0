/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: recursion must not make a site per depth.
 *
 * usage: recursion [DEPTH]   (default 200)
 *   straight()        calls itself DEPTH times and allocates at every level: folded, a
 * handful of sites even() and odd()  call each other, likewise
 *
 * expect: new_level once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME void *new_level(void) {
    void *p = opaque(malloc(40));
    if (!p)
        exit(1);
    return p;
}

OWN_FRAME int straight(int depth) {
    void *level = new_level();
    int below = depth > 0 ? straight(depth - 1) : 0;
    free(opaque(level));
    return below + 1;
}

OWN_FRAME int odd(int depth);

OWN_FRAME int even(int depth) {
    void *level = new_level();
    int below = depth > 0 ? odd(depth - 1) : 0;
    free(opaque(level));
    return below + 1;
}

OWN_FRAME int odd(int depth) {
    void *level = new_level();
    int below = depth > 0 ? even(depth - 1) : 0;
    free(opaque(level));
    return below + 2;
}

int main(int argc, char **argv) {
    int depth = argc > 1 ? atoi(argv[1]) : 200;
    printf("%d %d\n", straight(depth), even(depth));
    return 0;
}
