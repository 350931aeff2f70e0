/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads its standard input to the end (a pipe, a file, a terminal), growing one buffer,
 * and says how many lines and bytes there were. A growth that fails is reported.
 *
 * expect: grow_input once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

OWN_FRAME char *grow_input(char *old, size_t n) {
    return opaque(realloc(old, n));
}

int main(void) {
    size_t used = 0, room = 0, lines = 0;
    char *text = NULL;
    for (;;) {
        if (used == room) {
            char *bigger = grow_input(text, room = room ? 2 * room : 64);
            if (!bigger) {
                free(text);
                return 1;
            }
            text = bigger;
        }
        ssize_t n = read(0, text + used, room - used);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    for (size_t i = 0; i < used; i++)
        lines += text[i] == '\n';
    printf("%zu lines, %zu bytes\n", lines, used);
    free(text);
    return 0;
}
