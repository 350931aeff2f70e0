/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four allocations that may fail, and two mistakes: compare() looks at either of two names, on lines
 * of its own, and measure() at a third, without asking whether they are there.
 *   expect: new_left once=crashed sticky=crashed
 *   expect: new_right once=crashed sticky=crashed
 *   expect: new_other once=crashed sticky=crashed
 *   expect: new_third once=crashed sticky=crashed
 *   expect fixed: new_left once=reported sticky=reported
 *   expect fixed: new_right once=reported sticky=reported
 *   expect fixed: new_other once=reported sticky=reported
 *   expect fixed: new_third once=reported sticky=reported
 */
#include "program.h"

#define MAKER(name, n)                                                                   \
    OWN_FRAME char *name(void) {                                                         \
        char *made = opaque(malloc(n));                                                  \
        if (made)                                                                        \
            memcpy(made, "name", 5);                                                     \
        return made;                                                                     \
    }
MAKER(new_left, 10)
MAKER(new_right, 11)
MAKER(new_other, 12)
MAKER(new_third, 13)

OWN_FRAME int compare(char *left, char *right) {
    int (*volatile same)(const char *, const char *) = strcmp;
    int order = same(left, "name");
    if (!order)
        order = same("name", right);
    return order;
}

OWN_FRAME size_t measure(char *name) {
    size_t (*volatile length)(const char *) = strlen;
    return length(name);
}

int main(void) {
    char *names[] = {new_left(), new_right(), new_other(), new_third()};
#ifdef FIXED
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!names[i])
            return 1;
#endif
    int status = compare(names[0], names[1]) || compare(names[2], names[0]) ||
                 measure(names[3]) != 4;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        free(names[i]);
    return status;
}
