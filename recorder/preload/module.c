/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: which file a return address lies in, and the name of that file's content.
 *
 *   address ─ local->modules[] (linear, tens of entries, only for new nodes)
 *           └ _dl_find_object() ─► link map, range, bias, .eh_frame_hdr
 *                                 └► PT_NOTE: build-id, else a hash of the code
 *
 * Unloading: ld.so frees the link map of a module right after it unmapped it, under its
 * own lock, through our free(). That is seen for libc's internal unloads (iconv, NSS)
 * too, which an interposed dlclose() is blind to. The module is then dead: its nodes are
 * not found any more, unwinding rules and remembered walks are forgotten. The same file
 * loaded at the same place again is the same module and gets its nodes back.
 *
 * Invariant: an entry is filled before `ready` (release), and never changes afterwards
 * but for `dead` and `link_map`. Who runs it: any thread, re-entry flag held.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include "arena.h"
#include "local.h"
#include "module.h"
#include "preload.h"
#include "stamp.h"
#include "sys.h"
#include "unwind.h"

uint32_t module_generation;
uintptr_t module_loader_start, module_loader_end;

/* <dlfcn.h> has it from glibc 2.35 on; older ones lack the function, not the layout. */
struct found_object {
    unsigned long long flags;
    void *map_start, *map_end;
    struct link_map *link_map;
    void *eh_frame;
    unsigned long long reserved[16];
};
static int (*find_object)(void *, struct found_object *);

/* Link maps of modules that were ever on a stack; not wiped, as the rules are not either. */
#define SEEN_BITS 4096u
static uint64_t seen[SEEN_BITS / 64];

static uint32_t seen_bit(const void *p) {
    return (uint32_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ull >> 52);
}

struct phdr_search {
    uintptr_t address;
    struct object *object;
    const ElfW(Phdr) * phdr; /* of the object found */
    uint32_t n_phdr;
    bool found;
};

static int phdr_each(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    struct phdr_search *search = context;
    uintptr_t start = UINTPTR_MAX, end = 0;
    const uint8_t *eh_frame_hdr = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_GNU_EH_FRAME)
            eh_frame_hdr = (const uint8_t *)at;
        if (p->p_type != PT_LOAD)
            continue;
        start = at < start ? at : start;
        end = at + p->p_memsz > end ? at + p->p_memsz : end;
    }
    if (search->address < start || search->address >= end)
        return 0;
    *search->object = (struct object){.start = start & ~(uintptr_t)4095,
                                      .end = end,
                                      .bias = info->dlpi_addr,
                                      .path = info->dlpi_name,
                                      .eh_frame_hdr = eh_frame_hdr};
    search->phdr = info->dlpi_phdr;
    search->n_phdr = info->dlpi_phnum;
    return search->found = true;
}

bool module_find(uintptr_t address, struct object *object) {
    struct found_object found;
    if (find_object) {
        if (find_object((void *)address, &found) != 0)
            return false;
        *object = (struct object){.start = (uintptr_t)found.map_start,
                                  .end = (uintptr_t)found.map_end,
                                  .bias = found.link_map->l_addr,
                                  .link_map = found.link_map,
                                  .path = found.link_map->l_name,
                                  .eh_frame_hdr = found.eh_frame};
        return true;
    }
    struct phdr_search search = {.address = address, .object = object};
    dl_iterate_phdr(phdr_each, &search);
    return search.found;
}

void module_start(void) {
    struct object loader;
    find_object =
        (int (*)(void *, struct found_object *))dlsym(RTLD_DEFAULT, "_dl_find_object");
    /* "ld.so PROGRAM": for the kernel there was no loader. */
    uintptr_t base = getauxval(AT_BASE) ? getauxval(AT_BASE) : _r_debug.r_ldbase;
    if (module_find(base + 1, &loader)) {
        module_loader_start = loader.start;
        module_loader_end = loader.end;
    }
}

/* Program headers of an object: by way of its ELF header, which lies at its start. */
static void find_phdrs(const struct object *object, struct phdr_search *search) {
    const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)object->start;
    if (sys_readable(elf) && !__builtin_memcmp(elf->e_ident, ELFMAG, SELFMAG) &&
        elf->e_phentsize == sizeof(ElfW(Phdr)) && elf->e_phoff < 4096 - sizeof *elf) {
        search->phdr = (const ElfW(Phdr) *)(object->start + elf->e_phoff);
        search->n_phdr = elf->e_phnum;
        return;
    }
    struct object unused;
    search->address = object->start;
    search->object = &unused;
    dl_iterate_phdr(phdr_each, search);
}

static uint32_t note_build_id(uintptr_t at, const ElfW(Phdr) * p, uint8_t id[32]) {
    uintptr_t align = p->p_align == 8 ? 8 : 4, end = at + p->p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
        uintptr_t name = at + sizeof *note;
        uintptr_t data = (name + note->n_namesz + align - 1) & ~(align - 1);
        if (data + note->n_descsz > end)
            return 0;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
            !__builtin_memcmp((const void *)name, "GNU", 4)) {
            uint32_t n = note->n_descsz < 32 ? note->n_descsz : 32;
            __builtin_memcpy(id, (const void *)data, n);
            return n;
        }
        at = (data + note->n_descsz + align - 1) & ~(align - 1);
    }
    return 0;
}

/* No build-id: what the code is names it as well. */
static uint32_t content_id(const struct object *object, const struct phdr_search *search,
                           uint8_t id[32]) {
    struct dearth_key key[2] = {{0}};
    for (uint32_t i = 0; i < search->n_phdr; i++) {
        const ElfW(Phdr) *p = &search->phdr[i];
        if (p->p_type != PT_LOAD || (p->p_flags & (PF_X | PF_R)) != (PF_X | PF_R))
            continue;
        key[1] = key_hash((const void *)(object->bias + p->p_vaddr), p->p_filesz);
        key[0] = key_hash(key, sizeof key);
    }
    __builtin_memcpy(id, &key[0], sizeof key[0]);
    return sizeof key[0];
}

static void identify(const struct object *object, struct shm_module *module) {
    struct phdr_search search = {0};
    find_phdrs(object, &search);
    for (uint32_t i = 0; i < search.n_phdr && !module->build_id_bytes; i++)
        if (search.phdr[i].p_type == PT_NOTE)
            module->build_id_bytes = note_build_id(object->bias + search.phdr[i].p_vaddr,
                                                   &search.phdr[i], module->build_id);
    if (module->build_id_bytes)
        return;
    module->build_id_bytes = content_id(object, &search, module->build_id);
    module->flags |= SHM_MODULE_CONTENT_ID;
}

static void copy_path(char *to, size_t n, const char *from) {
    size_t i = 0;
    for (; from && from[i] && i + 1 < n; i++)
        to[i] = from[i];
    to[i] = '\0';
}

/* dlopen("./plugin.so"): ld.so keeps the name as it was given, which says nothing elsewhere. The
 * vDSO has a name without any slash. Not after a chdir(), but mostly the file is still where it says. */
static void copy_file_path(char *to, size_t n, const char *from) {
    long at = 0;
    if (from[0] != '/' && __builtin_strchr(from, '/') && !sys_is_sandboxed)
        at = sys_call(SYS_getcwd, (long)to, (long)n, 0, 0, 0, 0);
    if (at > 1 && (size_t)at < n && to[0] == '/') {
        to[at - 1] = '/'; /* in the place of the NUL that the result counts */
        while (from[0] == '.' && from[1] == '/')
            from += 2;
    } else {
        at = 0;
    }
    copy_path(to + at, n - (size_t)at, from);
}

/* One byte of /proc/self/maps, in which a newline of a path is "\012". */
struct maps_reader {
    uintptr_t wanted, value; /* where the mapping begins */
    bool in_address, found;
    char *to;
    size_t n, size;
};

static bool maps_take(struct maps_reader *r, char c) {
    if (c == '\n') {
        bool done = r->found && r->n;
        r->value = 0;
        r->in_address = true;
        r->found = false;
        return done;
    }
    if (r->in_address && c == '-') {
        r->in_address = false;
        r->found = r->value == r->wanted;
    } else if (r->in_address) {
        r->value = r->value << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    } else if (r->found && (r->n || c == '/') && r->n + 1 < r->size) {
        r->to[r->n++] = c;
    }
    if (r->n >= 4 && !__builtin_memcmp(r->to + r->n - 4, "\\012", 4))
        r->to[(r->n -= 3) - 1] = '\n';
    return false;
}

/* The file mapped at @start. Return: whether it is known. */
static bool mapped_file(uintptr_t start, char *to, size_t n) {
    struct maps_reader r = {.wanted = start, .in_address = true, .to = to, .size = n};
    char buf[1024];
    bool done = false;
    long got,
        fd = sys_is_sandboxed ? -1 : sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (!done && (got = sys_read(fd, buf, sizeof buf)) > 0)
        for (long i = 0; i < got && !done; i++)
            done = maps_take(&r, buf[i]);
    sys_close(fd);
    to[r.n] = '\0';
    return done;
}

/* The main program's link map has no name; "ld.so PROGRAM": what was executed is the loader. */
static void copy_main_path(const struct object *object, char *to, size_t n) {
    if (getauxval(AT_BASE) || !mapped_file(object->start, to, n))
        copy_file_path(to, n, local->process->exe);
}

static struct shm_module *record_of(uint32_t index) {
    uint32_t block = (index - 1) / SHM_MODULES_PER_BLOCK;
    struct shm_module *records = arena_install(&local->process->module_blocks[block],
                                               &local->module_blocks[block]);
    return records ? &records[(index - 1) % SHM_MODULES_PER_BLOCK] : NULL;
}

static void describe(const struct object *object, struct shm_module *record) {
    record->bias = object->bias;
    record->start = object->start;
    record->end = object->end;
    record->loaded = stamp_now();
    if (!object->eh_frame_hdr)
        record->flags |= SHM_MODULE_NO_CFI;
    if (object->path && object->path[0])
        copy_file_path(record->path, sizeof record->path, object->path);
    else
        copy_main_path(object, record->path, sizeof record->path);
    identify(object, record);
}

/* Code in no file: one module for all of it, in which every offset is 0. */
static void describe_anonymous(struct shm_module *record) {
    copy_path(record->path, sizeof record->path, "[anon]");
    record->flags = SHM_MODULE_ANONYMOUS | SHM_MODULE_NO_CFI;
    record->loaded = stamp_now();
    __builtin_memcpy(record->build_id, "anon", 4);
    store_release(&record->build_id_bytes, 4); /* last: readers wait for it */
}

static const struct module *add(const struct object *object) {
    uint32_t index = add_relaxed(&local->n_modules, 1) + 1;
    struct shm_module *record = index <= MODULES_MAX ? record_of(index) : NULL;
    if (!record)
        return NULL;
    if (preload.flags & SHM_LEAKS) /* a copy of this process may have filled it */
        *record = (struct shm_module){0};
    struct module *module = &local->modules[index - 1];
    if (object) {
        describe(object, record);
        module->start = object->start;
        module->end = object->end;
        module->bias = object->bias;
        module->link_map = object->link_map;
        uint32_t bit = seen_bit(object->link_map);
        or_relaxed(&seen[bit / 64], 1ull << bit % 64);
    } else {
        describe_anonymous(record);
        module->anonymous = 1;
    }
    module->key = key_module(record->build_id, record->build_id_bytes);
    module->index = index;
    store_release(&module->ready, 1);
    uint32_t n = load_relaxed(&local->process->n_modules);
    while ((n < index || n > MODULES_MAX) && !cas(&local->process->n_modules, n, index))
        n = load_relaxed(&local->process->n_modules);
    return module;
}

static uint32_t count(void) {
    uint32_t n = load_acquire(&local->n_modules);
    return n < MODULES_MAX ? n : MODULES_MAX;
}

/* The same file at the same place again: its old record, and with it its nodes. */
static const struct module *revive(const struct object *object) {
    struct shm_module now = {0};
    for (uint32_t i = 0, n = count(); i < n; i++) {
        struct module *m = &local->modules[i];
        if (!load_acquire(&m->ready) || !m->dead || m->start != object->start ||
            m->end != object->end || m->bias != object->bias)
            continue;
        if (!now.build_id_bytes)
            identify(object, &now);
        struct dearth_key key = key_module(now.build_id, now.build_id_bytes);
        if (!key_equal(key, m->key))
            continue;
        struct shm_module *record = record_of(m->index);
        record->unloaded = 0;
        record->flags &= ~(uint32_t)SHM_MODULE_UNLOADED;
        m->link_map = object->link_map;
        uint32_t bit = seen_bit(object->link_map);
        or_relaxed(&seen[bit / 64], 1ull << bit % 64);
        store_release(&m->dead, 0);
        return m;
    }
    return NULL;
}

static const struct module *anonymous_module(void) {
    uint32_t index = load_acquire(&local->anonymous);
    if (index)
        return &local->modules[index - 1];
    const struct module *module = add(NULL);
    if (module)
        cas(&local->anonymous, 0, module->index);
    return module;
}

const struct module *module_at(uintptr_t address) {
    uintptr_t inside = address - 1; /* a call may be the last instruction of its file */
    for (uint32_t i = 0, n = count(); i < n; i++) {
        const struct module *m = &local->modules[i];
        if (load_acquire(&m->ready) && !load_relaxed(&m->dead) && inside >= m->start &&
            inside < m->end)
            return m;
    }
    struct object object;
    if (!module_find(inside, &object))
        return anonymous_module();
    const struct module *again = revive(&object);
    return again ? again : add(&object);
}

void module_freed(const void *p) {
    uint32_t bit = seen_bit(p);
    if (!(load_relaxed(&seen[bit / 64]) >> bit % 64 & 1))
        return;
    for (uint32_t i = 0, n = count(); i < n; i++) {
        struct module *m = &local->modules[i];
        if (!load_acquire(&m->ready) || m->link_map != p || m->dead)
            continue;
        store_release(&m->dead, 1);
        struct shm_module *record = record_of(m->index);
        record->unloaded = stamp_now();
        record->flags |= SHM_MODULE_UNLOADED;
    }
    unwind_forget();
    __atomic_fetch_add(&module_generation, 1, __ATOMIC_ACQ_REL);
}
