/* SPDX-License-Identifier: Apache-2.0 */
/* A library that tells its callers when there is no memory: see ignores.c. */
#include "program.h"

char *ask_for(size_t n);

OWN_FRAME char *get(size_t n) {
    return opaque(malloc(n));
}

__attribute__((noinline)) char *ask_for(size_t n) {
    char *room = get(n);
    return opaque(room);
}
