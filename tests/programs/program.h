/* SPDX-License-Identifier: Apache-2.0 */
/* What the small targets share: functions that keep their own frame. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A function whose name must be found in the stack of its allocation. */
#define OWN_FRAME static __attribute__((noinline))

/* Keep the compiler from seeing that @p came from malloc: it may drop a malloc() whose
 * result it knows to be unused, and warns about flaws that are there on purpose. */
static inline void *opaque(void *p) {
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

#endif
