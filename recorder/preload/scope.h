/* SPDX-License-Identifier: Apache-2.0 */
/* Which later calls a lasting failure takes: see scope.c. */
#ifndef DEARTH_PRELOAD_SCOPE_H
#define DEARTH_PRELOAD_SCOPE_H

#include "preload.h"

/** Is there one? Context: the arena is mapped. */
static inline bool scope_given(void) {
    return preload.scope_block != 0;
}

/** Take over from the header where the scope lies, when all of it is in the arena. */
void scope_start(const struct shm_header *arena);

/**
 * Is a call in the scope? One that is not, and one that is not surely so, is counted in @fault.
 * @node: its site; 0 = not known: it is not
 * Context: re-entry flag held; scope_given().
 */
bool scope_takes(struct shm_fault *fault, uint32_t node);

#endif
