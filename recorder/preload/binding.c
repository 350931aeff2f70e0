/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where do this process's modules have their allocation functions from?
 *
 *   _r_debug ─► link maps of all namespaces ─► PT_DYNAMIC ─► symbols of the families below
 *                                                 └► relocations that name them ─► values ─► who serves it?
 *
 * A call is seen when it comes to our hooks. What another module serves (RTLD_DEEPBIND, dlmopen(), an
 * allocator of its own, operator new of a pool) does not, and must not pass for "nothing happened". Looked
 * at are the words that the calls go through, after the fact: whatever rule bound them, they say where to. A
 * word of lazy binding that still points into its own module was never called through.
 *
 * When: at the end of the process, before dlclose(), an exec and a sandbox, and every now and then on the way
 * for those that are killed. Modules may come and go meanwhile in other threads, and ld.so's lock may be
 * held by a thread that is gone: so no lock is taken, and all is read through the kernel, which says EFAULT
 * where a wrong address would be the program's end. A race shows a module not at all, or as it was.
 *
 * What hidden symbols of a file say (an allocator linked in) is read from outside, by the names of what was
 * loaded: recorder/unseen/. Who runs it: any thread, no guard needed: nothing in here allocates.
 */
#include "binding.h"

#include <dlfcn.h>

#include "binding_private.h"
#include "hooks.h"
#include "local.h"
#include "lookup.h"
#include "mapped.h"
#include "module.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "stamp.h"
#include "thread.h"

const struct binding_name binding_names[BINDING_NAMES] = {
    {"malloc", FAMILY_OURS},
    {"calloc", FAMILY_OURS},
    {"realloc", FAMILY_OURS},
    {"free", FAMILY_OURS},
    {"reallocarray", FAMILY_OURS},
    {"posix_memalign", FAMILY_OURS},
    {"aligned_alloc", FAMILY_OURS},
    {"memalign", FAMILY_OURS},
    {"_Znwm", FAMILY_NEW},
    {"_Znam", FAMILY_NEW},
    {"_ZnwmRKSt9nothrow_t", FAMILY_NEW},
    {"_ZnamRKSt9nothrow_t", FAMILY_NEW},
    {"_ZnwmSt11align_val_t", FAMILY_NEW},
    {"_ZnamSt11align_val_t", FAMILY_NEW},
    {"__libc_malloc", FAMILY_PAST},
    {"__libc_calloc", FAMILY_PAST},
    {"__libc_realloc", FAMILY_PAST},
    {"__libc_memalign", FAMILY_PAST},
    {"mallocx", FAMILY_PAST},
    {"rallocx", FAMILY_PAST},
    {"je_malloc", FAMILY_PAST},
    {"je_calloc", FAMILY_PAST},
    {"je_mallocx", FAMILY_PAST},
    {"mi_malloc", FAMILY_PAST},
    {"mi_calloc", FAMILY_PAST},
    {"mi_zalloc", FAMILY_PAST},
    {"mi_malloc_aligned", FAMILY_PAST},
    {"mi_heap_malloc", FAMILY_PAST},
    {"tc_malloc", FAMILY_PAST},
    {"tc_calloc", FAMILY_PAST},
    {"tc_new", FAMILY_PAST},
};
_Static_assert(BINDING_NAMES <= 64, "main_defines");

#define MAPPED_LEAST (1u << 20) /* bytes: no word about less */

static struct {
    const struct r_debug *debug;
    uintptr_t own_start, own_end;
    uintptr_t next; /* the real malloc() */
    uint64_t last_ns;
} found;

void binding_start(void) {
    struct object self;
    found.debug = dlsym(RTLD_DEFAULT, "_r_debug");
    found.next = (uintptr_t)real.malloc;
    binding_begin_images(found.debug);
    if (module_find((uintptr_t)&binding_start, &self)) {
        found.own_start = self.start;
        found.own_end = self.end;
    }
}

/* --- putting down --- */

/* @name: its name, when it was read already */
static size_t put_path(struct look *look, size_t at, const struct image *image,
                       const char *name) {
    char *to = look->path + at;
    if (image->main)
        name = local->process->exe;
    size_t n = name ? 0 : binding_fetch_text(look, to, SHM_PATH_BYTES, image->name);
    if (name) {
        while (n < SHM_PATH_BYTES - 1 && name[n])
            n++;
        __builtin_memcpy(to, name, n);
        to[n] = '\0';
    }
    if (image->main)
        return at + n + 1;
    if (n && to[0] != '/' && __builtin_strchr(to, '/')) { /* dlopen("./plugin.so") */
        long cwd = sys_call(SYS_getcwd, (long)look->cwd, sizeof look->cwd, 0, 0, 0, 0);
        size_t skip = to[0] == '.' && to[1] == '/' ? 2 : 0;
        if (cwd > 1 && look->cwd[0] == '/' && (size_t)cwd + n < SHM_PATH_BYTES) {
            __builtin_memmove(to + cwd, to + skip, n - skip + 1);
            __builtin_memcpy(to, look->cwd, (size_t)cwd - 1);
            to[cwd - 1] = '/';
            n = (size_t)cwd + n - skip;
        }
    }
    return at + n + 1;
}

/* Return: whether it is new in the session. */
static bool claim(struct shm_bindings *table, uint64_t hash) {
    for (uint32_t i = 0; i < 64; i++) {
        uint64_t *seen = &table->seen[(hash + i) % SHM_BINDINGS_SEEN];
        uint64_t there = load_relaxed(seen);
        if (there == hash)
            return false;
        if (!there && cas(seen, 0, hash))
            return true;
        if (load_relaxed(seen) == hash)
            return false;
    }
    add_relaxed(&table->lost, 1);
    return false;
}

static void put(const struct look *look, uint8_t kind, size_t n) {
    struct shm_bindings *table = shm_bindings(preload.arena);
    struct dearth_key key = key_hash(look->path, n);
    if (!claim(table, (key.hi ^ kind * 0x9e3779b97f4a7c15ull) | 1))
        return;
    uint32_t bytes = (uint32_t)(sizeof(struct shm_binding) + n + 3) & ~3u;
    uint32_t at = load_relaxed(&table->used);
    do
        if (at % 4 || at > SHM_BINDINGS_TEXT - bytes) {
            add_relaxed(&table->lost, 1);
            return;
        }
    while (!__atomic_compare_exchange_n(&table->used, &at, at + bytes, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    struct shm_binding *entry = (struct shm_binding *)&table->entries[at];
    entry->kind = kind;
    __builtin_memcpy(entry->text, look->path, n);
    store_release(&entry->bytes, (uint16_t)n);
}

static void put_elsewhere(struct look *look, const struct image *image,
                          const struct image *definer, uint32_t name) {
    size_t n = put_path(look, 0, image, NULL);
    n = put_path(look, n, definer, NULL);
    n = (size_t)(__builtin_stpcpy(look->path + n, binding_names[name].name) + 1 -
                 look->path);
    put(look, image->foreign ? SHM_BINDING_NAMESPACE : SHM_BINDING_ELSEWHERE, n);
}

/* In an executable that is bound to fixed addresses, a function's address is that of its own way there. */
static bool is_way_of_program(const struct look *look, const struct image *definer,
                              uint32_t name) {
    return definer->main && !(look->main_defines >> name & 1);
}

/* The C++ runtime's operator new calls malloc() as any module does. */
static bool is_runtime(struct look *look, const struct image *definer) {
    put_path(look, 0, definer, NULL);
    const char *base = __builtin_strrchr(look->path, '/');
    base = base ? base + 1 : look->path;
    return !__builtin_strncmp(base, "libstdc++.so", 12) ||
           !__builtin_strncmp(base, "libc++.so", 9) ||
           !__builtin_strncmp(base, "libc++abi.so", 12);
}

static bool is_unbound(const struct look *look, const struct image *image,
                       const struct word *word) {
    return word->slot && binding_image_at(look, word->value) == image &&
           word->value != look->symbols[word->symbol].value;
}

/* The runtime names operator new, and allocators come with a runtime: that says nothing. That a lazy
 * word is bound says that it was called through, and the next one still unbound, that they are lazy. */
static bool proves_call(struct look *look, const struct image *image,
                        const struct word *word) {
    if (!is_runtime(look, image))
        return true;
    for (uint32_t i = 0; i < look->n_words; i++)
        if (word->slot && is_unbound(look, image, &look->words[i]))
            return true;
    return false;
}

static bool is_next(const struct image *image) {
    return found.next >= image->start && found.next < image->end;
}

static void judge(struct look *look, const struct image *image, const struct word *word) {
    const struct symbol *symbol = &look->symbols[word->symbol];
    const struct image *definer;
    uint32_t name = symbol->name;
    if (!word->value || word->value - found.own_start < found.own_end - found.own_start)
        return;
    definer = binding_image_at(look, word->value);
    if (word->data && definer && !binding_defines(look, definer, name, word->value))
        return; /* not ld.so's word any more: a table of hooks that the program has filled in */
    if (!definer || (definer == image && word->value != symbol->value))
        return; /* not bound yet: nobody has called it */
    if (is_way_of_program(look, definer, name))
        return;
    if (binding_names[name].family == FAMILY_NEW &&
        (is_runtime(look, definer) || !proves_call(look, image, word)))
        return;
    if (binding_names[name].family != FAMILY_OURS && definer == image && is_next(image))
        return; /* the allocator that ours calls, within itself */
    put_elsewhere(look, image, definer, name);
}

/* @i: its place in look->parts */
static void look_at(struct look *look, const struct image *image, uint32_t i) {
    const union part *part = &look->parts[i];
    size_t n = put_path(look, 0, image, look->has_name[i] ? part->name : NULL);
    if (!__builtin_strchr(look->path, '/'))
        return; /* the kernel's own */
    put(look, SHM_BINDING_LOADED, n);
    if (is_next(image))
        put(look, SHM_BINDING_NEXT, n);
    binding_find_words(look, image, look->hash_bytes[i] ? &part->table : NULL,
                       look->hash_bytes[i]);
    for (uint32_t k = 0; k < look->n_symbols && image->main; k++)
        if (look->symbols[k].value)
            look->main_defines |= 1ull << look->symbols[k].name;
    for (uint32_t k = 0; k < look->n_words; k++)
        judge(look, image, &look->words[k]);
}

static uint32_t name_number(const char *name) {
    uint32_t i = 0;
    while (i < BINDING_NAMES && __builtin_strcmp(name, binding_names[i].name) != 0)
        i++;
    return i;
}

/* Pointers that were asked for lie anywhere. A module that defines that name itself is a wrapper: we call it. */
static void look_at_asked(struct look *look) {
    const struct image *next = binding_image_at(look, found.next);
    const struct lookup_asked *asked;
    look->n_symbols = 0;
    for (uint32_t i = 0; next && (asked = lookup_asked(i)); i++) {
        const struct image *image = binding_image_at(look, asked->caller);
        uint32_t name = name_number(asked->name);
        if (!image || image->main || image == next || image->start == found.own_start ||
            name == BINDING_NAMES || binding_defines(look, image, name, 0))
            continue;
        put_elsewhere(look, image, next, name);
    }
}

/* Powers of two, so that a sum that grows is put down a few times only. */
static void put_mapped(struct look *look, const struct image *image, uint64_t bytes) {
    if (bytes < MAPPED_LEAST)
        return;
    size_t n = put_path(look, 0, image, NULL);
    look->path[n++] = (char)('0' + (63 - __builtin_clzll(bytes)));
    look->path[n++] = '\0';
    put(look, SHM_BINDING_MAPPED, n);
}

static void look_at_mapped(struct look *look) {
    const struct image *images[MAPPED_CALLERS];
    const struct mapped *m;
    uint32_t n = 0;
    while ((m = mapped_by(n)))
        images[n++] = binding_image_at(look, load_relaxed(&m->caller));
    for (uint32_t i = 0; i < n; i++) {
        const struct image *image = images[i];
        uint64_t bytes = 0;
        for (uint32_t k = 0; k < n; k++)
            if (images[k] == image) {
                bytes += load_relaxed(&mapped_by(k)->bytes);
                images[k] = k > i ? NULL : images[k];
            }
        if (image && !is_next(image) && !image->foreign)
            put_mapped(look, image, bytes);
    }
}

static void look_at_all(struct look *look) {
    binding_find_images(look, found.debug);
    for (uint32_t i = 0; i < look->n_images; i++) {
        const struct image *image = &look->images[i];
        uint32_t rest = look->n_images - i;
        if (i % GROUP == 0)
            binding_read_parts(look, i, rest < GROUP ? rest : GROUP);
        if (image->end && image->start != found.own_start &&
            image->start != module_loader_start)
            look_at(look, image, i % GROUP);
    }
    look_at_asked(look);
    look_at_mapped(look);
}

void binding_look(void) {
    if (load_acquire(&preload.state) != PRELOAD_ON || !(preload.flags & SHM_EVENTS) ||
        sys_is_sandboxed || !found.debug || load_acquire(&local->state) != LOCAL_READY)
        return;
    struct look *look = sys_mmap(sizeof *look, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!look)
        return;
    look->pid = sys_getpid();
    look_at_all(look);
    sys_munmap(look, sizeof *look);
}

void binding_look_again(void) {
    uint64_t now = stamp_coarse_ns(), last = load_relaxed(&found.last_ns);
    if (now - last >= 1000000000 && cas(&found.last_ns, last, now))
        binding_look();
}

/* The last moment at which a plugin can be looked at. */
EXPORT int dlclose(void *handle) {
    int (*next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "dlclose");
    binding_look();
    return next(handle);
}
