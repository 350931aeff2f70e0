/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a line that finds no memory is left out with a warning; the status still says
 * success. Fixed: the status says that the output is not whole.
 *
 * expect: copy_line once=degraded sticky=degraded
 * expect fixed: copy_line once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *copy_line(const char *line) {
    char *copy = opaque(malloc(strlen(line) + 1));
    return copy ? strcpy(copy, line) : NULL;
}

int main(void) {
    static const char *const lines[] = {"alpha", "beta", "gamma"};
    int missing = 0;
    for (int i = 0; i < 3; i++) {
        char *copy = copy_line(lines[i]);
        if (!copy) {
            fprintf(stderr, "degraded: line %d left out\n", i + 1);
            missing++;
            continue;
        }
        puts(copy);
        free(copy);
    }
#ifdef FIXED
    return missing ? 1 : 0;
#else
    return 0;
#endif
}
