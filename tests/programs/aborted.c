/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy, no bug: out of memory is answered by a plain abort().
 * Fixed: an ordinary exit.
 *
 * expect: new_buffer once=aborted sticky=aborted
 * expect fixed: new_buffer once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *new_buffer(size_t n) {
    return opaque(malloc(n));
}

int main(void) {
    char *buffer = new_buffer(128);
    if (!buffer)
#ifdef FIXED
        return 1;
#else
        abort();
#endif
    strcpy(buffer, "written");
    puts(buffer);
    free(buffer);
    return 0;
}
