/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw in main(): it returns early with blocks in its variables, as it may, be they its own requests
 * or what a function made for it. Flaw: fill() forgets the name of the list that it could not fill, and
 * push(), which main() calls twice, loses its array to a failed realloc(). Fixed: both are freed.
 *
 * expect: copy once=reported sticky=reported
 * expect: make_list once=reported sticky=reported
 * expect: make_items once=reported sticky=reported
 * expect: push once=reported sticky=reported
 * expect fixed: copy once=reported sticky=reported
 * expect fixed: make_list once=reported sticky=reported
 * expect fixed: make_items once=reported sticky=reported
 * expect fixed: push once=reported sticky=reported
 * leaks: make_items make_name
 * leaks: push push
 */
#include "program.h"

struct list {
    char *name;
    int *items;
};

static int *numbers;
static size_t n_numbers;

OWN_FRAME char *copy(const char *s) {
    char *p = opaque(malloc(strlen(s) + 1));
    return p ? strcpy(p, s) : NULL;
}

OWN_FRAME struct list *make_list(void) {
    return opaque(calloc(1, sizeof(struct list)));
}

OWN_FRAME char *make_name(void) {
    return opaque(malloc(33));
}

OWN_FRAME int *make_items(void) {
    return opaque(malloc(400));
}

OWN_FRAME int fill(struct list *list) {
    char *name = make_name();
    if (!name)
        return -1;
    list->items = make_items();
    if (!list->items) {
#ifdef FIXED
        free(name);
#endif
        return -1;
    }
    list->name = name;
    return 0;
}

OWN_FRAME int push(int number) {
    int *more = opaque(realloc(numbers, (n_numbers + 1) * sizeof *numbers));
#ifdef FIXED
    if (!more)
        free(numbers);
#endif
    numbers = more;
    if (!numbers)
        return -1;
    numbers[n_numbers++] = number;
    return 0;
}

int main(void) {
    char *first = copy("one");
    if (!first)
        return 1;
    char *second = copy("two");
    if (!second)
        return 1;
    struct list *list = make_list();
    if (!list || fill(list) < 0)
        return 2;
    if (push(1) < 0)
        return 3;
    if (push(2) < 0)
        return 3;
    puts(first);
    puts(second);
    free(first);
    free(second);
    free(list->name);
    free(list->items);
    free(list);
    free(numbers);
    return 0;
}
