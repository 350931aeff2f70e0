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
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include "hooks.h"
#include "local.h"
#include "module.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "stamp.h"
#include "thread.h"

enum family {
    FAMILY_OURS, /* we have a hook of that name */
    FAMILY_NEW,  /* C++: the runtime's own comes to us */
    FAMILY_PAST, /* nobody's comes to us */
};

static const struct {
    const char *name;
    enum family family;
} names[] = {
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
#define N_NAMES (sizeof names / sizeof *names)
_Static_assert(N_NAMES <= 64, "main_defines");

#define MODULES_SEEN  1024u
#define SYMBOLS_FOUND 64u
#define WORDS_FOUND   128u
#define BATCH         512u
#define NAME_BYTES    24u /* the longest name above, and a NUL */
#define SPAN_BYTES    65536u

/* A loaded module, as its link map and program headers say. */
struct image {
    uintptr_t start, end, bias, dynamic;
    size_t dynamic_bytes;
    uintptr_t name; /* l_name: in the target's memory */
    bool foreign;   /* in another namespace than the program's */
    bool main;      /* the program itself */
    /* of its dynamic section */
    uintptr_t symbols, strings, hash, gnu_hash, plt, rela;
    size_t plt_bytes, rela_bytes, rela_count;
};

struct symbol {
    uint32_t index;  /* in its module's table */
    uint32_t name;   /* index into names[] */
    uintptr_t value; /* where the module itself has it; 0 = it has not */
};

struct word {
    uintptr_t address, value;
    uint32_t symbol;
    bool slot; /* bound when it is first called through, where that is lazy */
    bool data; /* a variable: the program may have put something else there */
};

/* Mapped while it is looked: 260 KiB, of which a small program touches a few pages. */
struct look {
    uint32_t n_images, n_symbols, n_words;
    uint64_t main_defines; /* bit i: the program itself has names[i] */
    struct image images[MODULES_SEEN];
    struct symbol symbols[SYMBOLS_FOUND];
    struct word words[WORDS_FOUND];
    union {
        Elf64_Rela rela[BATCH];
        Elf64_Sym symbol[BATCH];
        ElfW(Phdr) phdr[64];
        ElfW(Dyn) dynamic[128];
        uint32_t chain[BATCH];
    };
    char texts[BATCH][NAME_BYTES];
    char span[SPAN_BYTES];
    struct iovec from[BATCH], to[BATCH];
    char path[3 * SHM_PATH_BYTES], cwd[SHM_PATH_BYTES];
};

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
    if (module_find((uintptr_t)&binding_start, &self)) {
        found.own_start = self.start;
        found.own_end = self.end;
    }
}

/* --- reading --- */

/* By way of a pipe, which takes a page. Return: bytes read. */
static long read_by_pipe(const struct iovec *to, const struct iovec *from, size_t n) {
    const size_t most = 4096;
    int pair[2];
    long sum = 0;
    if (sys_call(SYS_pipe2, (long)pair, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0, want = from[i].iov_len;
        while (at < want) {
            size_t piece = want - at < most ? want - at : most;
            long there = (long)from[i].iov_base + (long)at;
            long here = (long)to[i].iov_base + (long)at;
            long got = sys_call(SYS_write, pair[1], there, (long)piece, 0, 0, 0);
            if (got <= 0 || sys_call(SYS_read, pair[0], here, got, 0, 0, 0) != got)
                break;
            at += (size_t)got;
        }
        sum += (long)at;
        if (at < want)
            break;
    }
    sys_close(pair[0]);
    sys_close(pair[1]);
    return sum;
}

/* Return: bytes read, up to what is not there; negative: nothing. */
static long read_vectors(const struct iovec *to, const struct iovec *from, size_t n) {
    long got = sys_call(SYS_process_vm_readv, sys_getpid(), (long)to, (long)n, (long)from,
                        (long)n, 0);
    /* qemu-user has no such call, containers on old kernels forbid it */
    bool refused = got == -ENOSYS || got == -EPERM;
    return refused && !sys_is_sandboxed ? read_by_pipe(to, from, n) : got;
}

static long read_many(const struct look *look, size_t n) {
    return read_vectors(look->to, look->from, n);
}

/* Return: whether all of it is there. */
static bool fetch(void *to, uintptr_t from, size_t n) {
    struct iovec there = {(void *)from, n}, here = {to, n};
    return read_vectors(&here, &there, 1) == (long)n;
}

/* A text of the target's. Return: its bytes, without the NUL; 0 when it cannot be read. */
static size_t fetch_text(char *to, size_t room, uintptr_t from) {
    size_t n = 0;
    while (n + 1 < room) {
        size_t page = 4096 - (from + n) % 4096, want = room - 1 - n;
        want = want < page ? want : page;
        want = want < 256 ? want : 256;
        if (!fetch(to + n, from + n, want))
            break;
        for (size_t end = n + want; n < end; n++)
            if (!to[n])
                return n;
    }
    to[n] = '\0';
    return n;
}

/* --- the modules --- */

static void take_phdrs(struct image *image, const ElfW(Phdr) * phdr, size_t n) {
    image->start = UINTPTR_MAX;
    for (size_t i = 0; i < n; i++) {
        uintptr_t at = image->bias + phdr[i].p_vaddr;
        if (phdr[i].p_type == PT_DYNAMIC)
            image->dynamic_bytes = phdr[i].p_memsz;
        if (phdr[i].p_type != PT_LOAD)
            continue;
        image->start = at < image->start ? at : image->start;
        image->end =
            at + phdr[i].p_memsz > image->end ? at + phdr[i].p_memsz : image->end;
    }
}

static bool find_range(struct look *look, struct image *image) {
    ElfW(Ehdr) elf;
    const size_t most = sizeof look->phdr / sizeof *look->phdr;
    uintptr_t at = getauxval(AT_PHDR);
    size_t n = getauxval(AT_PHNUM);
    if (!image->main) { /* its ELF header is where it begins */
        if (!fetch(&elf, image->bias, sizeof elf) ||
            __builtin_memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
            return false;
        at = image->bias + elf.e_phoff;
        n = elf.e_phnum;
    }
    n = n < most ? n : most;
    if (!fetch(look->phdr, at, n * sizeof *look->phdr))
        return false;
    take_phdrs(image, look->phdr, n);
    return image->end > image->start && image->dynamic_bytes;
}

/* ld.so has most addresses in there relocated, in place; where it may not write they are not. */
static uintptr_t pointer(const struct image *image, uintptr_t value) {
    return value < image->bias ? value + image->bias : value;
}

static bool read_dynamic(struct look *look, struct image *image) {
    size_t n = image->dynamic_bytes < sizeof look->dynamic ? image->dynamic_bytes
                                                           : sizeof look->dynamic;
    if (!fetch(look->dynamic, image->dynamic, n))
        return false;
    for (size_t i = 0; i < n / sizeof *look->dynamic; i++) {
        uintptr_t value = look->dynamic[i].d_un.d_val;
        switch (look->dynamic[i].d_tag) {
        case DT_NULL:
            return image->symbols && image->strings;
        case DT_SYMTAB:
            image->symbols = pointer(image, value);
            break;
        case DT_STRTAB:
            image->strings = pointer(image, value);
            break;
        case DT_HASH:
            image->hash = pointer(image, value);
            break;
        case DT_GNU_HASH:
            image->gnu_hash = pointer(image, value);
            break;
        case DT_JMPREL:
            image->plt = pointer(image, value);
            break;
        case DT_PLTRELSZ:
            image->plt_bytes = value;
            break;
        case DT_RELA:
            image->rela = pointer(image, value);
            break;
        case DT_RELASZ:
            image->rela_bytes = value;
            break;
        case DT_RELACOUNT:
            image->rela_count = value;
            break;
        default:
            break;
        }
    }
    return image->symbols && image->strings;
}

static void find_namespace(struct look *look, const struct r_debug *debug, bool foreign) {
    struct link_map map;
    uintptr_t at = (uintptr_t)debug->r_map;
    for (bool first = !foreign; at && look->n_images < MODULES_SEEN; first = false) {
        struct image *image = &look->images[look->n_images];
        if (!fetch(&map, at, sizeof map))
            return;
        *image = (struct image){.bias = map.l_addr,
                                .dynamic = (uintptr_t)map.l_ld,
                                .name = (uintptr_t)map.l_name,
                                .foreign = foreign,
                                .main = first};
        look->n_images += find_range(look, image) && read_dynamic(look, image);
        at = (uintptr_t)map.l_next;
    }
}

/* From glibc 2.35 on, a second namespace makes the version 2 and the link to it valid. */
struct next_debug {
    struct r_debug base;
    const struct next_debug *next;
};

static void find_images(struct look *look) {
    struct next_debug debug = {.base = {0}};
    uintptr_t at = (uintptr_t)found.debug;
    for (int n = 0; at && n < 64; n++) {
        if (!fetch(&debug.base, at, sizeof debug.base))
            return;
        find_namespace(look, &debug.base, n > 0);
        if (debug.base.r_version < 2 || !fetch(&debug, at, sizeof debug))
            return;
        at = (uintptr_t)debug.next;
    }
}

static const struct image *image_at(const struct look *look, uintptr_t address) {
    for (uint32_t i = 0; i < look->n_images; i++)
        if (address >= look->images[i].start && address < look->images[i].end)
            return &look->images[i];
    return NULL;
}

/* --- their symbols --- */

static void add_symbol(struct look *look, const struct image *image, uint32_t index,
                       const Elf64_Sym *symbol, uint32_t name) {
    if (look->n_symbols == SYMBOLS_FOUND)
        return;
    bool own = symbol->st_shndx != SHN_UNDEF;
    look->symbols[look->n_symbols++] =
        (struct symbol){index, name, own ? image->bias + symbol->st_value : 0};
}

static uint32_t name_index(const char *text) {
    uint32_t i = 0;
    while (i < N_NAMES &&
           (text[0] != names[i].name[0] || __builtin_strcmp(text, names[i].name) != 0))
        i++;
    return i;
}

/* Names that lie near each other, as those of imports do, in one piece. */
static bool fetch_span(struct look *look, const struct image *image, uint32_t n) {
    size_t low = SIZE_MAX, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t at = look->symbol[i].st_name;
        low = at < low ? at : low;
        high = at + NAME_BYTES > high ? at + NAME_BYTES : high;
    }
    if (high - low > SPAN_BYTES || !fetch(look->span, image->strings + low, high - low))
        return false;
    for (uint32_t i = 0; i < n; i++)
        __builtin_memcpy(look->texts[i], look->span + look->symbol[i].st_name - low,
                         NAME_BYTES);
    return true;
}

static void fetch_each(struct look *look, const struct image *image, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        look->from[i] = (struct iovec){(void *)(image->strings + look->symbol[i].st_name),
                                       NAME_BYTES};
        look->to[i] = (struct iovec){look->texts[i], NAME_BYTES};
    }
    bool whole = read_many(look, n) == (long)n * (long)NAME_BYTES;
    for (uint32_t i = 0; i < n && !whole; i++) /* the last text of a page */
        fetch_text(look->texts[i], NAME_BYTES, (uintptr_t)look->from[i].iov_base);
}

/* Those of look->symbol[], @n of them, the first of which is number @first. */
static void name_symbols(struct look *look, const struct image *image, uint32_t first,
                         uint32_t n) {
    if (!fetch_span(look, image, n))
        fetch_each(look, image, n);
    for (uint32_t i = 0; i < n; i++) {
        look->texts[i][NAME_BYTES - 1] = '\0';
        uint32_t name = name_index(look->texts[i]);
        if (name < N_NAMES)
            add_symbol(look, image, first + i, &look->symbol[i], name);
    }
}

static void scan_symbols(struct look *look, const struct image *image, uint32_t end) {
    for (uint32_t i = 1; i < end;) {
        uint32_t n = end - i < BATCH ? end - i : BATCH;
        if (!fetch(look->symbol, image->symbols + i * sizeof(Elf64_Sym),
                   n * sizeof(Elf64_Sym)))
            return;
        name_symbols(look, image, i, n);
        i += n;
    }
}

static uint32_t gnu_hash(const char *name) {
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (uint8_t)*name;
    return h;
}

/* Source: the GNU hash section as glibc's do_lookup_x() reads it. */
struct gnu_table {
    uint32_t n_buckets, first, n_bloom, shift;
};

static void look_up(struct look *look, const struct image *image,
                    const struct gnu_table *table, uint32_t name) {
    uint32_t hash = gnu_hash(names[name].name), index;
    uintptr_t buckets = image->gnu_hash + sizeof *table + table->n_bloom * 8ull;
    uintptr_t chains = buckets + table->n_buckets * 4ull;
    if (!fetch(&index, buckets + hash % table->n_buckets * 4ull, 4))
        return;
    for (uint32_t link = 0; index >= table->first && !(link & 1); index++) {
        Elf64_Sym symbol;
        char text[NAME_BYTES];
        if (!fetch(&link, chains + (index - table->first) * 4ull, 4))
            return;
        if ((link | 1) != (hash | 1) ||
            !fetch(&symbol, image->symbols + index * sizeof symbol, sizeof symbol))
            continue;
        fetch_text(text, sizeof text, image->strings + symbol.st_name);
        if (__builtin_strcmp(text, names[name].name) == 0)
            add_symbol(look, image, index, &symbol, name);
    }
}

/* Which of the names may be in the table: most are not in most, and one read tells. Return: bit i: names[i]. */
static uint64_t may_have(struct look *look, const struct image *image,
                         const struct gnu_table *table) {
    uintptr_t bloom = image->gnu_hash + sizeof *table;
    uint64_t words[N_NAMES], may = 0;
    for (uint32_t i = 0; i < N_NAMES; i++) {
        uint32_t hash = gnu_hash(names[i].name);
        look->from[i] =
            (struct iovec){(void *)(bloom + hash / 64 % table->n_bloom * 8ull), 8};
        look->to[i] = (struct iovec){&words[i], 8};
    }
    if (read_many(look, N_NAMES) != (long)sizeof words)
        return 0;
    for (uint32_t i = 0; i < N_NAMES; i++) {
        uint32_t hash = gnu_hash(names[i].name);
        may |= (words[i] >> hash % 64 & words[i] >> (hash >> table->shift) % 64 & 1) << i;
    }
    return may;
}

static void find_symbols(struct look *look, const struct image *image) {
    struct gnu_table table = {0};
    uint32_t sizes[2];
    look->n_symbols = 0;
    if (image->gnu_hash && fetch(&table, image->gnu_hash, sizeof table) &&
        table.n_bloom && table.n_buckets) {
        scan_symbols(look, image, table.first); /* what it imports comes first */
        uint64_t may = may_have(look, image, &table);
        for (uint32_t i = 0; i < N_NAMES; i++)
            if (may >> i & 1)
                look_up(look, image, &table, i);
    } else if (image->hash && fetch(sizes, image->hash, sizeof sizes)) {
        scan_symbols(look, image, sizes[1]);
    }
}

/* --- the words that calls go through --- */

static void take_rela(struct look *look, const struct image *image,
                      const Elf64_Rela *rela) {
    uint64_t type = ELF64_R_TYPE(rela->r_info), index = ELF64_R_SYM(rela->r_info);
    if ((type != ARCH_RELOC_SLOT && type != ARCH_RELOC_GOT && type != ARCH_RELOC_WORD) ||
        !index)
        return;
    for (uint32_t i = 0; i < look->n_symbols && look->n_words < WORDS_FOUND; i++)
        if (look->symbols[i].index == index)
            look->words[look->n_words++] =
                (struct word){.address = image->bias + rela->r_offset,
                              .symbol = i,
                              .slot = type == ARCH_RELOC_SLOT,
                              .data = type == ARCH_RELOC_WORD};
}

static void scan_rela(struct look *look, const struct image *image, uintptr_t at,
                      size_t bytes) {
    size_t n = bytes / sizeof(Elf64_Rela);
    while (n) {
        size_t batch = n < BATCH ? n : BATCH;
        if (!fetch(look->rela, at, batch * sizeof *look->rela))
            return;
        for (size_t i = 0; i < batch; i++)
            take_rela(look, image, &look->rela[i]);
        at += batch * sizeof *look->rela;
        n -= batch;
    }
}

static void find_words(struct look *look, const struct image *image) {
    look->n_words = 0;
    if (!look->n_symbols)
        return;
    scan_rela(look, image, image->plt, image->plt ? image->plt_bytes : 0);
    size_t relative = image->rela_count * sizeof(Elf64_Rela);
    if (image->rela && image->rela_bytes > relative)
        scan_rela(look, image, image->rela + relative, image->rela_bytes - relative);
    for (uint32_t i = 0; i < look->n_words; i++) {
        look->from[i] = (struct iovec){(void *)look->words[i].address, 8};
        look->to[i] = (struct iovec){&look->words[i].value, 8};
    }
    if (look->n_words && read_many(look, look->n_words) != 8l * look->n_words)
        look->n_words = 0;
}

/* --- putting down --- */

static size_t put_path(struct look *look, size_t at, const struct image *image) {
    char *to = look->path + at;
    if (image->main) {
        size_t n = 0;
        while (n < SHM_PATH_BYTES - 1 && local->process->exe[n])
            n++;
        __builtin_memcpy(to, local->process->exe, n);
        to[n] = '\0';
        return at + n + 1;
    }
    size_t n = fetch_text(to, SHM_PATH_BYTES, image->name);
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
    size_t n = put_path(look, 0, image);
    n = put_path(look, n, definer);
    n = (size_t)(__builtin_stpcpy(look->path + n, names[name].name) + 1 - look->path);
    put(look, image->foreign ? SHM_BINDING_NAMESPACE : SHM_BINDING_ELSEWHERE, n);
}

/* In an executable that is bound to fixed addresses, a function's address is that of its own way there. */
static bool is_way_of_program(const struct look *look, const struct image *definer,
                              uint32_t name) {
    return definer->main && !(look->main_defines >> name & 1);
}

/* The C++ runtime's operator new calls malloc() as any module does. */
static bool is_runtime(struct look *look, const struct image *definer) {
    put_path(look, 0, definer);
    const char *base = __builtin_strrchr(look->path, '/');
    base = base ? base + 1 : look->path;
    return !__builtin_strncmp(base, "libstdc++.so", 12) ||
           !__builtin_strncmp(base, "libc++.so", 9) ||
           !__builtin_strncmp(base, "libc++abi.so", 12);
}

static bool is_unbound(const struct look *look, const struct image *image,
                       const struct word *word) {
    return word->slot && image_at(look, word->value) == image &&
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

static bool defines(struct look *look, const struct image *image, uint32_t name,
                    uintptr_t address) {
    struct gnu_table table = {0};
    uint32_t n = look->n_symbols;
    bool found_it = false;
    if (!image->gnu_hash || !fetch(&table, image->gnu_hash, sizeof table) ||
        !table.n_bloom || !table.n_buckets)
        return false;
    look_up(look, image, &table, name);
    for (uint32_t i = n; i < look->n_symbols; i++)
        found_it |= look->symbols[i].value == address;
    look->n_symbols = n;
    return found_it;
}

static void judge(struct look *look, const struct image *image, const struct word *word) {
    const struct symbol *symbol = &look->symbols[word->symbol];
    const struct image *definer;
    uint32_t name = symbol->name;
    if (!word->value || word->value - found.own_start < found.own_end - found.own_start)
        return;
    definer = image_at(look, word->value);
    if (word->data && definer && !defines(look, definer, name, word->value))
        return; /* not ld.so's word any more: a table of hooks that the program has filled in */
    if (!definer || (definer == image && word->value != symbol->value))
        return; /* not bound yet: nobody has called it */
    if (is_way_of_program(look, definer, name))
        return;
    if (names[name].family == FAMILY_NEW &&
        (is_runtime(look, definer) || !proves_call(look, image, word)))
        return;
    if (names[name].family != FAMILY_OURS && definer == image && is_next(image))
        return; /* the allocator that ours calls, within itself */
    put_elsewhere(look, image, definer, name);
}

static void look_at(struct look *look, const struct image *image) {
    size_t n = put_path(look, 0, image);
    if (!__builtin_strchr(look->path, '/'))
        return; /* the kernel's own */
    put(look, SHM_BINDING_LOADED, n);
    if (is_next(image))
        put(look, SHM_BINDING_NEXT, n);
    find_symbols(look, image);
    for (uint32_t i = 0; i < look->n_symbols && image->main; i++)
        if (look->symbols[i].value)
            look->main_defines |= 1ull << look->symbols[i].name;
    find_words(look, image);
    for (uint32_t i = 0; i < look->n_words; i++)
        judge(look, image, &look->words[i]);
}

static void look_at_all(struct look *look) {
    find_images(look);
    for (uint32_t i = 0; i < look->n_images; i++) {
        const struct image *image = &look->images[i];
        if (image->start != found.own_start && image->start != module_loader_start)
            look_at(look, image);
    }
}

void binding_look(void) {
    if (load_acquire(&preload.state) != PRELOAD_ON || !(preload.flags & SHM_EVENTS) ||
        sys_is_sandboxed || !found.debug || load_acquire(&local->state) != LOCAL_READY)
        return;
    struct look *look = sys_mmap(sizeof *look, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!look)
        return;
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
