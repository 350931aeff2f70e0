/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: the aligned allocation functions, each checked for alignment, errno and return
 * values. Any difference made by an interposed library is exit status 40.
 *
 * expect: new_aligned once=reported sticky=reported
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#include "program.h"

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "aligned.c:%d: %s\n", __LINE__, #condition);                 \
            exit(40);                                                                    \
        }                                                                                \
    } while (0)

OWN_FRAME void *new_aligned(size_t alignment, size_t n) {
    void *p = (void *)1;
    errno = 5;
    int error = posix_memalign(&p, alignment, n);
    MUST(errno == 5); /* posix_memalign returns its error and leaves errno alone ... */
    if (error) {
        MUST(p == (void *)1); /* ... and the pointer, when it fails */
        MUST(error == ENOMEM);
        exit(1);
    }
    return opaque(p);
}

static void must_align(void *p, size_t alignment) {
    if (!p)
        exit(1);
    MUST((uintptr_t)p % alignment == 0);
    MUST(malloc_usable_size(p) >= 100);
    memset(p, 1, 100);
    free(p);
}

int main(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *untouched = (void *)2;
    volatile size_t odd_alignment = 24;
    for (size_t alignment = 8; alignment <= 1u << 16; alignment *= 2)
        must_align(new_aligned(alignment, 100), alignment);
    MUST(posix_memalign(&untouched, odd_alignment, 8) == EINVAL &&
         untouched == (void *)2);
    must_align(opaque(aligned_alloc(64, 128)), 64);
    must_align(opaque(memalign(256, 100)), 256);
    must_align(opaque(valloc(100)), page);
    must_align(opaque(pvalloc(100)), page);
    puts("aligned as asked");
    return 0;
}
