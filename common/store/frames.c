/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks for people: see frames.h. Everything read is kept: stack rows (parent, frame),
 * the named frames of every frame row, and each distinct string once, so that a report
 * over 100,000 sites asks SQLite once for each row.
 */
#include "frames.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "idmap.h"
#include "short_name.h"
#include "short_path.h"
#include "store.h"

/*
 * A file made for it must not send us round in circles nor fill the memory: a stack is made after its
 * caller's (recorder/session/session_store.c), so ids fall on the way up; it has fewer frames, inlined ones too, than
 * 65536; and all that are asked for together have some for each byte of the file. 512 frames, the
 * usual limit, of a site with its 300 bytes in the file are fewer than two.
 */
#define MAX_FRAMES      65536u
#define FRAMES_START    2000000u
#define FRAMES_PER_BYTE 4u

struct interned {
    struct interned *next;
    uint64_t hash;
    char s[];
};

struct expanded { /* a frame row with its symbols */
    struct frame *items;
    uint32_t n;
};

struct stack_step {
    int64_t parent, frame;
};

struct frames_reader {
    struct store *store;
    sqlite3_stmt *stack, *symbols;
    struct idmap steps;  /* stack id -> struct stack_step * */
    struct idmap frames; /* frame id -> struct expanded * */
    struct interned **buckets;
    size_t n_strings, n_buckets;
    uint64_t left; /* frames that may still be asked for */
};

#define FRAME_COLUMNS(X)                                                                 \
    X(FRAME_MODULE_ID, "f.module_id")                                                    \
    X(FRAME_MODULE, "m.path")                                                            \
    X(FRAME_OFFSET, "f.\"offset\"")                                                      \
    X(FRAME_INLINE_INDEX, "s.inline_index")                                              \
    X(FRAME_FUNCTION, "s.function")                                                      \
    X(FRAME_LINKAGE_NAME, "s.linkage_name")                                              \
    X(FRAME_FILE, "s.file")                                                              \
    X(FRAME_LINE, "s.line")                                                              \
    X(FRAME_START, "s.start")                                                            \
    X(FRAME_SIZE, "s.size")
enum { FRAME_COLUMNS(STORE_COLUMN_ENUM) };

#define STACK_COLUMNS(X)                                                                 \
    X(STACK_PARENT_ID, "parent_id")                                                      \
    X(STACK_FRAME_ID, "frame_id")
enum { STACK_COLUMNS(STORE_COLUMN_ENUM) };

int frames_reader_new(struct store *store, struct frames_reader **out) {
    struct frames_reader *reader = text_alloc(sizeof *reader);
    struct stat st = {0};
    reader->store = store;
    stat(store->path, &st);
    reader->left = FRAMES_START + FRAMES_PER_BYTE * (uint64_t)st.st_size;
    int r = store_prepare(store, STORE_SELECT(STACK_COLUMNS) "FROM stack WHERE id = ?1",
                          &reader->stack);
    if (r == 0)
        r = store_prepare(
            store,
            STORE_SELECT(
                FRAME_COLUMNS) "FROM frame f "
                               "JOIN module m ON m.id = f.module_id LEFT JOIN symbol s ON s.frame_id = f.id "
                               "WHERE f.id = ?1 ORDER BY s.inline_index",
            &reader->symbols);
    if (r < 0) {
        frames_reader_free(reader);
        return r;
    }
    *out = reader;
    return 0;
}

struct frames_reader *frames_reader_free(struct frames_reader *reader) {
    if (!reader)
        return NULL;
    for (size_t i = 0; i < reader->steps.capacity; i++)
        if (reader->steps.slots[i].key)
            free((void *)(intptr_t)reader->steps.slots[i].value);
    for (size_t i = 0; i < reader->frames.capacity; i++) {
        if (!reader->frames.slots[i].key)
            continue;
        struct expanded *e = (void *)(intptr_t)reader->frames.slots[i].value;
        free(e->items);
        free(e);
    }
    for (size_t i = 0; i < reader->n_buckets; i++)
        for (struct interned *s = reader->buckets[i], *next; s; s = next) {
            next = s->next;
            free(s);
        }
    free(reader->buckets);
    idmap_deinit(&reader->steps);
    idmap_deinit(&reader->frames);
    sqlite3_finalize(reader->stack);
    sqlite3_finalize(reader->symbols);
    free(reader);
    return NULL;
}

static void rehash(struct frames_reader *reader) {
    size_t n = reader->n_buckets ? reader->n_buckets * 4 : 256;
    struct interned **buckets = text_alloc(n * sizeof(*buckets));
    for (size_t i = 0; i < reader->n_buckets; i++)
        for (struct interned *s = reader->buckets[i], *next; s; s = next) {
            next = s->next;
            s->next = buckets[s->hash & (n - 1)];
            buckets[s->hash & (n - 1)] = s;
        }
    free(reader->buckets);
    reader->buckets = buckets;
    reader->n_buckets = n;
}

static const char *intern(struct frames_reader *reader, const char *text) {
    if (!text)
        return NULL;
    size_t n = strlen(text) + 1;
    uint64_t hash = key_hash(text, n).lo;
    if (reader->n_strings >= reader->n_buckets)
        rehash(reader);
    struct interned **bucket = &reader->buckets[hash & (reader->n_buckets - 1)];
    for (struct interned *s = *bucket; s; s = s->next)
        if (s->hash == hash && strcmp(s->s, text) == 0)
            return s->s;
    struct interned *s = text_alloc(sizeof *s + n);
    s->hash = hash;
    memcpy(s->s, text, n);
    s->next = *bucket;
    *bucket = s;
    reader->n_strings++;
    return s->s;
}

static void read_frame(struct frames_reader *reader, int64_t id, struct frame *out) {
    sqlite3_stmt *s = reader->symbols;
    *out = (struct frame){
        .module_id = sqlite3_column_int64(s, FRAME_MODULE_ID),
        .module = intern(reader, store_column_text(s, FRAME_MODULE)),
        .offset = (uint64_t)sqlite3_column_int64(s, FRAME_OFFSET),
        .inline_index = (uint32_t)sqlite3_column_int64(s, FRAME_INLINE_INDEX),
        .function = intern(reader, store_column_text(s, FRAME_FUNCTION)),
        .linkage_name = intern(reader, store_column_text(s, FRAME_LINKAGE_NAME)),
        .file = intern(reader, store_column_text(s, FRAME_FILE)),
        .line = (uint32_t)sqlite3_column_int64(s, FRAME_LINE),
        .start = (uint64_t)sqlite3_column_int64(s, FRAME_START),
        .size = (uint64_t)sqlite3_column_int64(s, FRAME_SIZE),
        .frame_id = id,
    };
    if (!out->module)
        out->module = "[anon]";
}

/* Return: 0 with @out, or negative errno. */
static int expand(struct frames_reader *reader, int64_t id, struct expanded **out) {
    int64_t value;
    if (idmap_get(&reader->frames, id, &value)) {
        *out = (struct expanded *)(intptr_t)value;
        return 0;
    }
    struct expanded *e = text_alloc(sizeof *e);
    int rc;
    sqlite3_bind_int64(reader->symbols, 1, id);
    while ((rc = sqlite3_step(reader->symbols)) == SQLITE_ROW && e->n < MAX_FRAMES) {
        e->items = text_grow(e->items, e->n, sizeof *e->items);
        if (e->n)
            e->items[e->n - 1].inlined = true;
        read_frame(reader, id, &e->items[e->n++]);
    }
    sqlite3_reset(reader->symbols);
    idmap_put(&reader->frames, id, (intptr_t)e);
    *out = e;
    return rc == SQLITE_DONE || rc == SQLITE_ROW
               ? 0
               : store_error(reader->store, "reading frames");
}

static int step_of(struct frames_reader *reader, int64_t id, struct stack_step *out) {
    int64_t value;
    if (idmap_get(&reader->steps, id, &value)) {
        *out = *(struct stack_step *)(intptr_t)value;
        return 0;
    }
    struct stack_step *step = text_alloc(sizeof *step);
    sqlite3_bind_int64(reader->stack, 1, id);
    int rc = sqlite3_step(reader->stack);
    if (rc == SQLITE_ROW) {
        step->parent = sqlite3_column_int64(reader->stack, STACK_PARENT_ID);
        step->frame = sqlite3_column_int64(reader->stack, STACK_FRAME_ID);
    }
    sqlite3_reset(reader->stack);
    idmap_put(&reader->steps, id, (intptr_t)step);
    *out = *step;
    return rc == SQLITE_ROW || rc == SQLITE_DONE
               ? 0
               : store_error(reader->store, "reading a stack");
}

void frames_deinit(struct frames *frames) {
    free(frames->items);
    *frames = (struct frames){0};
}

static int damaged(struct frames_reader *reader, int64_t id, const char *how) {
    return error_print(-EINVAL, "%s: is damaged: stack %lld %s", reader->store->path,
                       (long long)id, how);
}

/* Append a row's frames. Return: 0, or -EINVAL after a message. */
static int append(struct frames_reader *reader, int64_t id, const struct expanded *e,
                  struct frames *out, uint32_t *capacity) {
    if ((uint64_t)out->n + e->n > MAX_FRAMES)
        return damaged(reader, id, "is longer than any that is recorded");
    if (e->n > reader->left)
        return damaged(reader, id,
                       "and others are longer than a file of its size can need");
    reader->left -= e->n;
    if (out->n + e->n > *capacity) {
        *capacity = 2 * *capacity + e->n + 16;
        out->items = text_realloc(out->items, *capacity * sizeof *out->items);
    }
    if (e->n)
        memcpy(out->items + out->n, e->items, e->n * sizeof *e->items);
    out->n += e->n;
    return 0;
}

/* One row: @parent, and its frames, NULL where there is no such row. */
static int read_row(struct frames_reader *reader, int64_t stack_id, int64_t *parent,
                    struct expanded **e) {
    struct stack_step step;
    *e = NULL;
    *parent = 0;
    int r = step_of(reader, stack_id, &step);
    if (r == 0 && step.frame)
        r = expand(reader, step.frame, e);
    if (r == 0 && step.parent && step.parent >= stack_id)
        r = damaged(reader, stack_id, "is called by one that was made after it");
    *parent = step.parent;
    return r;
}

int frames_step(struct frames_reader *reader, int64_t stack_id, int64_t *parent_id,
                const struct frame **out, uint32_t *n) {
    struct expanded *e;
    int r = read_row(reader, stack_id, parent_id, &e);
    *out = e ? e->items : NULL;
    *n = e ? e->n : 0;
    return r;
}

int frames_load(struct frames_reader *reader, int64_t stack_id, struct frames *out) {
    *out = (struct frames){0};
    uint32_t capacity = 0;
    while (stack_id) {
        struct expanded *e;
        int64_t parent;
        int r = read_row(reader, stack_id, &parent, &e);
        if (r == 0 && e)
            r = append(reader, stack_id, e, out, &capacity);
        if (r < 0) {
            frames_deinit(out);
            return r;
        }
        if (!e)
            break;
        stack_id = parent;
    }
    return 0;
}

void frame_add_place(const struct frame *frame, struct text *out) {
    if (frame->file && frame->line)
        text_say(out, "%s:%u", short_path(frame->file), frame->line);
    else if (frame->file)
        text_add_name(out, short_path(frame->file));
    else
        text_say(out, "%s+0x%llx", text_basename(frame->module),
                 (unsigned long long)frame->offset);
}

void frame_add(const struct frame *frame, struct text *out) {
    if (!frame->function) {
        frame_add_place(frame, out);
        return;
    }
    short_name_add(frame->function, out);
    if (frame->file) {
        text_add(out, " (");
        frame_add_place(frame, out);
        text_add(out, ")");
        return;
    }
    if (frame->start && frame->offset >= frame->start)
        text_say(out, "+0x%llx", (unsigned long long)(frame->offset - frame->start));
    text_say(out, " (%s)", text_basename(frame->module));
}

void frame_add_location(const struct frame *frame, struct text *out) {
    if (!frame) {
        text_add(out, "unknown");
        return;
    }
    const char *module = text_basename(frame->module);
    bool has_line = frame->file && frame->line;
    if (!has_line && !frame->function) {
        text_say(out, "%s+0x%llx", module, (unsigned long long)frame->offset);
        return;
    }
    if (frame->function)
        short_name_add(frame->function, out);
    else
        text_add_name(out, module);
    if (has_line)
        text_say(out, " (%s:%u)", short_path(frame->file), frame->line);
    else
        text_say(out, " (%s)", module);
}

/* Where the parameters begin: the last '(' outside brackets that is closed by the last
 * ')' before qualifiers. "(anonymous namespace)::f()", "operator()(int)" have others
 * before it. */
static size_t parameters_at(const char *function) {
    size_t n = strlen(function), end = n;
    while (end && function[end - 1] != ')')
        end--;
    if (!end || strchr(function + end, ':') || strchr(function + end, '>'))
        return n; /* nothing of it is a parameter list */
    int depth = 0;
    for (size_t i = end; i-- > 0;) {
        depth += function[i] == ')';
        depth -= function[i] == '(';
        if (!depth)
            return i ? i : n;
    }
    return n;
}

char *frame_bare_function(const struct frame *frame) {
    size_t n = frame->function ? parameters_at(frame->function) : 0;
    if (!n || !frame->function[n])
        return NULL;
    char *name = text_alloc(n + 1);
    return memcpy(name, frame->function, n);
}

/* "17h0123456789abcdefE" at @s, and nothing behind it but a compiler's suffix. */
static bool is_rust_hash(const char *s) {
    for (int i = 3; i < 19; i++)
        if (!isxdigit((unsigned char)s[i]))
            return false;
    return s[19] == 'E' && (!s[20] || s[20] == '.');
}

/* Legacy names end in a hash. Source: rustc-dev-guide, "Symbol Mangling"; v0: RFC 2603. */
bool frame_is_rust(const struct frame *frame) {
    const char *linkage_name = frame->linkage_name;
    if (!linkage_name)
        return false;
    if (strncmp(linkage_name, "_R", 2) == 0)
        return true;
    if (strncmp(linkage_name, "_ZN", 3) != 0)
        return false;
    for (const char *at = linkage_name; (at = strstr(at, "17h")); at++)
        if (is_rust_hash(at))
            return true;
    return false;
}

/* --- crates --- */

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* The first word of a path, "alloc" of `&mut [alloc::string::String]`. Return: NULL = there is none, as in
 * `u8`, `T` and `[T]`. */
static const char *first_of_path(const char *s, size_t *n) {
    static const char *const before[] = {"mut ", "const ", "dyn ", "impl "};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        s += strspn(s, "<&*[( ");
        if (strncmp(s, before[i], strlen(before[i])) == 0)
            s += strlen(before[i]);
    }
    for (*n = 0; is_word(s[*n]);)
        ++*n;
    return *n && strncmp(s + *n, "::", 2) == 0 ? s : NULL;
}

/* "Type as Trait": the trait; NULL = there is none. @s: behind the bracket */
static const char *trait_of(const char *s) {
    int depth = 0;
    for (; *s && depth >= 0; s++) {
        if (depth == 0 && strncmp(s, " as ", 4) == 0)
            return s + 4;
        depth += strchr("<[(", *s) != NULL;
        depth -= strchr("])", *s) || (*s == '>' && s[-1] != '-');
    }
    return NULL;
}

static bool is_of_compiler(const char *crate, size_t n) {
    static const char *const crates[] = {"alloc", "core", "std"};
    for (size_t i = 0; i < sizeof crates / sizeof *crates; i++)
        if (strlen(crates[i]) == n && memcmp(crates[i], crate, n) == 0)
            return true;
    return false;
}

bool frame_is_rust_source(const struct frame *frame) {
    size_t n = frame->file ? strlen(frame->file) : 0;
    return n > 3 && strcmp(frame->file + n - 3, ".rs") == 0;
}

const char *frame_crate(const struct frame *frame, size_t *n) {
    const char *function = frame->function, *trait, *other;
    size_t n_other;
    if (!function || !(frame_is_rust(frame) || frame_is_rust_source(frame)))
        return NULL;
    const char *crate = first_of_path(function, n);
    if (*function != '<' || (crate && !is_of_compiler(crate, *n)) ||
        !(trait = trait_of(function + 1)) || !(other = first_of_path(trait, &n_other)))
        return crate;
    if (crate && is_of_compiler(other, n_other))
        return crate;
    *n = n_other;
    return other;
}

/* A package's name may have '-' where its crate has '_'. */
static bool is_crate(const struct frame *frame, const char *name) {
    size_t n = 0, i = 0;
    const char *crate = frame_crate(frame, &n);
    if (!crate || strlen(name) != n)
        return false;
    while (i < n && (crate[i] == name[i] || (crate[i] == '_' && name[i] == '-')))
        i++;
    return i == n;
}

bool frame_function_matches(const struct frame *frame, const char *glob) {
    if (frame->linkage_name && text_glob(glob, frame->linkage_name))
        return true;
    if (!frame->function)
        return false;
    if (text_glob(glob, frame->function))
        return true;
    AUTO_FREE char *bare = frame_bare_function(frame);
    return (bare && text_glob(glob, bare)) || is_crate(frame, glob);
}

void frame_add_module(const struct frame *frame, struct text *out) {
    enum { HASH = 16 };
    const char *module = text_basename(frame->module), *so = strstr(module, ".so");
    /* "libjq.so.1.0.4" and "libc-2.31.so" change with every release */
    size_t n = so ? (size_t)(so - module) : strlen(module);
    if (n > HASH + 1 && module[n - HASH - 1] == '-' &&
        strspn(module + n - HASH, "0123456789abcdef") == HASH)
        n -= HASH + 1;
    text_add_n(out, module, n);
}

bool frame_matches(const struct frame *frame, const char *glob) {
    return frame_function_matches(frame, glob) || text_glob(glob, frame->module) ||
           text_glob(glob, text_basename(frame->module)) ||
           (frame->file && (text_glob(glob, frame->file) ||
                            text_glob(glob, text_basename(frame->file))));
}

/* --- two samples of one thread --- */

static bool is_same_call(const struct frame *a, const struct frame *b) {
    return a->offset == b->offset && strcmp(a->module, b->module) == 0 &&
           a->inlined == b->inlined;
}

static bool is_same_function(const struct frame *a, const struct frame *b) {
    return a->function && b->function && strcmp(a->function, b->function) == 0 &&
           strcmp(a->module, b->module) == 0;
}

uint32_t frames_meet(const struct frames *a, const struct frames *b) {
    uint32_t same = 0;
    while (same < a->n && same < b->n &&
           is_same_call(&a->items[a->n - 1 - same], &b->items[b->n - 1 - same]))
        same++;
    if (same < a->n && same < b->n &&
        is_same_function(&a->items[a->n - 1 - same], &b->items[b->n - 1 - same]))
        same++;
    uint32_t at = a->n - same;
    while (same && at + 1 < a->n && /* our own library is not what loops */
           strncmp(text_basename(a->items[at].module), "libdearth", 9) == 0)
        at++;
    return at;
}

uint32_t frames_part(const struct frames *a, const struct frames *b) {
    uint32_t same = 0;
    while (same < a->n && same < b->n &&
           is_same_call(&a->items[a->n - 1 - same], &b->items[b->n - 1 - same]))
        same++;
    return same && same < a->n && same < b->n ? a->n - 1 - same : a->n;
}

const char *frame_plain_name(const char *name) {
    return name && strncmp(name, "__GI_", 5) == 0 ? name + 5 : name;
}

bool frame_module_is_libcs(const char *module) {
    const char *name = text_basename(module);
    return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-", 5) == 0 ||
           strncmp(name, "ld-", 3) == 0;
}

bool frame_module_is_ours(const char *module) {
    return strncmp(text_basename(module), "libdearth", 9) == 0;
}
