/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocators in a file: see allocator.h.
 *
 * By the names of functions that it defines, in both symbol tables. A file without the table of local
 * symbols is searched for texts that only these allocators print.
 */
#include "allocator.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocator_reach.h"
#include "text.h"

static const char *const malloc_names[] = {
    "malloc",         "__libc_malloc", "calloc", "realloc", "memalign",
    "posix_memalign", "aligned_alloc", "valloc", "pvalloc", "reallocarray"};
/* How those begin whose functions carry a prefix; jemalloc's users choose their own, but for its end. */
static const struct {
    const char *name;
    bool ends; /* a name that ends so, too */
} known_names[] = {
    {"je_malloc", true},       {"_rjem_malloc", false}, {"rjem_mallocx", true},
    {"jemalloc_malloc", true}, {"mi_malloc", false},    {"mi_calloc", false},
    {"mi_heap_malloc", false}, {"tc_malloc", false},    {"tc_new", false},
    {"rpmalloc", false},       {"scudo_malloc", false}, {"sn_malloc", false},
    {"sn_rust_alloc", false},  {"nedmalloc", false},    {"xxmalloc", false}};
/* What they say of themselves. */
static const struct {
    const char *text, *name;
} signatures[] = {{"<jemalloc>: ", "jemalloc"},
                  {"mimalloc: ", "mimalloc"},
                  {"TCMALLOC_RELEASE_RATE", "tcmalloc"}};

static bool is_malloc(const char *name) {
    for (size_t i = 0; i < sizeof malloc_names / sizeof *malloc_names; i++)
        if (strcmp(name, malloc_names[i]) == 0)
            return true;
    return false;
}

static bool is_known(const char *name) {
    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++) {
        size_t n = strlen(known_names[i].name), length = strlen(name);
        if (strcmp(name, known_names[i].name) == 0 ||
            (known_names[i].ends && length > n &&
             strcmp(name + length - n, known_names[i].name) == 0))
            return true;
    }
    return false;
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), length = strlen(end);
    return n >= length && strcmp(name + n - length, end) == 0;
}

/* Rust's code calls __rust_alloc(), mangled since 1.87. Up to then it jumps to the __rg_alloc() that
 * #[global_allocator] makes, from then on it is that itself; or it jumps to std's __rdl_alloc(). */
static bool is_rust(const char *name) {
    static const char *const ends[] = {"__rg_alloc",          "__rg_alloc_zeroed",
                                       "__rg_realloc",        "__rust_alloc",
                                       "__rust_alloc_zeroed", "__rust_realloc"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

/* Those that may be replaced; placement new, which anybody's code has, allocates nothing. */
static bool is_new(const char *name) {
    if (strncmp(name, "_Znwm", 5) != 0 && strncmp(name, "_Znam", 5) != 0)
        return false;
    return !name[5] || strncmp(name + 5, "RKSt9nothrow_t", 14) == 0 ||
           strncmp(name + 5, "St11align_val_t", 15) == 0;
}

/* Most names are none of those that are asked for here, which the last letters tell. */
static bool may_tell(const char *name) {
    static const char *const ends[] = {"alloc", "alloc_zeroed", "mallocx",
                                       "array", "align",        "_new"};
    size_t n = strlen(name);
    if (strncmp(name, "_Zn", 3) == 0 || strncmp(name, "_ZSt", 4) == 0)
        return true; /* operator new and its handler */
    if (!n || !strchr("cdxynw", name[n - 1]))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

/* Return: enum allocator_kind, or -1. */
static int kind_of(const char *name) {
    if (is_malloc(name))
        return ALLOCATOR_MALLOC;
    if (is_new(name))
        return ALLOCATOR_NEW;
    if (is_rust(name))
        return ALLOCATOR_RUST;
    return is_known(name) ? ALLOCATOR_KNOWN : -1;
}

static const char *shown_name(int kind, const char *name) {
    switch (kind) {
    case ALLOCATOR_NEW:
        return "operator new";
    case ALLOCATOR_RUST:
        return "#[global_allocator]";
    default:
        return name;
    }
}

static struct allocator *allocator_of(struct allocators *a, int kind, const char *name) {
    for (size_t i = 0; i < a->n; i++)
        if ((int)a->items[i].kind == kind)
            return &a->items[i];
    struct allocator *made = &a->items[a->n++];
    *made = (struct allocator){.kind = (enum allocator_kind)kind};
    strncpy(made->name, shown_name(kind, name), sizeof made->name - 1);
    return made;
}

static void add_function(struct allocator *a, const GElf_Sym *symbol) {
    for (size_t i = 0; i < a->n_functions; i++)
        if (a->functions[i].start == symbol->st_value)
            return;
    a->functions = text_grow(a->functions, a->n_functions, sizeof *a->functions);
    a->functions[a->n_functions++] = (struct function){
        symbol->st_value, symbol->st_value + (symbol->st_size ? symbol->st_size : 64)};
}

/* Each of those that say who they are calls one of these, or has one of its own in libc's place. */
static bool gets_memory(const char *name) {
    static const char *const names[] = {"mmap", "mmap64", "sbrk", "__sbrk", "syscall"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                         struct allocators *out) {
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 1; i < n; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol) ||
            GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        out->names_kernel |= name && gets_memory(name);
        if (!name || symbol.st_shndx == SHN_UNDEF || !may_tell(name))
            continue;
        int kind = kind_of(name);
        out->has_rust_default |= ends_with(name, "__rdl_alloc");
        out->has_rust_own |= ends_with(name, "__rg_alloc");
        out->has_runtime |= strcmp(name, "_ZSt15get_new_handlerv") == 0;
        if (kind < 0)
            continue;
        struct allocator *a = allocator_of(out, kind, name);
        a->dynamic |= header->sh_type == SHT_DYNSYM;
        add_function(a, &symbol);
    }
}

/* Each of those that say who they are has many times as much. */
#define LEAST_CODE_BYTES 4096u

/* A library of tables, as ICU's of 30 MB, has none but what every library begins and ends with. */
static bool has_code(Elf *elf) {
    size_t n = 0;
    uint64_t bytes = 0;
    GElf_Phdr p;
    if (elf_getphdrnum(elf, &n) < 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && p.p_flags & PF_X)
            bytes += p.p_filesz;
    return bytes >= LEAST_CODE_BYTES;
}

static void read_signatures(Elf *elf, struct allocators *out) {
    size_t names;
    if (elf_getshdrstrndx(elf, &names) < 0)
        return;
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
        GElf_Shdr header;
        if (!gelf_getshdr(s, &header) || header.sh_type != SHT_PROGBITS)
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        if (!name || strncmp(name, ".rodata", 7) != 0)
            continue;
        Elf_Data *data = elf_getdata(s, NULL);
        for (size_t i = 0;
             data && data->d_buf && i < sizeof signatures / sizeof *signatures; i++)
            if (memmem(data->d_buf, data->d_size, signatures[i].text,
                       strlen(signatures[i].text)))
                allocator_of(out, ALLOCATOR_KNOWN, signatures[i].name);
    }
}

static void drop(struct allocators *a, enum allocator_kind kind) {
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].kind == kind) {
            free(a->items[i].functions);
            a->items[i] = a->items[--a->n];
        }
}

static void read_elf(Elf *elf, struct allocators *out) {
    bool stripped = true;
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
        GElf_Shdr header;
        if (!gelf_getshdr(s, &header) ||
            (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
            continue;
        stripped &= header.sh_type != SHT_SYMTAB;
        read_symbols(elf, s, &header, out);
    }
    if (out->has_rust_default && !out->has_rust_own)
        drop(out, ALLOCATOR_RUST);
    if (stripped && !out->n && out->names_kernel && has_code(elf))
        read_signatures(elf, out);
    for (size_t i = 0; i < out->n; i++)
        allocator_reach(elf, &out->items[i]);
}

void allocator_find(const char *path, struct allocators *out) {
    *out = (struct allocators){.n = 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    elf_version(EV_CURRENT);
    Elf *elf = fd >= 0 ? elf_begin(fd, ELF_C_READ_MMAP, NULL) : NULL;
    out->unread = !elf || elf_kind(elf) != ELF_K_ELF;
    if (!out->unread)
        read_elf(elf, out);
    elf_end(elf);
    if (fd >= 0)
        close(fd);
}

void allocator_deinit(struct allocators *a) {
    for (size_t i = 0; i < a->n; i++)
        free(a->items[i].functions);
    *a = (struct allocators){.n = 0};
}
