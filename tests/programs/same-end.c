/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child of a shell script that does not look at its status: tests/replayer/outcomes.sh. Without any of its
 * blocks it ends in the same way; that of new_third is missed after everything has been printed.
 *
 * Flaw: nothing is printed without the others. Fixed: printed all the same, with the same status.
 */
#include <unistd.h>

#include "program.h"

#define BLOCK(name)                                                                      \
    OWN_FRAME void *name(void) {                                                         \
        return opaque(malloc(32));                                                       \
    }
BLOCK(new_first)
BLOCK(new_second)
BLOCK(new_third)
BLOCK(new_fourth)
BLOCK(new_fifth)

OWN_FRAME int end(int printed) {
#ifdef FIXED
    printed = 0;
#endif
    if (printed == 0 && write(1, "all of it\n", 10) != 10)
        return 4;
    return 3;
}

int main(void) {
    usleep(50000); /* the shell waits by then */
    void *a = new_first(), *b = a ? new_second() : NULL;
    if (!b)
        return end(1);
    if (!new_third())
        return end(0);
    if (!new_fourth() || !new_fifth())
        return end(1);
    return write(1, "all of it\n", 10) == 10 ? 0 : 4;
}
