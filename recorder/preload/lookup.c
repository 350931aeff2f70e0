/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlsym() as the program calls it: a pointer to malloc() that is asked for by name is ours as well.
 *
 *   dlsym (arch_<name>.c) ─ lookup_choose() ─► jump to the next dlsym(), as the program called it
 *                                          └─► jump to give(): the next dlsym(), and ours for libc's
 *
 * dlsym(dlopen("libc.so.6"), "malloc") gives without us what the program's own calls are bound to; with us it
 * would lead past us. Where it is the very function that our hook calls next, the hook is given: what the
 * program sees is as it was. What a wrapper asks for, which our hook calls next itself, is another one
 * and stays.
 *
 * RTLD_NEXT and RTLD_DEFAULT are about who asks, which ld.so knows by the return address: so the stub goes on by
 * a jump. Who asks for the next malloc() after us gets it past us; who that was is remembered here, and
 * binding.c puts it down.
 */
#include "lookup.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#include "hooks.h"
#include "preload.h"

#define ASKED 64u

void *(*lookup_next_dlsym)(void *, const char *);
static struct lookup_asked asked[ASKED];

/* Without libc's, which a sanitizer has taken over that is not up yet. */
static bool begins_with(const char *text, const char *with, bool whole) {
    while (*with && *text == *with) {
        text++;
        with++;
    }
    return !*with && !(whole && *text);
}

/* The name without what glibc puts before its own, or NULL: it is not about memory. */
static const char *plain_name(const char *name) {
    static const char *const names[] = {"malloc",       "calloc",         "realloc",
                                        "free",         "memalign",       "valloc",
                                        "pvalloc",      "posix_memalign", "aligned_alloc",
                                        "reallocarray", "cfree"};
    if (!name)
        return NULL;
    if (begins_with(name, "__libc_", false))
        name += 7;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (begins_with(name, names[i], true))
            return names[i];
    return NULL;
}

static void note(uintptr_t caller, const char *name) {
    for (uint32_t i = 0; i < ASKED; i++) {
        uintptr_t there = load_acquire(&asked[i].caller);
        if (!there && cas(&asked[i].caller, 0, caller)) {
            store_release(&asked[i].name, name);
            return;
        }
        if (load_acquire(&asked[i].caller) == caller)
            return;
    }
}

const struct lookup_asked *lookup_asked(uint32_t i) {
    return i < ASKED && load_acquire(&asked[i].name) ? &asked[i] : NULL;
}

/* Where the stub goes on. */
static void *give(void *handle, const char *name) {
    void *found = lookup_next_dlsym(handle, name);
    if (!found)
        return NULL;
#define GIVE(function)                                                                   \
    if (found == (void *)real.function)                                                  \
        return (void *)function;
    GIVE(malloc)
    GIVE(calloc)
    GIVE(realloc)
    GIVE(free)
    GIVE(memalign)
    GIVE(posix_memalign)
    GIVE(aligned_alloc)
    GIVE(reallocarray)
    GIVE(valloc)
    GIVE(pvalloc)
#undef GIVE
    return found;
}

lookup_function *lookup_choose(void *handle, const char *name, uintptr_t caller) {
    if (unlikely(!lookup_next_dlsym))
        lookup_start();
    const char *plain = plain_name(name);
    if (!plain || handle == RTLD_DEFAULT)
        return lookup_next_dlsym;
    if (handle != RTLD_NEXT)
        return give;
    note(caller, plain);
    return lookup_next_dlsym;
}

void lookup_start(void) {
    const char *version =
        ARCH_LIBC_FIRST; /* NULL: there is no stub, and dlsym() is libc's */
    void *next = version ? dlvsym(RTLD_NEXT, "dlsym", version) : (void *)dlsym;
    store_release(&lookup_next_dlsym, (lookup_function *)next);
}
