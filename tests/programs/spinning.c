/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a list whose last node was never made closes on itself; walking it burns time for
 * ever without another allocation. Fixed: reported.
 *
 * expect: new_end once=hung sticky=hung
 * expect fixed: new_end once=reported sticky=reported
 */
#include "program.h"

struct node {
    struct node *volatile next;
};

OWN_FRAME struct node *new_end(void) {
    struct node *end = opaque(malloc(sizeof *end));
    if (end)
        end->next = NULL;
    return end;
}

OWN_FRAME int count(struct node *node) {
    int n = 0;
    for (; node; node = node->next)
        n++;
    return n;
}

int main(void) {
    struct node first;
    first.next = new_end();
    if (!first.next)
#ifdef FIXED
        return 1;
#else
        first.next = &first;
#endif
    printf("%d\n", count(&first));
    free(first.next);
    return 0;
}
