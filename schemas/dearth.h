/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dearth.h: what a program may say to dearth about its failing allocations. All of it is
 * optional, and none of it does anything when the program does not run under dearth.
 *
 *   dearth_begin(); dearth_end();              failures only in between
 *   dearth_never_begin(); dearth_never_end();  no failure in between
 *   if (dearth_should_fail(n)) return NULL;    for an allocator of the program's own
 *
 * Nothing is linked: the functions are looked up once, when they are first called, by the
 * dlsym() of a program that has one. A static program has none, and gets the no-ops. For C99, C++
 * and what calls C; other languages call the functions of the same names that dearth's library
 * exports, found by dlsym(): dearth(3) has it for Rust.
 *
 * The pairs nest, and belong to the thread that calls them. What leaves a pair by longjmp() or an
 * exception has to close it itself.
 *
 * Licence: Apache-2.0, as dearth. This header may be copied into a program.
 */
#ifndef DEARTH_H
#define DEARTH_H

#include <stddef.h>

#if defined(__linux__) && defined(__GNUC__)

#define DEARTH_INLINE_ static __inline__ __attribute__((__always_inline__, __unused__))

/* Not <dlfcn.h>'s declaration: where there is no dlsym(), this one is NULL and not an error. */
#ifdef __cplusplus
extern "C" {
#endif
extern void *dearth_dlsym_(void *handle, const char *name) __asm__("dlsym")
    __attribute__((__weak__));
#ifdef __cplusplus
}
#endif

/* *found: NULL = not looked for yet, its own address = not there. Threads may look twice. */
DEARTH_INLINE_ void *dearth_find_(void **found, const char *name) {
    void *function = __atomic_load_n(found, __ATOMIC_RELAXED);
    if (!function) {
        function = dearth_dlsym_ ? dearth_dlsym_(NULL, name) : NULL; /* RTLD_DEFAULT */
        if (!function)
            function = found;
        __atomic_store_n(found, function, __ATOMIC_RELAXED);
    }
    return function == found ? NULL : function;
}

#define DEARTH_CALL_(name)                                                               \
    static void *dearth_found_;                                                          \
    union {                                                                              \
        void *object;                                                                    \
        void (*function)(void);                                                          \
    } dearth_it_;                                                                        \
    dearth_it_.object = dearth_find_(&dearth_found_, name);                              \
    if (dearth_it_.object)                                                               \
    dearth_it_.function()

/**
 * Failures are wanted from here to dearth_end(). A program of which a recording has seen this is
 * made to fail in such pairs only, in all its processes and threads.
 */
DEARTH_INLINE_ void dearth_begin(void) {
    DEARTH_CALL_("dearth_begin");
}
DEARTH_INLINE_ void dearth_end(void) {
    DEARTH_CALL_("dearth_end");
}

/** Nothing may fail from here to dearth_never_end(), not even in a dearth_begin() pair. */
DEARTH_INLINE_ void dearth_never_begin(void) {
    DEARTH_CALL_("dearth_never_begin");
}
DEARTH_INLINE_ void dearth_never_end(void) {
    DEARTH_CALL_("dearth_never_end");
}

/**
 * For an allocator that does not call malloc() for each block: must this one fail?
 * @size: bytes that were asked for
 * Return: 0, or 1 when the allocator must behave as if it had no more memory.
 */
DEARTH_INLINE_ int dearth_should_fail(size_t size) {
    static void *found;
    union {
        void *object;
        int (*function)(size_t);
    } it;
    int fails;
    it.object = dearth_find_(&found, "dearth_should_fail");
    if (!it.object)
        return 0;
    fails = it.function(size);
    __asm__ __volatile__("" : "+r"(fails)); /* no tail call: the caller is the site */
    return fails;
}

#else /* dearth is for Linux */

#if defined(__cplusplus) || __STDC_VERSION__ >= 199901L
#define DEARTH_INLINE_ static inline
#else
#define DEARTH_INLINE_ static
#endif
DEARTH_INLINE_ void dearth_begin(void) {
}
DEARTH_INLINE_ void dearth_end(void) {
}
DEARTH_INLINE_ void dearth_never_begin(void) {
}
DEARTH_INLINE_ void dearth_never_end(void) {
}
DEARTH_INLINE_ int dearth_should_fail(size_t size) {
    (void)size;
    return 0;
}

#endif
#endif
