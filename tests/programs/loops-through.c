/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a loop that never ends spends most of its time in what it calls: in a function of its own, or in the C
 * library, whose allocation failed and which returns each time. Fixed: reported.
 *
 * expect: new_end once=hung sticky=hung
 * expect fixed: new_end once=reported sticky=reported
 */
#include "program.h"

#ifndef FIXED
OWN_FRAME void burn(int rounds) {
    for (volatile int i = 0; i < rounds; i++)
        ;
}

/* A third of the time is its own, the rest is burn()'s. */
OWN_FRAME void retry(void *volatile *end) {
    while (!*end) {
        burn(700);
        for (volatile int i = 0; i < 300; i++)
            ;
    }
}
#endif

OWN_FRAME char *new_end(void) {
    return opaque(malloc(10));
}

OWN_FRAME char *read_first(FILE *in) {
    char *line = NULL;
    size_t room = 0;
#ifdef FIXED
    if (getdelim(&line, &room, '\n', in) < 0)
        return NULL;
#else
    while (getdelim(&line, &room, '\n', in) < 0)
        ;
#endif
    return line;
}

int main(int argc, char **argv) {
    (void)argv;
    FILE *in = argc > 1 ? fopen("/proc/self/comm", "r") : NULL;
    void *volatile end = in ? read_first(in) : new_end();
    if (!end)
#ifdef FIXED
        return 1;
#else
        retry(&end);
#endif
    if (in)
        fclose(in);
    free(end);
    return 0;
}
