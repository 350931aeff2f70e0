/* SPDX-License-Identifier: Apache-2.0 */
/* A block that is overrun up to the next one, which is the first to be freed. */
#include "program.h"

#ifdef FIXED
#define WRITTEN 24
#else
#define WRITTEN 120 /* counts another thing than bytes */
#endif

OWN_FRAME char *make_first(void) {
    return opaque(malloc(24));
}

int main(void) {
    char *first = make_first();
    char *second = opaque(malloc(24));
    char *room = opaque(malloc(200)); /* nothing of the allocator's is written over */
    char *copy = opaque(malloc(100));
    if (!first || !second || !room)
        return 2;
    if (!copy) {
        memset(first, 'x', WRITTEN);
        opaque(first); /* stores before a free() are dropped */
    }
    free(room);
    free(second);
    free(first);
    if (!copy)
        return 1;
    free(copy);
    puts("done");
    return 0;
}
