/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of one module's code: see symbols.h. One Dwfl session with one module that is
 * reported at its own addresses, so file addresses are what we look up.
 *
 * dwfl_module_addrinfo() reads the whole symbol table for each address; we sort it once.
 */
#include "symbols.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demangle.h"
#include "idmap.h"
#include "inlines.h"
#include "text.h"

struct function_symbol {
    uint64_t start, end; /* end == start: the table does not know */
    const char *name;
    int rank; /* of several at one place, the highest is shown */
};

struct symbols {
    Dwfl *dwfl;
    Dwfl_Module *module;
    struct inlines *inlines; /* NULL = no DWARF with code */
    Dwarf_Addr dwarf_bias;
    struct function_symbol *table;
    uint32_t n_table;
    bool has_symtab, has_mini;
    uint64_t *starts; /* of all functions with unwind information, sorted */
    uint32_t n_starts;
    uint64_t *functions;    /* of table[], when they were asked for */
    struct idmap demangled; /* address of a linkage name -> its demangled copy */
    struct idmap paths;     /* address of a source path -> its clean copy */
    struct idmap plain;     /* address of a versioned name -> without it */
    struct symbol_line lines[INLINES_MAX];
    struct symbol_files files;
};

/* --- finding the file --- */

static bool same_id(const struct symbols_wanted *wanted, const void *id, ssize_t n) {
    if (n > 32) /* a recording keeps 32 bytes */
        n = 32;
    return n > 0 && (uint32_t)n == wanted->build_id_bytes &&
           memcmp(id, wanted->build_id, (size_t)n) == 0;
}

/* The hash of the executable segments, as the target took it from memory. */
static bool same_content(const struct symbols_wanted *wanted, Elf *elf) {
    struct dearth_key key[2] = {{0}};
    size_t n = 0, bytes;
    const char *image = elf_rawfile(elf, &bytes);
    if (!image || elf_getphdrnum(elf, &n) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr p;
        if (!gelf_getphdr(elf, (int)i, &p))
            return false;
        if (p.p_type != PT_LOAD || (p.p_flags & (PF_X | PF_R)) != (PF_X | PF_R))
            continue;
        if (p.p_offset > bytes || p.p_filesz > bytes - p.p_offset)
            return false;
        key[1] = key_hash(image + p.p_offset, p.p_filesz);
        key[0] = key_hash(key, sizeof key);
    }
    return same_id(wanted, key, sizeof key[0]);
}

/* Return: @fd when it is a file with the wanted identity, -1 if it is no ELF file, -2 if it is another
 * build; then it is closed. */
static int if_same(int fd, const struct symbols_wanted *wanted) {
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -1;
    }
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    bool is_elf = elf && elf_kind(elf) == ELF_K_ELF, same = false;
    if (is_elf && wanted->content_id) {
        same = same_content(wanted, elf);
    } else if (is_elf) {
        const void *id;
        ssize_t n = dwelf_elf_gnu_build_id(elf, &id);
        same = same_id(wanted, id, n);
    }
    elf_end(elf);
    if (!same)
        close(fd);
    return same ? fd : is_elf ? -2 : -1;
}

static int open_if_same(const char *path, const struct symbols_wanted *wanted) {
    return if_same(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY), wanted);
}

/* The path names another file by now, or none. */
static int open_kept(const struct symbols_wanted *wanted) {
    int fd = -1;
    for (uint32_t i = 0; i < wanted->n_kept && fd < 0; i++)
        fd = if_same(fcntl(wanted->kept[i], F_DUPFD_CLOEXEC, 0), wanted);
    return fd;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static int open_debug_file(const struct symbols_wanted *wanted) {
    AUTO_TEXT struct text path = {0};
    text_add(&path, "/usr/lib/debug/.build-id/");
    for (uint32_t i = 0; i < wanted->build_id_bytes; i++)
        text_addf(&path, i == 0 ? "%02x/" : "%02x", wanted->build_id[i]);
    text_add(&path, ".debug");
    return wanted->build_id_bytes >= 2 ? open_if_same(path.data, wanted) : -1;
}

/* Ask libdwfl (and by it debuginfod) for the file itself, by its build-id alone. */
static int open_by_build_id(const struct symbols_wanted *wanted) {
    Dwfl *dwfl = dwfl_begin(&callbacks);
    int fd = -1;
    if (!dwfl)
        return -1;
    dwfl_report_begin(dwfl);
    Dwfl_Module *module = dwfl_report_module(dwfl, wanted->path, 0, 1ull << 46);
    dwfl_report_end(dwfl, NULL, NULL);
    if (module && dwfl_module_report_build_id(module, wanted->build_id,
                                              wanted->build_id_bytes, 0) == 0) {
        char *file_name = NULL;
        Elf *elf = NULL;
        void *nothing = NULL, **userdata = &nothing;
        fd = dwfl_build_id_find_elf(module, userdata, wanted->path, 0, &file_name, &elf);
        if (fd < 0 && elf)
            elf_end(elf);
        free(file_name);
    }
    dwfl_end(dwfl);
    return fd;
}

/* @outcome: of what was opened, or why nothing was */
static int open_module(const struct symbols_wanted *wanted,
                       enum symbols_outcome *outcome) {
    *outcome = SYMBOLS_GONE;
    if (wanted->path[0] != '/')
        return -1; /* [vdso], [anon] */
    int fd = open_if_same(wanted->path, wanted);
    *outcome = fd >= 0 ? SYMBOLS_FOUND : fd == -2 ? SYMBOLS_STALE : SYMBOLS_GONE;
    int kept = fd >= 0 ? -1 : open_kept(wanted);
    if (kept >= 0)
        *outcome = SYMBOLS_KEPT;
    if (fd >= 0 || kept >= 0 || wanted->content_id)
        return fd >= 0 ? fd : kept;
    fd = open_debug_file(wanted);
    if (fd < 0)
        fd = open_by_build_id(wanted);
    if (fd >= 0)
        *outcome = SYMBOLS_FOUND;
    return fd;
}

/* --- symbol tables --- */

static void look_at_sections(struct symbols *s, Elf *elf) {
    size_t names;
    Elf_Scn *section = NULL;
    if (!elf || elf_getshdrstrndx(elf, &names) != 0)
        return;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        s->has_symtab |= header.sh_type == SHT_SYMTAB;
        s->has_mini |= name && strcmp(name, ".gnu_debugdata") == 0;
    }
}

/* Aliases: `malloc` rather than `__libc_malloc`, a global rather than a local name. */
static int rank_of(const char *name, const GElf_Sym *symbol) {
    int bind = GELF_ST_BIND(symbol->st_info);
    int rank = bind == STB_GLOBAL || bind == STB_GNU_UNIQUE ? 2
               : bind == STB_WEAK                           ? 1
                                                            : 0;
    bool mangled = demangle_wants(name);
    if (name[0] != '_' || mangled)
        rank += 8;
    else if (name[1] != '_')
        rank += 4;
    return rank * 2 + (symbol->st_size > 0);
}

static bool is_code(const GElf_Sym *symbol, Elf *elf, GElf_Word section_index) {
    int type = GELF_ST_TYPE(symbol->st_info);
    if (symbol->st_shndx == SHN_UNDEF)
        return false;
    if (type == STT_FUNC || type == STT_GNU_IFUNC)
        return true;
    GElf_Shdr header; /* assembly without .type */
    Elf_Scn *section = type == STT_NOTYPE && elf ? elf_getscn(elf, section_index) : NULL;
    return section && gelf_getshdr(section, &header) && header.sh_flags & SHF_EXECINSTR;
}

static int compare_symbols(const void *a, const void *b) {
    const struct function_symbol *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void load_table(struct symbols *s) {
    int n = dwfl_module_getsymtab(s->module);
    uint32_t capacity = 0;
    for (int i = 1; i < n; i++) {
        GElf_Sym symbol;
        GElf_Addr at, bias;
        GElf_Word section;
        Elf *elf = NULL;
        const char *name =
            dwfl_module_getsym_info(s->module, i, &symbol, &at, &section, &elf, &bias);
        if (!name || !*name || *name == '$' || *name == '.' ||
            !is_code(&symbol, elf, section))
            continue;
        uint64_t size = symbol.st_size < 1ull << 32 ? symbol.st_size : 0;
        if (s->n_table == capacity) {
            capacity = capacity ? capacity * 2 : 512;
            s->table = text_realloc(s->table, capacity * sizeof *s->table);
        }
        s->table[s->n_table++] =
            (struct function_symbol){at, at + size, name, rank_of(name, &symbol)};
    }
    if (s->n_table)
        qsort(s->table, s->n_table, sizeof *s->table, compare_symbols);
    uint32_t kept = 0; /* one of each address, the one of the highest rank */
    for (uint32_t i = 0; i < s->n_table; i++) {
        if (kept && s->table[kept - 1].start == s->table[i].start) {
            if (s->table[i].end > s->table[kept - 1].end)
                s->table[kept - 1].end = s->table[i].end;
            continue;
        }
        s->table[kept++] = s->table[i];
    }
    s->n_table = kept;
}

/* Symbols without a size are assembly: short. */
#define UNSIZED_BYTES 4096u
#define LOOK_BACK     8u

static const struct function_symbol *symbol_of(const struct symbols *s,
                                               uint64_t address) {
    uint32_t lo = 0, hi = s->n_table;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (s->table[middle].start <= address)
            lo = middle + 1;
        else
            hi = middle;
    }
    for (uint32_t i = 0; i < LOOK_BACK && lo > i; i++) {
        const struct function_symbol *f = &s->table[lo - 1 - i];
        if (address < f->end ||
            (i == 0 && f->end == f->start && address - f->start < UNSIZED_BYTES))
            return f;
    }
    return NULL;
}

/* --- functions without a name --- */

static int compare_starts(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Read the search table of .eh_frame_hdr in the form that every linker writes it.
 * Source: Linux Standard Base Core 5.0, section 10.6.2. */
static void load_starts(struct symbols *s, Elf *elf) {
    enum {
        HEADER = 12,
        VERSION = 1,
        PCREL_SDATA4 = 0x1b,
        UDATA4 = 3,
        DATAREL_SDATA4 = 0x3b
    };
    size_t n = 0;
    GElf_Phdr p = {0};
    for (size_t i = 0; elf && elf_getphdrnum(elf, &n) == 0 && i < n; i++)
        if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_GNU_EH_FRAME)
            break;
    if (p.p_type != PT_GNU_EH_FRAME || p.p_filesz < HEADER)
        return;
    Elf_Data *data =
        elf_getdata_rawchunk(elf, (int64_t)p.p_offset, p.p_filesz, ELF_T_BYTE);
    if (!data || data->d_size < HEADER)
        return;
    const uint8_t *b = data->d_buf,
                  form[] = {VERSION, PCREL_SDATA4, UDATA4, DATAREL_SDATA4};
    uint32_t count;
    memcpy(&count, b + 8, sizeof count);
    if (memcmp(b, form, sizeof form) != 0 || count > (data->d_size - HEADER) / 8)
        return;
    s->starts = text_alloc(count * sizeof *s->starts);
    for (uint32_t i = 0; i < count; i++) {
        int32_t at;
        memcpy(&at, b + HEADER + 8 * (size_t)i, sizeof at);
        s->starts[i] = p.p_vaddr + (uint64_t)(int64_t)at;
    }
    s->n_starts = count;
    if (count)
        qsort(s->starts, count, sizeof *s->starts, compare_starts);
}

/* A function reaches to the next one: nothing else says where a nameless one ends. */
static bool nameless_at(const struct symbols *s, uint64_t address,
                        struct symbol_line *out) {
    uint32_t lo = 0, hi = s->n_starts;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (s->starts[middle] <= address)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (!lo)
        return false;
    *out = (struct symbol_line){.start = s->starts[lo - 1]};
    if (lo < s->n_starts)
        out->size = s->starts[lo] - s->starts[lo - 1];
    return true;
}

/* --- opening and closing --- */

/* libdw inflates all that it knows of a file when it opens it: locations of variables are a seventh of
 * libc's, and no name needs them. What is said to take no room in the file is left alone. */
static void hide_unread(Elf *elf) {
    static const char *const unread[] = {".debug_loc",     ".debug_loclists",
                                         ".debug_macro",   ".debug_frame",
                                         ".debug_macinfo", ".debug_pubnames"};
    size_t names;
    Elf_Scn *section = NULL;
    if (!elf || elf_getshdrstrndx(elf, &names) != 0)
        return;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(section, &header)
                               ? elf_strptr(elf, names, header.sh_name)
                               : NULL;
        for (size_t i = 0; name && i < sizeof unread / sizeof *unread; i++) {
            if (strcmp(name, unread[i]) != 0)
                continue;
            header.sh_type = SHT_NOBITS;
            gelf_update_shdr(section, &header); /* in our copy of the page */
        }
    }
}

/* The files that the debug information may be read from, as far as they are open: the one itself, and
 * the one that its symbol table came from. */
static void hide_all_unread(struct symbols *s) {
    GElf_Sym symbol;
    GElf_Addr at, bias;
    Elf *elf = NULL;
    hide_unread(dwfl_module_getelf(s->module, &bias));
    int n = dwfl_module_getsymtab(s->module);
    if (n > 1 &&
        dwfl_module_getsym_info(s->module, n - 1, &symbol, &at, NULL, &elf, &bias))
        hide_unread(elf);
}

static void load_dwarf(struct symbols *s) {
    hide_all_unread(s);
    Dwarf *dwarf = dwfl_module_getdwarf(s->module, &s->dwarf_bias);
    if (dwarf)
        dwarf_new_oom_handler(dwarf, text_out_of_memory); /* its own has its own words */
    if (dwarf)
        s->inlines = inlines_new(dwarf);
}

/* The part of the debug information that several files share (dwz). */
static void add_shared_file(struct symbols *s, const char *debug_file) {
    const char *name = NULL;
    const void *id = NULL;
    Dwarf_Addr bias;
    Dwarf *dwarf = dwfl_module_getdwarf(s->module, &bias);
    ssize_t n = dwarf ? dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id) : 0;
    if (n <= 0)
        return;
    const char *slash = strrchr(debug_file, '/');
    AUTO_FREE char *path =
        *name == '/' ? text_dup(name)
                     : text_format("%.*s/%s", slash ? (int)(slash - debug_file) : 0,
                                   debug_file, name);
    symbol_files_add(&s->files, path);
    symbol_files_add_build_id(&s->files, id, (uint32_t)n);
}

static void note_files(struct symbols *s, const struct symbols_wanted *wanted, Elf *elf,
                       const char *debug_file) {
    const char *urls = getenv("DEBUGINFOD_URLS");
    GElf_Word crc;
    bool may_get_more = urls && *urls && !s->inlines;
    if (wanted->tables_only || may_get_more ||
        (s->inlines && inlines_are_split(s->inlines))) {
        symbol_files_deinit(&s->files);
        return;
    }
    symbol_files_add_build_id(&s->files, wanted->build_id, wanted->build_id_bytes);
    symbol_files_add_places(&s->files, wanted->path,
                            elf ? dwelf_elf_gnu_debuglink(elf, &crc) : NULL);
    if (debug_file)
        symbol_files_add(&s->files, debug_file);
    add_shared_file(s, debug_file ? debug_file : wanted->path);
}

enum symbols_outcome symbols_new(const struct symbols_wanted *wanted,
                                 struct symbols **out) {
    enum symbols_outcome outcome;
    struct symbol_files files = {0};
    *out = NULL;
    elf_version(EV_CURRENT);
    symbol_files_add(&files, wanted->path); /* as it is before it is read */
    int fd = open_module(wanted, &outcome);
    if (fd < 0) {
        symbol_files_deinit(&files);
        return outcome;
    }
    struct symbols *s = text_alloc(sizeof *s);
    s->files = files;
    s->dwfl = dwfl_begin(&callbacks);
    if (s->dwfl) {
        dwfl_report_begin(s->dwfl);
        s->module = dwfl_report_elf(s->dwfl, wanted->path, wanted->path, fd, 0, true);
        dwfl_report_end(s->dwfl, NULL, NULL);
    }
    if (!s->module) { /* else the descriptor is libdwfl's */
        close(fd);
        symbols_free(s);
        return SYMBOLS_GONE;
    }
    if (!wanted->tables_only)
        load_dwarf(s);
    load_table(s);
    GElf_Addr bias;
    const char *debug_file = NULL;
    Elf *elf = dwfl_module_getelf(s->module, &bias);
    look_at_sections(s, elf);
    load_starts(s, elf);
    dwfl_module_info(s->module, NULL, NULL, NULL, NULL, NULL, NULL, &debug_file);
    s->has_symtab |= debug_file != NULL;
    note_files(s, wanted, elf, debug_file);
    *out = s;
    return outcome;
}

static void free_strings(struct idmap *map) {
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key)
            free((void *)(intptr_t)map->slots[i].value);
    idmap_deinit(map);
}

struct symbols *symbols_free(struct symbols *s) {
    if (!s)
        return NULL;
    inlines_free(s->inlines);
    if (s->dwfl)
        dwfl_end(s->dwfl);
    symbol_files_deinit(&s->files);
    free(s->table);
    free(s->starts);
    free(s->functions);
    free_strings(&s->demangled);
    free_strings(&s->paths);
    free_strings(&s->plain);
    free(s);
    return NULL;
}

const char *symbols_source(const struct symbols *s) {
    if (s->inlines)
        return "dwarf";
    if (!s->n_table)
        return "none";
    return s->has_symtab ? "symtab" : s->has_mini ? "minidebuginfo" : "dynsym";
}

const struct symbol_files *symbols_files(const struct symbols *s) {
    return &s->files;
}

uint32_t symbols_functions(struct symbols *s, const uint64_t **out) {
    if (!s->functions) {
        s->functions = text_alloc((s->n_table + 1) * sizeof *s->functions);
        for (uint32_t i = 0; i < s->n_table; i++)
            s->functions[i] = s->table[i].start;
    }
    *out = s->functions;
    return s->n_table;
}

/* --- names --- */

/* Length without "@@GLIBC_2.2.5". */
static size_t without_version(const char *name) {
    const char *at = *name ? strchr(name + 1, '@') : NULL;
    return at ? (size_t)(at - name) : strlen(name);
}

/* Length without what compilers append to the copies they make of a function. */
static size_t without_suffix(const char *name, size_t n) {
    static const char *const suffixes[] = {".constprop.", ".isra.",     ".part.",
                                           ".cold",       ".lto_priv.", ".llvm.",
                                           ".localalias", ".warm"};
    size_t shortest = n;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const char *at =
            memmem(name + (n > 0), n - (n > 0), suffixes[i], strlen(suffixes[i]));
        if (at && (size_t)(at - name) < shortest)
            shortest = (size_t)(at - name);
    }
    return shortest;
}

char *symbols_demangle(const char *linkage_name) {
    size_t n = without_suffix(linkage_name, without_version(linkage_name));
    char *plain = text_alloc(n + 1);
    memcpy(plain, linkage_name, n);
    char *name = demangle(plain, true);
    if (!name)
        name = demangle_cut(plain);
    free(plain);
    return name;
}

void symbols_clean_path(char *path) {
    bool absolute = *path == '/', last = !*path;
    char *out = path + absolute, *floor = out; /* ".." takes nothing away below `floor` */
    for (char *in = out, *next; !last; in = next) {
        size_t n = strcspn(in, "/");
        bool up = n == 2 && in[0] == '.' && in[1] == '.';
        last = !in[n];
        next = in + n + 1;
        if (n == 0 || (n == 1 && in[0] == '.') || (up && absolute && out == floor))
            continue;
        if (up && out > floor) {
            for (out--; out > floor && out[-1] != '/'; out--)
                ;
            continue;
        }
        memmove(out, in, n);
        out += n;
        *out++ = '/'; /* over the NUL when it was the last one: `last` knows */
        if (up)
            floor = out;
    }
    if (out > path + absolute)
        out--;
    *out = 0;
}

static void add_extent(const struct symbols *s, uint64_t address,
                       struct symbol_line *line) {
    struct symbol_line at;
    if (!nameless_at(s, address, &at))
        return;
    line->start = at.start;
    line->size = at.size;
}

static const char *remember(struct idmap *map, const void *key, char *value) {
    idmap_put(map, (intptr_t)key, (intptr_t)value);
    return value;
}

static const char *demangled(struct symbols *s, const char *name) {
    int64_t known;
    if (!name)
        return NULL;
    if (idmap_get(&s->demangled, (intptr_t)name, &known))
        return (const char *)(intptr_t)known;
    return remember(&s->demangled, name, symbols_demangle(name));
}

/* A path's address stands for it: a line table keeps each once. */
static const char *source_path(struct symbols *s, const struct inline_line *at) {
    int64_t known;
    if (!at->file)
        return NULL;
    if (idmap_get(&s->paths, (intptr_t)at->file, &known))
        return (const char *)(intptr_t)known;
    char *path = *at->file != '/' && at->folder
                     ? text_format("%s/%s", at->folder, at->file)
                     : text_dup(at->file);
    symbols_clean_path(path);
    return remember(&s->paths, at->file, path);
}

/* One that no table has is of no use to anybody, and each frame keeps a copy. */
static const char *if_short(const char *linkage_name) {
    bool is = linkage_name && strlen(linkage_name) <= DEMANGLE_MOST_BYTES;
    return is ? linkage_name : NULL;
}

static const char *unversioned(struct symbols *s, const char *name) {
    int64_t known;
    size_t n = without_version(name);
    if (!name[n])
        return name;
    if (idmap_get(&s->plain, (intptr_t)name, &known))
        return (const char *)(intptr_t)known;
    char *plain = text_alloc(n + 1);
    memcpy(plain, name, n);
    return remember(&s->plain, name, plain);
}

uint32_t symbols_look_up(struct symbols *s, uint64_t address,
                         const struct symbol_line **out) {
    struct inline_line found[INLINES_MAX];
    uint32_t n =
        s->inlines ? inlines_look_up(s->inlines, address - s->dwarf_bias, found) : 0;
    const struct function_symbol *symbol = symbol_of(s, address);
    *out = s->lines;
    for (uint32_t i = 0; i < n; i++)
        s->lines[i] = (struct symbol_line){
            .function = demangled(s, found[i].linkage_name ? found[i].linkage_name
                                                           : found[i].name),
            .linkage_name =
                if_short(found[i].linkage_name ? found[i].linkage_name : found[i].name),
            .file = source_path(s, &found[i]),
            .line = found[i].line,
            .column = found[i].column,
            .start = found[i].start ? found[i].start + s->dwarf_bias : 0,
        };
    if (!symbol && !n)
        return nameless_at(s, address, &s->lines[0]);
    if (!symbol && !s->lines[n - 1].function)
        add_extent(s, address, &s->lines[n - 1]);
    if (!symbol)
        return n;
    struct symbol_line *physical = &s->lines[n ? n - 1 : 0];
    /* GCC gives no linkage name to what depends on a local type: the symbol has it. And C
     * functions have aliases: `strdup` is better known than DWARF's `__GI___strdup`. */
    if (!n)
        *physical = (struct symbol_line){0};
    if (!n || !found[n - 1].linkage_name || !demangle_wants(found[n - 1].linkage_name))
        physical->function = demangled(s, symbol->name);
    physical->linkage_name = if_short(unversioned(s, symbol->name));
    physical->start = symbol->start;
    physical->size = symbol->end - symbol->start;
    return n ? n : 1;
}
