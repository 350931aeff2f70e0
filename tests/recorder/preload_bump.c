/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simplest allocator there is: never gives back, never locks. A handler may jump out
 * of it, which no real allocator allows. Preloaded behind dearth's library.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static char area[1u << 30] __attribute__((aligned(16)));
static size_t used;

void *malloc(size_t n);
void *calloc(size_t a, size_t b);
void *realloc(void *old, size_t n);
void free(void *p);

void *malloc(size_t n) {
    n = (n + 31) & ~(size_t)15;
    size_t at = __atomic_fetch_add(&used, n, __ATOMIC_RELAXED);
    return at + n <= sizeof area ? area + at : NULL;
}

void *calloc(size_t a, size_t b) {
    return malloc(a * b);
}

void *realloc(void *old, size_t n) {
    void *p = malloc(n);
    return p && old ? memcpy(p, old, n) : p;
}

void free(void *p) {
    (void)p;
}
