/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child of a shell script that does not look at its status: tests/replayer/outcomes.sh. Without any of its
 * blocks it prints what it prints with them, and ends with another status.
 *
 * Flaw: without that of new_third it prints nothing. Fixed: it does.
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

static int end(int status) {
    return write(1, "all of it\n", 10) == 10 ? status : 4;
}

int main(void) {
    usleep(50000); /* the shell waits by then */
    if (!new_first() || !new_second())
        return end(3);
    if (!new_third()) {
#ifdef FIXED
        return end(3);
#else
        return 3;
#endif
    }
    if (!new_fourth() || !new_fifth())
        return end(3);
    return end(0);
}
