/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that makes, grows and ends blocks. Variants, by what serves it:
 *   (none)   malloc() of whoever comes first
 *   OWN      one of its own, of the name malloc(), on a static area; linked -Bsymbolic it calls that
 *   HIDDEN   one of its own, of a prefixed name that nobody else sees, as static jemalloc is
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(OWN)
#define NAME(x) x
#define SCOPE
#elif defined(HIDDEN)
#define NAME(x) je_##x
#define SCOPE   __attribute__((visibility("hidden"), noinline))
#endif
#ifdef SCOPE
static _Alignas(16) char area[1 << 20];
static size_t used;
SCOPE void *NAME(malloc)(size_t n) {
    size_t *p = (size_t *)(area + used);
    used += (n + 31) & ~(size_t)15;
    p[0] = n;
    return p + 2;
}
SCOPE void NAME(free)(void *p) {
    (void)p;
}
SCOPE void *NAME(realloc)(void *old, size_t n) {
    void *p = NAME(malloc)(n);
    if (old)
        memcpy(p, old, ((size_t *)old)[-2] < n ? ((size_t *)old)[-2] : n);
    return p;
}
SCOPE void *NAME(calloc)(size_t a, size_t b) {
    return memset(NAME(malloc)(a * b), 0, a * b);
}
#else
#define NAME(x) x
#endif

void *make(size_t n);
void *grow(void *p, size_t n);
void end(void *p);
void *make(size_t n) {
    return NAME(malloc)(n);
}
void *grow(void *p, size_t n) {
    return NAME(realloc)(p, n);
}
void end(void *p) {
    NAME(free)(p);
}
