/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlsym() and dlvsym() as the program calls them: a pointer to malloc() that is asked for by name is ours as well.
 *
 *   dlsym (arch_<name>.c) ─ lookup_choose() ─► jump to the next dlsym(), as the program called it
 *                                          └─► jump to give(): the next dlsym(), and ours for libc's
 *   dlvsym                ─ lookup_choose_version(), likewise
 *
 * dlsym(dlopen("libc.so.6"), "malloc") gives without us what the program's own calls are bound to; with us it
 * would lead past us. Where it is the very function that our hook calls next, the hook is given: what the
 * program sees is as it was. What a wrapper asks for, which our hook calls next itself, is another one
 * and stays.
 *
 * RTLD_NEXT and RTLD_DEFAULT are about who asks, which ld.so knows by the return address: so the stub goes on by
 * a jump. Who asks for the next malloc() after us gets it past us; who that was is remembered here, and
 * binding.c puts it down. dlvsym() passes over ours, which has no version, even where we are in its way: with RTLD_DEFAULT,
 * and with RTLD_NEXT in the executable.
 *
 * The next dlsym() is found by dlvsym(), and that one, since every call of it by its name is ours, in the tables
 * of the library that has it.
 */
#include "lookup.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include "hooks.h"
#include "preload.h"

#define ASKED 64u

void *(*lookup_next_dlsym)(void *, const char *);
static lookup_version_function *next_dlvsym;
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

static const void *table_of(const struct link_map *map, ElfW(Sxword) tag) {
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == tag) /* an address by now, but not on all machines */
            return (const void *)(d->d_un.d_ptr < map->l_addr
                                      ? d->d_un.d_ptr + map->l_addr
                                      : d->d_un.d_ptr);
    return NULL;
}

/* The function @name of a library, whichever of its versions. Source: "GNU hash ELF sections", Ali Bahrami. */
static void *find_in(const struct link_map *map, const char *name) {
    const uint32_t *hash = table_of(map, DT_GNU_HASH);
    const ElfW(Sym) *symbols = table_of(map, DT_SYMTAB);
    const char *names = table_of(map, DT_STRTAB);
    uint32_t wanted = 5381;
    if (!hash || !hash[0] || !symbols || !names)
        return NULL;
    for (const char *c = name; *c; c++)
        wanted = wanted * 33 + (unsigned char)*c;
    uint32_t n_buckets = hash[0], first = hash[1], n_words = hash[2];
    const uint32_t *buckets = hash + 4 + n_words * (sizeof(ElfW(Addr)) / sizeof *hash);
    const uint32_t *chain = buckets + n_buckets;
    for (uint32_t i = buckets[wanted % n_buckets]; i >= first; i++) {
        bool same = (chain[i - first] | 1) == (wanted | 1);
        if (same && symbols[i].st_shndx != SHN_UNDEF &&
            begins_with(names + symbols[i].st_name, name, true))
            return (void *)(map->l_addr + symbols[i].st_value);
        if (chain[i - first] & 1)
            break;
    }
    return NULL;
}

static struct link_map *map_of(uintptr_t address) {
    Dl_info info;
    void *map = NULL;
    return dladdr1((void *)address, &info, &map, RTLD_DL_LINKMAP) ? map : NULL;
}

/* Where the stubs go on. */
static void *give(void *handle, const char *name) {
    void *found = lookup_next_dlsym(handle, name);
    return found ? hooks_for(found) : NULL;
}

static void *give_version(void *handle, const char *name, const char *version) {
    void *found = next_dlvsym(handle, name, version);
    return found ? hooks_for(found) : NULL;
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

/* Is ours the next @name after the caller's module, as the executable's is? */
static bool are_next(uintptr_t caller, const char *name) {
    const struct link_map *from = map_of(caller), *map = map_of((uintptr_t)&next_dlvsym);
    while (map && map != from) {
        map = map->l_prev;
        if (map && map != from && map->l_ld && find_in(map, name))
            return false;
    }
    return map && map->l_ld && from != map_of((uintptr_t)&next_dlvsym);
}

lookup_version_function *lookup_choose_version(void *handle, const char *name,
                                               const char *version, uintptr_t caller) {
    if (unlikely(!lookup_next_dlsym))
        lookup_start();
    const char *plain = plain_name(name);
    if (!plain)
        return next_dlvsym;
    if (handle == RTLD_NEXT && are_next(caller, name))
        return give_version; /* what comes after us */
    if (handle == RTLD_NEXT) {
        note(caller, plain);
        return next_dlvsym;
    }
    /* from here as from there, mostly; where not, it is the program's own question */
    if (handle == RTLD_DEFAULT) {
        void *found = next_dlvsym(handle, name, version);
        return found && hooks_for(found) != found ? give_version : next_dlvsym;
    }
    return give_version;
}

/* --- the next ones --- */

/* In the first module after ours that has it: libc, and before glibc 2.34 libdl. */
static void *find_next_dlvsym(void) {
    const struct link_map *map = map_of((uintptr_t)&next_dlvsym);
    void *found = NULL;
    while (map && !found && (map = map->l_next))
        found = map->l_ld ? find_in(map, "dlvsym") : NULL;
    return found;
}

void lookup_start(void) {
    const char *version =
        ARCH_LIBC_FIRST; /* NULL: there are no stubs, and dlsym() is libc's */
    next_dlvsym = (lookup_version_function *)(version ? find_next_dlvsym() : NULL);
    void *next = next_dlvsym ? next_dlvsym(RTLD_NEXT, "dlsym", version) : (void *)dlsym;
    store_release(&lookup_next_dlsym, (lookup_function *)next);
}
