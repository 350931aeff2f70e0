/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to malloc() that no relocation names.
 *
 *   (nothing)  a program that asks libc.so.6 itself for it, and makes 20 blocks
 *   VERSION    in any of them: by dlvsym(), of this version, that of the oldest symbols of libc
 *   NEXT       a library that asks for the next one, and makes 20 blocks for unseen_host.c
 *   WRAPS      a program with a malloc() and a free() of its own, which ask for the next ones when first called
 *   TURNS      as WRAPS, and asks libc.so.6 itself later on
 *   MAPS       a program that maps 8 MiB by itself
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef VERSION
#define dlsym(handle, name) dlvsym(handle, name, VERSION)
#endif

#ifdef NEXT
void *make(size_t n);
void *grow(void *p, size_t n);
void end(void *p);

void *make(size_t n) {
    void *(*ask)(size_t) = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return ask(n);
}
void *grow(void *p, size_t n) {
    void *(*ask)(void *, size_t) = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    return ask(p, n);
}
void end(void *p) {
    void (*ask)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    ask(p);
}
#else

#ifdef WRAPS
static void *(*next_malloc)(size_t);
void *malloc(size_t n) {
    if (!next_malloc)
        next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return next_malloc(n);
}
void free(void *p) {
    static void (*next)(void *);
    if (!next)
        next = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    next(p);
}
#endif

static int fill(void *(*get)(size_t), void (*end)(void *)) {
    for (size_t i = 0; i < 20; i++) {
        char *p = get(100 + i);
        if (!p)
            return 1;
        memset(p, 1, 100);
        end(p);
    }
    return 0;
}

int main(void) {
#if defined MAPS
    char *p =
        mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    p[0] = 1;
    return fill(malloc, free);
#elif defined WRAPS
#ifdef TURNS
    next_malloc = (void *(*)(size_t))dlsym(dlopen("libc.so.6", RTLD_NOW), "malloc");
#endif
    return fill(malloc, free);
#else
    void *libc = dlopen("libc.so.6", RTLD_NOW);
    if (!libc)
        return 2;
    void *(*get)(size_t) = (void *(*)(size_t))dlsym(libc, "malloc");
    if (dlsym(libc, "__libc_malloc") != (void *)get || !dlsym(libc, "printf"))
        return 3;
#ifdef VERSION
    if (dlvsym(libc, "malloc", "GLIBC_2.99") || dlsym(libc, "absent") ||
        dlsym(RTLD_DEFAULT, "malloc") != (void *)get)
        return 4;
#endif
    return fill(get, (void (*)(void *))dlsym(libc, "free"));
#endif
}
#endif
