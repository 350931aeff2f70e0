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

#endif
