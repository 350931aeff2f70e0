/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: without its buffer it prints line by line, slowly, and gets there. A time
 * limit alone would call that hung; with the argument "stuck" it repeats itself instead.
 */
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_buffer(void) {
    return opaque(malloc(4000));
}

int main(int argc, char **argv) {
    (void)argv;
    char *buffer = new_buffer();
    for (int i = 0; i < 64; i++) {
        dprintf(1, "line %d\n", i);
        if (!buffer)
            usleep(50000);
        if (!buffer && argc > 1)
            i--;
    }
    free(buffer);
    return 0;
}
