/* SPDX-License-Identifier: Apache-2.0 */
/* Names kept from run to run: see symbol_cache.h. */
#include "symbol_cache.h"

#include <dirent.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache_folder.h"
#include "idmap.h"
#include "inlines.h"
#include "text.h"

#ifndef DEARTH_VERSION
#define DEARTH_VERSION "0"
#endif
/* Raise it when the layout below, or what symbols.c and inlines.c say of an address, changes. */
#define FORMAT   2u
#define ENDING   ".names"
#define MAGIC    0x73656d616e616564u          /* "deanames" */
#define FILE_MAX (SYMBOL_CACHE_BYTES / 1024u) /* files that are looked at */

/* --- the file, in the byte order of this machine --- */

struct kept_head {
    uint64_t magic;
    struct dearth_key sum;    /* of all that follows */
    struct dearth_key module; /* key_of() */
    char source[16];
    uint32_t n_files, n_addresses, n_lines, string_bytes;
};
struct kept_file {
    struct file_mark mark;
    uint64_t path; /* strings: distance into them */
};
struct kept_address {
    uint64_t address;
    uint32_t first, n; /* lines */
};
struct kept_line {
    uint64_t start, size;
    uint32_t line;
    uint32_t strings
        [3]; /* function, linkage name, file; 0 = NULL: the first byte of strings is 0 */
};
#define SUMMED offsetof(struct kept_head, module)

struct entry {
    uint64_t address;
    const struct symbol_line *lines;
    uint32_t n;
};

struct symbol_cache {
    int folder; /* -1 = there is none */
    char name[DEARTH_KEY_HEX + sizeof ENDING];
    struct dearth_key key;
    char *content; /* of the file */
    struct symbol_files files;
    const char *source;
    struct symbol_line *lines; /* of the file */
    struct entry
        *entries; /* n_kept sorted ones of the file, then those that were added */
    uint32_t n_kept, n;
    size_t capacity;
};

/* --- where --- */

static struct dearth_key key_of(const struct symbols_wanted *wanted) {
    const char *urls = getenv("DEBUGINFOD_URLS");
    AUTO_TEXT struct text all = {0};
    text_addf(&all, "%u %s %s %d %u ", FORMAT, DEARTH_VERSION, dwfl_version(NULL),
              wanted->content_id, wanted->build_id_bytes);
    text_add_n(&all, (const char *)wanted->build_id, wanted->build_id_bytes);
    text_addf(&all, "%s%c%s", wanted->path, 0, urls ? urls : "");
    return key_hash(all.data, all.n);
}

/* --- reading --- */

struct view { /* the parts of a file that is whole */
    const struct kept_head *head;
    const struct kept_file *files;
    const struct kept_address *addresses;
    const struct kept_line *lines;
    const char *strings;
};

static bool view_init(struct view *v, const char *content, size_t bytes,
                      struct dearth_key key) {
    const struct kept_head *h = v->head = (const void *)content;
    v->files = (const void *)(h + 1);
    uint64_t wanted = sizeof *h + (uint64_t)h->n_files * sizeof *v->files +
                      (uint64_t)h->n_addresses * sizeof *v->addresses +
                      (uint64_t)h->n_lines * sizeof *v->lines + h->string_bytes;
    if (h->magic != MAGIC || !key_equal(h->module, key) || wanted != bytes ||
        !h->n_files || h->n_files > SYMBOL_FILES_MAX || !h->string_bytes ||
        h->source[sizeof h->source - 1] || content[bytes - 1] ||
        !key_equal(h->sum, key_hash(content + SUMMED, bytes - SUMMED)))
        return false;
    v->addresses = (const void *)(v->files + h->n_files);
    v->lines = (const void *)(v->addresses + h->n_addresses);
    v->strings = (const char *)(v->lines + h->n_lines);
    return !v->strings[0];
}

static bool take_files(struct symbol_cache *cache, const struct view *v) {
    struct symbol_files *files = &cache->files;
    files->items = text_alloc(SYMBOL_FILES_MAX * sizeof *files->items);
    for (uint32_t i = 0; i < v->head->n_files; i++) {
        if (v->files[i].path >= v->head->string_bytes)
            return false;
        struct symbol_file file = {.path = text_dup(v->strings + v->files[i].path),
                                   .mark = v->files[i].mark};
        files->items[files->n++] = file;
        if (!symbol_files_same(&file))
            return false;
    }
    return true;
}

static bool take_lines(struct symbol_cache *cache, const struct view *v) {
    cache->lines = text_alloc(((size_t)v->head->n_lines + 1) * sizeof *cache->lines);
    for (uint32_t i = 0; i < v->head->n_lines; i++) {
        const struct kept_line *k = &v->lines[i];
        const char *strings[3];
        for (int j = 0; j < 3; j++) {
            if (k->strings[j] >= v->head->string_bytes)
                return false;
            strings[j] = k->strings[j] ? v->strings + k->strings[j] : NULL;
        }
        cache->lines[i] = (struct symbol_line){.function = strings[0],
                                               .linkage_name = strings[1],
                                               .file = strings[2],
                                               .line = k->line,
                                               .start = k->start,
                                               .size = k->size};
    }
    return true;
}

static bool take_addresses(struct symbol_cache *cache, const struct view *v) {
    const struct kept_head *h = v->head;
    cache->capacity = (size_t)h->n_addresses + 1;
    cache->entries = text_alloc(cache->capacity * sizeof *cache->entries);
    for (uint32_t i = 0; i < h->n_addresses; i++) {
        const struct kept_address *k = &v->addresses[i];
        if (k->n > INLINES_MAX || k->first > h->n_lines || k->n > h->n_lines - k->first ||
            (i && k->address <= v->addresses[i - 1].address))
            return false;
        cache->entries[i] = (struct entry){k->address, cache->lines + k->first, k->n};
    }
    cache->n = cache->n_kept = h->n_addresses;
    return true;
}

static const char *known_source(const char *name) {
    static const char *const names[] = {"dwarf", "symtab", "minidebuginfo", "dynsym"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    return "none";
}

static void forget(struct symbol_cache *cache) {
    symbol_files_deinit(&cache->files);
    free(cache->lines);
    free(cache->content);
    cache->lines = NULL;
    cache->content = NULL;
    cache->n = cache->n_kept = 0;
}

struct symbol_cache *symbol_cache_new(const struct symbols_wanted *wanted) {
    struct symbol_cache *cache = text_alloc(sizeof *cache);
    size_t bytes = 0;
    struct view v;
    cache->source = "none";
    cache->folder =
        wanted->path[0] == '/' && wanted->build_id_bytes ? cache_folder_open() : -1;
    if (cache->folder < 0)
        return cache;
    cache->key = key_of(wanted);
    text_key(cache->key, cache->name);
    strcat(cache->name, ENDING);
    cache->content =
        cache_folder_read(cache->folder, cache->name, sizeof(struct kept_head),
                          SYMBOL_CACHE_FILE_MOST, &bytes);
    if (cache->content && view_init(&v, cache->content, bytes, cache->key) &&
        take_files(cache, &v) && take_lines(cache, &v) && take_addresses(cache, &v))
        cache->source = known_source(v.head->source);
    else
        forget(cache);
    return cache;
}

struct symbol_cache *symbol_cache_free(struct symbol_cache *cache) {
    if (!cache)
        return NULL;
    for (uint32_t i = cache->n_kept; i < cache->n; i++)
        free((void *)cache->entries[i].lines); /* one block with its strings */
    forget(cache);
    free(cache->entries);
    if (cache->folder >= 0)
        close(cache->folder);
    free(cache);
    return NULL;
}

bool symbol_cache_find(const struct symbol_cache *cache, uint64_t address,
                       const struct symbol_line **lines, uint32_t *n) {
    uint32_t lo = 0, hi = cache->n_kept;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (cache->entries[middle].address < address)
            lo = middle + 1;
        else
            hi = middle;
    }
    if (lo == cache->n_kept || cache->entries[lo].address != address)
        return false;
    *lines = cache->entries[lo].lines;
    *n = cache->entries[lo].n;
    return true;
}

const char *symbol_cache_source(const struct symbol_cache *cache) {
    return cache->source;
}

/* --- writing --- */

static const char *put_copy(char **to, const char *s) {
    size_t n = s ? strlen(s) + 1 : 0;
    char *copy = s ? memcpy(*to, s, n) : NULL;
    *to += n;
    return copy;
}

static size_t string_bytes(const struct symbol_line *line) {
    const char *strings[] = {line->function, line->linkage_name, line->file};
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        n += strings[i] ? strlen(strings[i]) + 1 : 0;
    return n;
}

void symbol_cache_add(struct symbol_cache *cache, uint64_t address,
                      const struct symbol_line *lines, uint32_t n) {
    size_t bytes = n * sizeof *lines;
    if (cache->folder < 0)
        return;
    for (uint32_t i = 0; i < n; i++)
        bytes += string_bytes(&lines[i]);
    struct symbol_line *copy = text_alloc(bytes ? bytes : 1);
    char *to = (char *)(copy + n);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = lines[i];
        copy[i].function = put_copy(&to, lines[i].function);
        copy[i].linkage_name = put_copy(&to, lines[i].linkage_name);
        copy[i].file = put_copy(&to, lines[i].file);
    }
    if (cache->n >= cache->capacity) {
        cache->capacity = cache->capacity ? cache->capacity * 2 : 256;
        cache->entries =
            text_realloc(cache->entries, cache->capacity * sizeof *cache->entries);
    }
    cache->entries[cache->n++] = (struct entry){address, copy, n};
}

static int by_address(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* Return: how many there are when each address is there once. */
static uint32_t sort_entries(struct entry *entries, uint32_t n) {
    uint32_t kept = 0;
    qsort(entries, n, sizeof *entries, by_address);
    for (uint32_t i = 0; i < n; i++)
        if (!kept || entries[kept - 1].address != entries[i].address)
            entries[kept++] = entries[i];
    return kept;
}

struct strings { /* each once */
    struct text all;
    struct idmap known;
};

static uint32_t put_string(struct strings *s, const char *string) {
    int64_t at;
    if (!string)
        return 0;
    struct dearth_key key = key_hash(string, strlen(string));
    int64_t name = (int64_t)(key.lo | 1);
    if (idmap_get(&s->known, name, &at) && strcmp(s->all.data + at, string) == 0)
        return (uint32_t)at;
    at = (int64_t)s->all.n;
    text_add_n(&s->all, string, strlen(string) + 1);
    idmap_put(&s->known, name, at);
    return (uint32_t)at;
}

static void put(struct text *out, const void *data, size_t n) {
    text_add_n(out, data, n);
}

static void put_files(struct text *out, struct strings *strings,
                      const struct symbol_files *files) {
    for (uint32_t i = 0; i < files->n; i++) {
        struct kept_file kept = {.mark = files->items[i].mark,
                                 .path = put_string(strings, files->items[i].path)};
        put(out, &kept, sizeof kept);
    }
}

static uint32_t put_addresses(struct text *out, const struct entry *entries, uint32_t n) {
    uint32_t lines = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct kept_address kept = {entries[i].address, lines, entries[i].n};
        put(out, &kept, sizeof kept);
        lines += entries[i].n;
    }
    return lines;
}

static void put_lines(struct text *out, struct strings *strings, const struct entry *e) {
    for (uint32_t i = 0; i < e->n; i++) {
        const struct symbol_line *l = &e->lines[i];
        struct kept_line kept = {.start = l->start,
                                 .size = l->size,
                                 .line = l->line,
                                 .strings = {put_string(strings, l->function),
                                             put_string(strings, l->linkage_name),
                                             put_string(strings, l->file)}};
        put(out, &kept, sizeof kept);
    }
}

static void make_content(struct text *out, const struct symbol_cache *cache,
                         const char *source, const struct symbol_files *files) {
    struct strings strings = {0};
    struct kept_head head = {.magic = MAGIC,
                             .module = cache->key,
                             .n_files = files->n,
                             .n_addresses = cache->n};
    snprintf(head.source, sizeof head.source, "%s", source);
    text_add_n(&strings.all, "", 1);
    put(out, &head, sizeof head);
    put_files(out, &strings, files);
    head.n_lines = put_addresses(out, cache->entries, cache->n);
    for (uint32_t i = 0; i < cache->n; i++)
        put_lines(out, &strings, &cache->entries[i]);
    head.string_bytes = (uint32_t)strings.all.n;
    put(out, strings.all.data, strings.all.n);
    memcpy(out->data, &head, sizeof head);
    head.sum = key_hash(out->data + SUMMED, out->n - SUMMED);
    memcpy(out->data, &head, sizeof head);
    text_deinit(&strings.all);
    idmap_deinit(&strings.known);
}

/* --- the bound --- */

struct kept {
    char name[64];
    int64_t used_s;
    uint64_t bytes;
};

static int by_use(const void *a, const void *b) {
    const struct kept *x = a, *y = b;
    return (x->used_s > y->used_s) - (x->used_s < y->used_s);
}

static bool ends_in(const char *name, const char *ending) {
    size_t n = strlen(name), k = strlen(ending);
    if (n <= k || n >= sizeof(((struct kept *)NULL)->name))
        return false;
    return strcmp(name + (n - k), ending) == 0;
}

/* What is kept; what killed writers have left is removed. */
static uint32_t list_kept(int folder, DIR *d, struct kept **out) {
    uint32_t n = 0, capacity = 0;
    struct stat st;
    for (struct dirent *e; (e = readdir(d)) && n < FILE_MAX;) {
        bool half = ends_in(e->d_name, CACHE_FOLDER_HALF);
        if ((!half && !ends_in(e->d_name, ENDING)) ||
            fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (half && st.st_mtim.tv_sec + CACHE_FOLDER_DAY_S < time(NULL))
            unlinkat(folder, e->d_name, 0);
        if (half)
            continue;
        if (n == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            *out = text_realloc(*out, capacity * sizeof **out);
        }
        struct kept *kept = &(*out)[n++];
        *kept = (struct kept){.used_s = st.st_mtim.tv_sec, .bytes = (uint64_t)st.st_size};
        memcpy(kept->name, e->d_name, strlen(e->d_name) + 1); /* ends_in() saw to it */
    }
    return n;
}

static void bound_folder(int folder) {
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    AUTO_FREE struct kept *all = NULL;
    uint32_t n = list_kept(folder, d, &all);
    closedir(d);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += all[i].bytes;
    if (bytes > SYMBOL_CACHE_BYTES || n == FILE_MAX)
        qsort(all, n, sizeof *all, by_use);
    for (uint32_t i = 0;
         i < n && (bytes > SYMBOL_CACHE_BYTES || (n == FILE_MAX && i < n / 4)); i++)
        if (unlinkat(folder, all[i].name, 0) == 0)
            bytes -= all[i].bytes;
}

static bool same_files(const struct symbol_files *a, const struct symbol_files *b) {
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (strcmp(a->items[i].path, b->items[i].path) != 0 ||
            !file_mark_equal(&a->items[i].mark, &b->items[i].mark))
            return false;
    return true;
}

/* What was kept came from other files, or there is too much of it: only what was added stays. */
static void drop_kept(struct symbol_cache *cache) {
    cache->n -= cache->n_kept;
    memmove(cache->entries, cache->entries + cache->n_kept,
            cache->n * sizeof *cache->entries);
    cache->n_kept = 0;
}

void symbol_cache_save(struct symbol_cache *cache, const char *source,
                       const struct symbol_files *files) {
    AUTO_TEXT struct text content = {0};
    if (cache->folder < 0 || !files->n || cache->n == cache->n_kept ||
        symbol_files_fresh(files))
        return;
    if (cache->n_kept &&
        (strcmp(source, cache->source) != 0 || !same_files(files, &cache->files)))
        drop_kept(cache);
    AUTO_FREE struct entry *sorted = text_alloc(cache->n * sizeof *sorted);
    memcpy(sorted, cache->entries, cache->n * sizeof *sorted);
    struct symbol_cache whole = *cache;
    whole.n = sort_entries(sorted, cache->n);
    whole.entries = sorted;
    make_content(&content, &whole, source, files);
    if (content.n <= SYMBOL_CACHE_FILE_MOST &&
        cache_folder_write(cache->folder, cache->name, content.data, content.n))
        bound_folder(cache->folder);
}
