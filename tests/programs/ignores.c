/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the program goes on without what a library, asked.c, did not give it, and says nothing.
 * Fixed: it says so.
 *
 * expect: get once=degraded sticky=degraded
 * expect fixed: get once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

char *ask_for(size_t n);

OWN_FRAME int show(void) {
    char *room = ask_for(20);
    if (!room) {
#ifdef FIXED
        return 1;
#else
        return write(1, "0\n", 2) != 2;
#endif
    }
    strcpy(room, "42\n");
    size_t n = strlen(room);
    int bad = write(1, room, n) != (ssize_t)n;
    free(room);
    return bad;
}

int main(void) {
    int bad = show();
    return opaque(bad ? "" : NULL) != NULL;
}
