/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy, no bug: who is told that there is no memory calls a function that does nothing but end the
 * program.
 * Fixed: an ordinary exit.
 *
 * expect: new_buffer once=aborted sticky=aborted
 * expect fixed: new_buffer once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *new_buffer(size_t n) {
    return opaque(malloc(n));
}

OWN_FRAME void end_it(void) {
#ifdef FIXED
    exit(3);
#else
    abort();
#endif
}

int main(void) {
    char *buffer = new_buffer(128);
    if (!buffer)
        end_it();
    strcpy(buffer, "written");
    puts(buffer);
    free(buffer);
    return 0;
}
