/* SPDX-License-Identifier: Apache-2.0 */
/* The allocation functions: see hooks.c. */
#ifndef DEARTH_PRELOAD_HOOKS_H
#define DEARTH_PRELOAD_HOOKS_H

#include "preload.h"

/** Find the real functions. Context: process_start(). */
void hooks_start(void);

struct real {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
};
extern struct real real;

/** Our own hook for a real function, also where the executable has one of that name, which our references to the
 * name are bound to. Return: @real_function itself when it is none of ours. */
void *hooks_for(void *real_function);

#endif
