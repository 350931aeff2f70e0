/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a failed allocation is overlooked, and leaves a count that a check of the program's own finds
 * wrong later. It ends by abort(), but gives up for no lack of memory.
 * Fixed: the one that asked ends the program itself.
 *
 * expect: push once=crashed sticky=crashed
 * expect fixed: push once=aborted sticky=aborted
 */
#include "program.h"

struct cell {
    struct cell *next;
};
static struct cell *first;
static int n_cells;

OWN_FRAME void push(void) {
    struct cell *cell = opaque(malloc(sizeof *cell));
    n_cells++;
    if (!cell) {
#ifdef FIXED
        abort();
#endif
        return;
    }
    cell->next = first;
    first = cell;
}

OWN_FRAME void verify(void) {
    int n = 0;
    for (struct cell *cell = first; cell; cell = cell->next)
        n++;
    if (n != n_cells)
        abort();
}

int main(void) {
    for (int i = 0; i < 3; i++)
        push();
    verify();
    puts("verified");
    while (first) {
        struct cell *next = first->next;
        free(first);
        first = next;
    }
    return 0;
}
