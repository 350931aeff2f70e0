/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: as crashed.c, but the allocating function is inlined: it is found by its inlined
 * frame.
 *
 * expect: make_point once=crashed sticky=crashed
 */
#include "program.h"

struct point {
    volatile int x, y;
};

static inline __attribute__((always_inline)) struct point *make_point(int x, int y) {
    struct point *point = opaque(malloc(sizeof *point));
    point->x = x;
    point->y = y;
    return point;
}

OWN_FRAME int distance(int x, int y) {
    struct point *point = make_point(x, y);
    int d = abs(point->x) + abs(point->y);
    free(point);
    return d;
}

int main(void) {
    printf("%d\n", distance(3, -4));
    return 0;
}
