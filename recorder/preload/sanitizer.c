/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AddressSanitizer's runtime wants to be the first library and ends the program when it is
 * not ("ASan runtime does not come first in initial library list"). It has no reason to
 * mind us: we call its malloc() as the next one. So we are not in the list while it looks.
 *
 *   libasan's constructor ─► dl_iterate_phdr() (ours) ─► libc's ─► every object but us
 *
 * The rejected alternative, verify_asan_link_order=0 in ASAN_OPTIONS, would have to be put
 * into and taken out of the environment of every program.
 * Source: compiler-rt, asan_linux.cpp, AsanCheckDynamicRTPrereqs().
 *
 * Only before our own constructor ran, and only in a program with that runtime.
 */
#include <dlfcn.h>
#include <link.h>

#include "preload.h"
#include "sanitizer.h"

typedef int (*phdr_callback)(struct dl_phdr_info *, size_t, void *);

/* Weak: a dlsym() that finds nothing allocates its message, and who calls us here may be an
 * allocator that is just being set up (jemalloc, to unwind). */
extern void __asan_init(void) __attribute__((weak));

static int (*next_iterate)(phdr_callback, void *);
static bool looking, shown;

void sanitizer_start(void) {
    looking = true;
    next_iterate = (int (*)(phdr_callback, void *))dlsym(RTLD_NEXT, "dl_iterate_phdr");
    looking = false;
}

void sanitizer_show(void) {
    shown = true;
}

struct iteration {
    phdr_callback callback;
    void *context;
};

static bool is_us(const struct dl_phdr_info *info) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = (uintptr_t)&shown - info->dlpi_addr - p->p_vaddr;
        if (p->p_type == PT_LOAD && at < p->p_memsz)
            return true;
    }
    return false;
}

static int each(struct dl_phdr_info *info, size_t size, void *context) {
    const struct iteration *iteration = context;
    return is_us(info) ? 0 : iteration->callback(info, size, iteration->context);
}

EXPORT int dl_iterate_phdr(phdr_callback callback, void *context) {
    if (unlikely(!next_iterate && !looking))
        sanitizer_start();
    if (unlikely(!next_iterate)) /* asked by dlsym() itself: no one is */
        return 0;
    if (likely(shown || !__asan_init))
        return next_iterate(callback, context);
    struct iteration iteration = {callback, context};
    return next_iterate(each, &iteration);
}
