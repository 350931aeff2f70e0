/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that modules map by themselves: mmap() and sbrk() as the program calls them. What is made of it is not
 * recorded, and a program that lives on it must not look like one that hardly needs memory.
 *
 * libc's own malloc() calls neither by name; an allocator in its place does and is the one that ours calls
 * next: binding.c, which puts the sums down, leaves that out. Counted is what is private, writable from the
 * start and no stack, by who called: a module makes such calls from few places.
 */
#include "mapped.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include "preload.h"
#include "sys.h"

static struct mapped callers[MAPPED_CALLERS];
static void *(*next_mmap)(void *, size_t, int, int, int, off_t);

void mapped_start(void) {
    next_mmap = (__typeof__(next_mmap))dlsym(RTLD_NEXT, "mmap");
}

void mapped_add(uintptr_t caller, size_t bytes) {
    for (uint32_t i = 0; i < MAPPED_CALLERS; i++) {
        struct mapped *at = &callers[i];
        if (!load_relaxed(&at->caller))
            cas(&at->caller, 0, caller);
        if (load_relaxed(&at->caller) == caller) {
            add_relaxed(&at->bytes, bytes);
            return;
        }
    }
}

const struct mapped *mapped_by(uint32_t i) {
    return i < MAPPED_CALLERS && load_relaxed(&callers[i].caller) ? &callers[i] : NULL;
}

static bool is_own_memory(int protection, int flags) {
    return protection & PROT_WRITE && flags & MAP_ANONYMOUS && !(flags & MAP_STACK) &&
           (flags & MAP_TYPE) == MAP_PRIVATE;
}

/* Before its constructors and in ld.so's hands nobody can be asked which one is next. */
static void *map(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    if (next_mmap)
        return next_mmap(at, n, protection, flags, fd, offset);
    long p = sys_call(SYS_mmap, (long)at, (long)n, protection, flags, fd, offset);
    if (p < 0 && p > -4096) {
        errno = (int)-p;
        return MAP_FAILED;
    }
    return (void *)p;
}

/* By the linker's names: whether the header's mmap() is mmap64() is for whoever compiles to say. */
typedef void *map_function(void *, size_t, int, int, int, off_t);
EXPORT map_function map_counted __asm__("mmap");
EXPORT map_function map_counted_64 __asm__("mmap64") __attribute__((alias("mmap")));

void *map_counted(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    void *p = map(at, n, protection, flags, fd, offset);
    if (p != MAP_FAILED && is_own_memory(protection, flags))
        mapped_add((uintptr_t)__builtin_return_address(0), n);
    return p;
}
