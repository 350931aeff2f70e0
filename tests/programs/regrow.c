/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: what realloc() returns takes the place of the block, which is lost when that is NULL; the first
 * call of the loop has none to lose.
 *
 * expect: grow once=reported sticky=reported
 * expect fixed: grow once=reported sticky=reported
 * leaks: grow grow
 */
#include "program.h"

enum { STEP = 64, ROUNDS = 4 };

static char *list;
static size_t size;

OWN_FRAME int grow(void) {
    char *longer = opaque(realloc(list, size + STEP));
#ifdef FIXED
    if (!longer)
        return 0;
#endif
    list = longer;
    if (!list)
        return 0;
    memset(list + size, 'x', STEP);
    size += STEP;
    return 1;
}

int main(void) {
    for (int i = 0; i < ROUNDS; i++)
        if (!grow()) {
            free(list);
            return 1;
        }
    free(list);
    return 0;
}
