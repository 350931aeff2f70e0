/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the pool never asks malloc(), so nobody sees its allocations but by dearth.h; the second
 * item of it is not checked. Fixed: it is.
 *
 * expect: new_first once=reported sticky=reported
 * expect: new_second once=crashed sticky=crashed
 * expect fixed: new_first once=reported sticky=reported
 * expect fixed: new_second once=reported sticky=reported
 */
#include <unistd.h>

#include "dearth.h"
#include "program.h"

static _Alignas(16) char memory[4096];
static size_t used;

/* A name that the catalogue of wrappers knows: the location is its caller. */
OWN_FRAME void *xalloc_pool(size_t n) {
    if (dearth_should_fail(n) || n > sizeof memory - used)
        return NULL;
    used += n;
    return memory + used - n;
}

OWN_FRAME int *new_first(void) {
    return opaque(xalloc_pool(64));
}

OWN_FRAME int *new_second(void) {
    return opaque(xalloc_pool(128));
}

int main(void) {
    static const char done[] = "done\n";
    int *first = new_first();
    if (!first)
        return 1;
    int *second = new_second();
#ifdef FIXED
    if (!second)
        return 1;
#endif
    second[0] = 1;
    opaque(second);
    return write(1, done, sizeof done - 1) < 0;
}
