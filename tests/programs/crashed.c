/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the node's allocation is not checked before its first field is written: SIGSEGV
 * in link_node. Fixed: checked and reported.
 *
 * expect: new_node once=crashed sticky=crashed
 * expect: new_list once=reported sticky=reported
 * expect fixed: new_node once=reported sticky=reported
 * expect fixed: new_list once=reported sticky=reported
 */
#include "program.h"

struct node {
    struct node *next;
    int value;
};
struct list {
    struct node *first;
};

OWN_FRAME struct list *new_list(void) {
    return opaque(calloc(1, sizeof(struct list)));
}

OWN_FRAME struct node *new_node(void) {
    return opaque(malloc(sizeof(struct node)));
}

OWN_FRAME int link_node(struct list *list, int value) {
    struct node *node = new_node();
#ifdef FIXED
    if (!node)
        return -1;
#endif
    node->value = value;
    node->next = list->first;
    list->first = node;
    return 0;
}

int main(void) {
    struct list *list = new_list();
    if (!list)
        return 2;
    int status = 0, sum = 0;
    for (int i = 0; i < 5; i++)
        if (link_node(list, i) < 0)
            status = 2;
    for (struct node *n = list->first, *next; n; n = next) {
        next = n->next;
        sum += n->value;
        free(n);
    }
    free(list);
    if (status == 0)
        printf("%d\n", sum);
    return status;
}
