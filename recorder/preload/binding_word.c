/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a module that its calls of allocation functions go through: see binding_private.h.
 *
 *   imports (the first symbols) ─┐
 *   hash table ─ own definitions ┴─► symbols with one of the names ◄── relocations ─► words ─► values
 */
#include "arch.h"
#include "binding_private.h"

/* --- symbols --- */

static void add_symbol(struct look *look, const struct image *image, uint32_t index,
                       const Elf64_Sym *symbol, uint32_t name) {
    if (look->n_symbols == SYMBOLS_FOUND)
        return;
    bool own = symbol->st_shndx != SHN_UNDEF;
    look->symbols[look->n_symbols++] =
        (struct symbol){index, name, own ? image->bias + symbol->st_value : 0};
}

/* The letters that the names begin with. */
#define LETTER(c) (1u << ((c) - '_'))
#define LETTERS                                                                          \
    (LETTER('_') | LETTER('a') | LETTER('c') | LETTER('f') | LETTER('j') | LETTER('m') | \
     LETTER('p') | LETTER('r') | LETTER('t'))

/* @text: BINDING_NAME_BYTES can be read. Return: BINDING_NAMES = it is none of them. */
static uint32_t name_index(const char *text) {
    uint32_t i = 0, letter = (uint32_t)(text[0] - '_');
    if (letter > 31 || !(LETTERS >> letter & 1))
        return BINDING_NAMES;
    while (i < BINDING_NAMES &&
           __builtin_strncmp(text, binding_names[i].name, BINDING_NAME_BYTES) != 0)
        i++;
    return i;
}

static void take_symbol(struct look *look, const struct image *image, uint32_t index,
                        const Elf64_Sym *symbol, const char *text) {
    uint32_t name = name_index(text);
    if (name < BINDING_NAMES)
        add_symbol(look, image, index, symbol, name);
}

/* Those of look->symbol[], @n of them, the first of which is number @first. Names of imports lie near each
 * other: in one piece. */
static bool take_span(struct look *look, const struct image *image, uint32_t first,
                      uint32_t n) {
    size_t low = SIZE_MAX, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t at = look->symbol[i].st_name, end = at + BINDING_NAME_BYTES;
        low = at < low ? at : low;
        high = end > high ? end : high;
    }
    if (high - low > SPAN_BYTES ||
        !binding_fetch(look, look->span, image->strings + low, high - low))
        return false;
    for (uint32_t i = 0; i < n; i++)
        take_symbol(look, image, first + i, &look->symbol[i],
                    look->span + look->symbol[i].st_name - low);
    return true;
}

static void take_each(struct look *look, const struct image *image, uint32_t first,
                      uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        binding_want(look, look->texts[i], image->strings + look->symbol[i].st_name,
                     BINDING_NAME_BYTES);
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++) {
        if (!look->there[i]) /* the last text of a page */
            binding_fetch_text(look, look->texts[i], BINDING_NAME_BYTES,
                               image->strings + look->symbol[i].st_name);
        take_symbol(look, image, first + i, &look->symbol[i], look->texts[i]);
    }
}

static void take_symbols(struct look *look, const struct image *image, uint32_t first,
                         uint32_t n) {
    if (n && !take_span(look, image, first, n))
        take_each(look, image, first, n);
}

static uint32_t batch_of(size_t n) {
    return n < BATCH ? (uint32_t)n : BATCH;
}

/* Those from @first on that are not read yet. */
static void scan_symbols(struct look *look, const struct image *image, uint32_t first,
                         uint32_t end) {
    for (uint32_t n; first < end; first += n) {
        n = batch_of(end - first);
        if (!binding_fetch(look, look->symbol, image->symbols + first * sizeof(Elf64_Sym),
                           n * sizeof(Elf64_Sym)))
            return;
        take_symbols(look, image, first, n);
    }
}

/* --- what it defines itself --- */

static uint32_t gnu_hash(const char *name) {
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (uint8_t)*name;
    return h;
}

static uintptr_t bucket_at(const struct image *image, const struct gnu_table *table,
                           uint32_t hash) {
    return image->gnu_hash + sizeof *table + table->n_bloom * 8ull +
           hash % table->n_buckets * 4ull;
}

static uintptr_t link_at(const struct image *image, const struct gnu_table *table,
                         uint32_t index) {
    return image->gnu_hash + sizeof *table + table->n_bloom * 8ull +
           table->n_buckets * 4ull + (index - table->first) * 4ull;
}

static void look_up(struct look *look, const struct image *image,
                    const struct gnu_table *table, uint32_t name) {
    uint32_t hash = gnu_hash(binding_names[name].name), index;
    if (!binding_fetch(look, &index, bucket_at(image, table, hash), 4))
        return;
    for (uint32_t link = 0; index >= table->first && !(link & 1); index++) {
        Elf64_Sym symbol;
        char text[BINDING_NAME_BYTES];
        if (!binding_fetch(look, &link, link_at(image, table, index), 4))
            return;
        if ((link | 1) != (hash | 1) ||
            !binding_fetch(look, &symbol, image->symbols + index * sizeof symbol,
                           sizeof symbol))
            continue;
        binding_fetch_text(look, text, sizeof text, image->strings + symbol.st_name);
        if (__builtin_strcmp(text, binding_names[name].name) == 0)
            add_symbol(look, image, index, &symbol, name);
    }
}

/* Names looked up together. What is not plain to see in a few links is left to look_up(). */
#define LINKS_SOUGHT 8u
struct sought {
    uint32_t name, hash,
        index; /* the first symbol of its bucket, then the one with its hash */
    uint32_t links[LINKS_SOUGHT];
    Elf64_Sym symbol;
    char text[BINDING_NAME_BYTES];
    enum { NOT_THERE, THERE, NOT_PLAIN } state;
};

static void follow_links(struct sought *s) {
    for (uint32_t i = 0; i < LINKS_SOUGHT; i++, s->index++) {
        if ((s->links[i] | 1) == (s->hash | 1)) {
            s->state = THERE;
            return;
        }
        if (s->links[i] & 1)
            return;
    }
    s->state = NOT_PLAIN;
}

static void find_links(struct look *look, const struct image *image,
                       const struct gnu_table *table, struct sought *all, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        binding_want(look, &all[i].index, bucket_at(image, table, all[i].hash), 4);
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++) {
        if (!look->there[i])
            all[i].index = 0;
        bool some = all[i].index >= table->first;
        binding_want(look, all[i].links, some ? link_at(image, table, all[i].index) : 0,
                     some ? sizeof all->links : 0);
    }
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++) {
        if (all[i].index < table->first)
            continue;
        all[i].state = NOT_PLAIN;
        if (!look->there[i])
            continue;
        all[i].state = NOT_THERE;
        follow_links(&all[i]);
    }
}

static void look_up_all(struct look *look, const struct image *image,
                        const struct gnu_table *table, struct sought *all, uint32_t n) {
    find_links(look, image, table, all, n);
    for (uint32_t i = 0; i < n; i++)
        binding_want(look, &all[i].symbol,
                     image->symbols + all[i].index * sizeof(Elf64_Sym),
                     all[i].state == THERE ? sizeof(Elf64_Sym) : 0);
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++) {
        if (!look->there[i])
            all[i].state = NOT_PLAIN;
        binding_want(look, all[i].text, image->strings + all[i].symbol.st_name,
                     all[i].state == THERE ? BINDING_NAME_BYTES : 0);
    }
    binding_fetch_wanted(look);
    for (uint32_t i = 0; i < n; i++)
        if (all[i].state == THERE && look->there[i] &&
            __builtin_strncmp(all[i].text, binding_names[all[i].name].name,
                              BINDING_NAME_BYTES) == 0)
            add_symbol(look, image, all[i].index, &all[i].symbol, all[i].name);
        else if (all[i].state != NOT_THERE) /* the last text of a page; another's hash */
            look_up(look, image, table, all[i].name);
}

/* Its filter, which follows the table's head. NULL = it cannot be read. */
static const uint64_t *bloom_of(struct look *look, const struct image *image,
                                const struct gnu_table *table, size_t bytes) {
    if (table->n_bloom <= (bytes - sizeof *table) / 8)
        return (const uint64_t *)(table + 1);
    if (table->n_bloom > SPAN_BYTES / 8 ||
        !binding_fetch(look, look->span, image->gnu_hash + sizeof *table,
                       table->n_bloom * 8ull))
        return NULL;
    return (const uint64_t *)look->span;
}

/* Most of the names are in few tables, and the filter tells. */
static void find_own(struct look *look, const struct image *image,
                     const struct gnu_table *table, const uint64_t *bloom) {
    struct sought all[BINDING_NAMES];
    uint32_t n = 0;
    for (uint32_t i = 0; i < BINDING_NAMES; i++) {
        uint32_t hash = gnu_hash(binding_names[i].name);
        uint64_t bits = bloom ? bloom[hash / 64 % table->n_bloom] : UINT64_MAX;
        if (bits >> hash % 64 & bits >> (hash >> table->shift) % 64 & 1)
            all[n++] = (struct sought){.name = i, .hash = hash};
    }
    if (n)
        look_up_all(look, image, table, all, n);
}

bool binding_defines(struct look *look, const struct image *image, uint32_t name,
                     uintptr_t address) {
    struct gnu_table table = {0};
    uint32_t n = look->n_symbols;
    bool found_it = false;
    if (!image->gnu_hash || !binding_fetch(look, &table, image->gnu_hash, sizeof table) ||
        !table.n_bloom || !table.n_buckets)
        return false;
    look_up(look, image, &table, name);
    for (uint32_t i = n; i < look->n_symbols; i++)
        found_it |=
            look->symbols[i].value && (!address || look->symbols[i].value == address);
    look->n_symbols = n;
    return found_it;
}

/* --- words --- */

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

static void take_relas(struct look *look, const struct image *image,
                       const Elf64_Rela *relas, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        take_rela(look, image, &relas[i]);
}

/* A table of relocations, of which the first batch may have been read. */
struct relas {
    uintptr_t at;
    size_t n;
    Elf64_Rela *first;
    bool there;
};

static void scan_relas(struct look *look, const struct image *image,
                       const struct relas *r) {
    if (r->there)
        take_relas(look, image, r->first, batch_of(r->n));
    for (size_t i = BATCH, n; r->there && i < r->n; i += n) {
        n = batch_of(r->n - i);
        if (!binding_fetch(look, r->first, r->at + i * sizeof *r->first,
                           n * sizeof *r->first))
            return;
        take_relas(look, image, r->first, (uint32_t)n);
    }
}

/* They mostly lie within a page or two. */
static void read_words(struct look *look) {
    uintptr_t low = UINTPTR_MAX, high = 0;
    for (uint32_t i = 0; i < look->n_words; i++) {
        uintptr_t at = look->words[i].address;
        look->words[i].value = 0;
        low = at < low ? at : low;
        high = at + 8 > high ? at + 8 : high;
    }
    if (look->n_words && high - low <= SPAN_BYTES / 8 &&
        binding_fetch(look, look->span, low, high - low)) {
        for (uint32_t i = 0; i < look->n_words; i++)
            __builtin_memcpy(&look->words[i].value,
                             look->span + (look->words[i].address - low), 8);
        return;
    }
    for (uint32_t i = 0; i < look->n_words; i++)
        binding_want(look, &look->words[i].value, look->words[i].address, 8);
    binding_fetch_wanted(look);
}

/* Number of the first symbol that is no import, or of all symbols where that is not known. */
static uint32_t end_of_imports(const struct look *look, const struct image *image,
                               const struct gnu_table *table) {
    uint32_t sizes[2] = {0, 0};
    if (table)
        return table->first;
    if (image->hash)
        binding_fetch(look, sizes, image->hash, sizeof sizes);
    return sizes[1];
}

/* Both tables' places, but for relocations that name nothing. */
static void find_relas(struct look *look, const struct image *image, struct relas *plt,
                       struct relas *rela) {
    const size_t relative = image->rela_count * sizeof(Elf64_Rela);
    *plt = (struct relas){.at = image->plt, .first = look->plt};
    *rela = (struct relas){.at = image->rela + relative, .first = look->rela};
    if (image->plt)
        plt->n = image->plt_bytes / sizeof(Elf64_Rela);
    if (image->rela && image->rela_bytes > relative)
        rela->n = (image->rela_bytes - relative) / sizeof(Elf64_Rela);
}

void binding_find_words(struct look *look, const struct image *image,
                        const struct gnu_table *table, size_t bytes) {
    struct relas plt, rela;
    if (table && (!table->n_bloom || !table->n_buckets))
        table = NULL;
    uint32_t end = end_of_imports(look, image, table), n = batch_of(end ? end - 1 : 0);
    look->n_symbols = look->n_words = 0;
    if (!end)
        return;
    find_relas(look, image, &plt, &rela);
    binding_want(look, look->symbol, image->symbols + sizeof(Elf64_Sym),
                 n * sizeof(Elf64_Sym));
    binding_want(look, plt.first, plt.at, batch_of(plt.n) * sizeof(Elf64_Rela));
    binding_want(look, rela.first, rela.at, batch_of(rela.n) * sizeof(Elf64_Rela));
    binding_fetch_wanted(look);
    plt.there = look->there[1];
    rela.there = look->there[2];
    if (look->there[0]) {
        take_symbols(look, image, 1, n);
        scan_symbols(look, image, 1 + n, end);
    }
    if (table)
        find_own(look, image, table, bloom_of(look, image, table, bytes));
    if (!look->n_symbols)
        return;
    scan_relas(look, image, &plt);
    scan_relas(look, image, &rela);
    read_words(look);
}
