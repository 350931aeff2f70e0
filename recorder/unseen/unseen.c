/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which allocators did a recorded program have that the library does not see? See unseen.h.
 *
 * What a file has is no proof that it was used, and what it has may sit on our malloc(). So an allocator
 * found in a file is held against the recorded stacks:
 *
 *   a stack goes through its entries, or through what they call        passed on: nothing is missing
 *     ... but all blocks that come so are large                        a pool over malloc(): partly recorded
 *   its entries jump to malloc(), and the module has other such calls  passed on: a jump leaves no frame
 *   neither                                                            not recorded
 *
 * Who served a module's calls (struct shm_bindings) needs no such proof: it was seen.
 */
#include "unseen.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"
#include "cleared.h"
#include "error.h"
#include "session.h"
#include "store.h"
#include "text.h"
#include "words.h"

/* No wrapper asks for so much each time; pools take their memory in larger pieces. */
#define PIECE_BYTES 4096

struct binding {
    uint8_t kind;                            /* enum shm_binding_kind */
    const char *module, *definer, *function; /* "" = not said */
};

struct search {
    struct store *store;
    int64_t recording_id;
    struct binding *bindings; /* in the order in which they were put down */
    size_t n_bindings;
    char *texts;     /* a copy of what the targets wrote: they may go on writing */
    char **programs; /* what was executed, in this order */
    size_t n_programs;
    struct cleared *cleared;
    struct unseen_list *out;
};

/* --- what the targets have put down --- */

static const char *next_word(const char **at, const char *end) {
    const char *word = *at < end ? *at : "";
    *at += *at < end ? strlen(word) + 1 : 0;
    return word;
}

static void read_bindings(struct search *s, const struct session *session) {
    struct shm_bindings *shared = shm_bindings(session->arena);
    uint32_t used = __atomic_load_n(&shared->used, __ATOMIC_ACQUIRE);
    used = used < SHM_BINDINGS_TEXT ? used : SHM_BINDINGS_TEXT;
    s->texts = text_alloc(used + 1u);
    memcpy(s->texts, shared->entries, used);
    for (uint32_t at = 0; at + sizeof(struct shm_binding) <= used;) {
        struct shm_binding *entry = (struct shm_binding *)(s->texts + at);
        uint32_t bytes = (uint32_t)(sizeof *entry + entry->bytes + 3) & ~3u;
        if (!entry->bytes || bytes > used - at)
            return; /* its process was killed over it, or somebody has written there */
        const char *word = entry->text, *end = entry->text + entry->bytes;
        entry->text[entry->bytes - 1] = '\0';
        s->bindings = text_grow(s->bindings, s->n_bindings, sizeof *s->bindings);
        struct binding *b = &s->bindings[s->n_bindings++];
        b->kind = entry->kind;
        b->module = next_word(&word, end);
        b->definer = next_word(&word, end);
        b->function = next_word(&word, end);
        at += bytes;
    }
}

static bool is_libc(const char *path) {
    return strncmp(text_basename(path), "libc.so", 7) == 0 ||
           strncmp(text_basename(path), "libc-2.", 7) == 0;
}

static bool is_loader(const char *path) {
    return strncmp(text_basename(path), "ld-", 3) == 0 ||
           strncmp(text_basename(path), "ld.", 3) == 0;
}

static bool is_runtime(const char *path) {
    static const char *const names[] = {"libstdc++.so", "libc++.so", "libc++abi.so"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(text_basename(path), names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Is there such an entry? NULL: any. */
static bool has(const struct search *s, enum shm_binding_kind kind, const char *module,
                const char *definer) {
    for (size_t i = 0; i < s->n_bindings; i++)
        if (s->bindings[i].kind == kind &&
            (!module || strcmp(s->bindings[i].module, module) == 0) &&
            (!definer || strcmp(s->bindings[i].definer, definer) == 0))
            return true;
    return false;
}

/* --- saying it --- */

static void say(struct search *s, const char *kind, const char *module, bool partly,
                char *text) {
    for (size_t i = 0; i < s->out->n; i++)
        if (strcmp(s->out->items[i].module, module) == 0 &&
            strcmp(s->out->items[i].kind, kind) == 0) {
            free(text);
            return;
        }
    s->out->items = text_grow(s->out->items, s->out->n, sizeof *s->out->items);
    s->out->items[s->out->n++] = (struct unseen){kind, text_dup(module), text, partly};
}

/* --- the recorded stacks --- */

struct evidence {
    bool through, direct;
    int64_t least; /* bytes asked for by what went through; -1 = nothing did */
};

static bool is_inside(const struct allocator *a, uint64_t offset) {
    for (size_t i = 0; i < a->n_functions; i++)
        if (offset - 1 >= a->functions[i].start && offset - 1 < a->functions[i].end)
            return true;
    return false;
}

/* The frames of @module that are among the inner ones of a site's stack. */
#define EVIDENCE_COLUMNS(X)                                                              \
    X(EVIDENCE_LEAST, "min(least)")                                                      \
    X(EVIDENCE_OFFSET, "f.offset")                                                       \
    X(EVIDENCE_DEPTH, "min(n)")
enum { EVIDENCE_COLUMNS(STORE_COLUMN_ENUM) };
enum { EVIDENCE_RECORDING_ID = 1, EVIDENCE_MODULE };

static const char evidence_sql[] =
    "WITH RECURSIVE up(least, stack_id, n) AS (SELECT min(x.min_size), si.stack_id, 0 "
    "FROM site_stat x JOIN site si ON si.id = x.site_id WHERE x.recording_id = ? AND "
    "x.count > x.failed GROUP BY si.id UNION ALL SELECT least, parent_id, n + 1 FROM up "
    "JOIN stack ON stack.id = up.stack_id WHERE n < 12 AND parent_id IS NOT NULL) " STORE_SELECT(
        EVIDENCE_COLUMNS) "FROM up JOIN stack t ON t.id = up.stack_id JOIN frame "
                          "f ON f.id = t.frame_id JOIN module m ON m.id = f.module_id WHERE m.path = ? GROUP "
                          "BY f.offset";

static int find_evidence(const struct search *s, const char *module,
                         const struct allocator *a, struct evidence *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    *out = (struct evidence){.least = -1};
    int r = store_prepare(s->store, evidence_sql, &q), step = SQLITE_DONE;
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, EVIDENCE_RECORDING_ID, s->recording_id);
    sqlite3_bind_text(q, EVIDENCE_MODULE, module, -1, SQLITE_STATIC);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t least = sqlite3_column_int64(q, EVIDENCE_LEAST);
        out->direct |= sqlite3_column_int(q, EVIDENCE_DEPTH) == 0;
        if (!is_inside(a, (uint64_t)sqlite3_column_int64(q, EVIDENCE_OFFSET)))
            continue;
        out->through = true;
        out->least = out->least < 0 || least < out->least ? least : out->least;
    }
    return step == SQLITE_DONE
               ? 0
               : store_error(s->store, "looking for an allocator's calls");
}

/* --- allocators in files --- */

static char *text_unseen(const char *module, const struct allocator *a) {
    const char *cause = a->called ? "whose malloc it calls directly (-Bsymbolic)"
                                  : "that no recorded call went through";
    return text_format(
        "%s has its own allocator inside (%s), %s: what it allocates there "
        "is not recorded and cannot be failed. Build it on malloc for "
        "tests, or accept it knowingly: --accept-unseen '%s'",
        module, a->name, cause, text_basename(module));
}

static char *text_partly(const char *module, const struct allocator *a) {
    return text_format(
        "%s has an allocator of its own (%s) that takes memory from malloc "
        "in pieces of %d B and more: these are recorded and failed, the "
        "blocks that it makes of them are not",
        module, a->name, PIECE_BYTES);
}

static int judge(struct search *s, const char *module, const struct allocator *a) {
    struct evidence e;
    int r = find_evidence(s, module, a, &e);
    if (r < 0)
        return r;
    if (e.through && e.least >= PIECE_BYTES)
        say(s, "pooled_allocator", module, true, text_partly(module, a));
    else if (!e.through && !(a->jumps && e.direct))
        say(s, unseen_name(UNSEEN_OWN_ALLOCATOR), module, false, text_unseen(module, a));
    return 0;
}

/* Who calls it is known by who is bound to it. */
static bool is_allocator_library(const char *path) {
    static const char *const names[] = {"libjemalloc",      "libmimalloc", "libtcmalloc",
                                        "librpmalloc",      "libsnmalloc", "libscudo",
                                        "libc_malloc_debug"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(text_basename(path), names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Does the module's own definition count, or another one before it? */
static bool is_used(const struct search *s, const char *module, bool program,
                    const struct allocator *a) {
    bool next = has(s, SHM_BINDING_NEXT, module, NULL); /* ours calls it */
    if (next && is_allocator_library(module))
        return false; /* its functions call each other, and nobody else's way past us is in it */
    if (a->kind == ALLOCATOR_MALLOC && a->called)
        return true;
    if (next)
        return false;
    if (program || a->kind == ALLOCATOR_RUST)
        return true;
    if (a->kind == ALLOCATOR_KNOWN)
        return !is_allocator_library(module);
    return !a->dynamic || has(s, SHM_BINDING_ELSEWHERE, NULL, module);
}

static int judge_file(struct search *s, const char *module, bool program) {
    struct allocators found;
    int r = 0;
    if (cleared_has(s->cleared, module))
        return 0;
    allocator_find(module, &found);
    if (!found.n && !found.unread)
        cleared_add(s->cleared, module);
    for (size_t i = 0; r == 0 && i < found.n; i++)
        if (is_used(s, module, program, &found.items[i]) &&
            !(found.has_runtime && found.items[i].kind == ALLOCATOR_NEW &&
              found.items[i].at_once)) /* libstdc++.a's: it asks malloc() each time */
            r = judge(s, module, &found.items[i]);
    allocator_deinit(&found);
    return r;
}

static bool is_program(const struct search *s, const char *path) {
    for (size_t i = 0; i < s->n_programs; i++)
        if (strcmp(s->programs[i], path) == 0)
            return true;
    return false;
}

static int read_programs(struct search *s) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(s->store,
                          "SELECT exe FROM process WHERE recording_id = ? GROUP BY exe "
                          "ORDER BY min(ordinal)",
                          &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, s->recording_id);
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *exe = store_column_text(q, 0);
        s->programs = text_grow(s->programs, s->n_programs, sizeof *s->programs);
        s->programs[s->n_programs++] = text_dup(exe ? exe : "");
    }
    return 0;
}

/* Programs that were killed before they were looked at are known by their processes. */
static int judge_programs(struct search *s) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->n_programs; i++)
        if (*s->programs[i] && !is_loader(s->programs[i]))
            r = judge_file(s, s->programs[i], true);
    return r;
}

static int judge_libraries(struct search *s) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->n_bindings; i++) {
        const char *module = s->bindings[i].module;
        if (s->bindings[i].kind == SHM_BINDING_LOADED && !is_libc(module) &&
            !is_loader(module) && !is_runtime(module) && !is_program(s, module))
            r = judge_file(s, module, false);
    }
    return r;
}

/* --- modules that another one served --- */

static char *text_elsewhere(const struct binding *b) {
    return text_format(
        "%s has its %s from %s, not from dearth's library (RTLD_DEEPBIND, RTLD_NEXT, or an "
        "allocator of its own): what it allocates and frees there is not recorded and cannot be "
        "failed. Do without that for tests, or accept it knowingly: "
        "--accept-unseen '%s'",
        b->module, b->function, b->definer, text_basename(b->module));
}

static char *text_namespace(const struct binding *b) {
    return text_format(
        "%s was loaded into a link namespace of its own (dlmopen, LD_AUDIT), "
        "where its %s is %s's: what it allocates there is not recorded and "
        "cannot be failed. Load it with dlopen for tests, or accept it "
        "knowingly: --accept-unseen '%s'",
        b->module, b->function, b->definer, text_basename(b->module));
}

static char *text_past(const struct binding *b) {
    bool is_new = strncmp(b->function, "_Zn", 3) == 0;
    return text_format(
        "%s calls %s of %s, which does not come to dearth's library: what it allocates "
        "there is not recorded and cannot be failed. Do without that library for tests, "
        "or accept it knowingly: --accept-unseen '%s'",
        b->module, is_new ? "operator new" : b->function, b->definer,
        text_basename(b->module));
}

static bool is_hooked(const char *function) {
    static const char *const names[] = {"malloc",        "calloc",       "realloc",
                                        "free",          "reallocarray", "posix_memalign",
                                        "aligned_alloc", "memalign"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(function, names[i]) == 0)
            return true;
    return false;
}

/* C++'s of a module that is no allocator's: it is looked at as a file, and may pass on. */
static bool is_judged_as_file(const struct search *s, const struct binding *b) {
    if (strncmp(b->function, "_Zn", 3) == 0)
        return !has(s, SHM_BINDING_NEXT, b->definer, NULL);
    return is_hooked(b->function) &&
           (strcmp(b->definer, b->module) == 0 || is_program(s, b->definer));
}

static void judge_bindings(struct search *s) {
    for (size_t i = 0; i < s->n_bindings; i++) {
        const struct binding *b = &s->bindings[i];
        if (b->kind == SHM_BINDING_NAMESPACE && !is_libc(b->module) &&
            !is_loader(b->module))
            say(s, unseen_name(UNSEEN_OTHER_NAMESPACE), b->module, false,
                text_namespace(b));
        else if (b->kind == SHM_BINDING_ELSEWHERE && !is_judged_as_file(s, b))
            say(s, unseen_name(UNSEEN_BOUND_ELSEWHERE), b->module, false,
                is_hooked(b->function) ? text_elsewhere(b) : text_past(b));
    }
}

/* --- memory that a module maps by itself --- */

/* Bytes that the recorded calls asked for. */
static int count_recorded(const struct search *s, int64_t *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        s->store, "SELECT coalesce(sum(bytes), 0) FROM site_stat WHERE recording_id = ?",
        &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, s->recording_id);
    if (sqlite3_step(q) != SQLITE_ROW)
        return store_error(s->store, "looking for what was asked for");
    *out = sqlite3_column_int64(q, 0);
    return 0;
}

/* Of several sums of a module the largest. */
static int64_t mapped_by(const struct search *s, const char *module) {
    int64_t most = 0;
    for (size_t i = 0; i < s->n_bindings; i++) {
        const struct binding *b = &s->bindings[i];
        int power = *b->definer - '0';
        if (b->kind == SHM_BINDING_MAPPED && strcmp(b->module, module) == 0 &&
            power > 0 && power < 63 && (int64_t)1 << power > most)
            most = (int64_t)1 << power;
    }
    return most;
}

static bool is_said(const struct search *s, const char *module) {
    for (size_t i = 0; i < s->out->n; i++)
        if (strcmp(s->out->items[i].module, module) == 0)
            return true;
    return false;
}

static char *text_mapped(const char *module, int64_t mapped, int64_t recorded) {
    char by_itself[16], asked[16];
    return text_format(
        "%s mapped %s or more by itself (mmap, sbrk); the recorded calls asked for "
        "%s in all: what it makes of its own memory is neither recorded nor failed",
        module, text_bytes((uint64_t)mapped, by_itself),
        text_bytes((uint64_t)recorded, asked));
}

/* Less than what was recorded is a part of the picture, not the picture. */
static int judge_mapped(struct search *s) {
    int64_t recorded = 0;
    int r = count_recorded(s, &recorded);
    for (size_t i = 0; r == 0 && i < s->n_bindings; i++) {
        const char *module = s->bindings[i].module;
        if (s->bindings[i].kind != SHM_BINDING_MAPPED || is_said(s, module))
            continue;
        int64_t mapped = mapped_by(s, module);
        if (mapped <= recorded)
            continue;
        say(s, "own_memory", module, false, text_mapped(module, mapped, recorded));
        s->out->items[s->out->n - 1].only_said = true;
    }
    return r;
}

int unseen_find(struct store *store, int64_t recording_id, const struct session *session,
                struct unseen_list *out) {
    struct search s = {.store = store,
                       .recording_id = recording_id,
                       .out = out,
                       .cleared = cleared_new()};
    read_bindings(&s, session);
    int r = read_programs(&s);
    judge_bindings(&s);
    if (r == 0)
        r = judge_programs(&s);
    if (r == 0)
        r = judge_libraries(&s);
    if (r == 0)
        r = judge_mapped(&s);
    cleared_free(s.cleared);
    for (size_t i = 0; i < s.n_programs; i++)
        free(s.programs[i]);
    free(s.programs);
    free(s.bindings);
    free(s.texts);
    return r;
}

void unseen_deinit(struct unseen_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i].module);
        free(list->items[i].text);
    }
    free(list->items);
    *list = (struct unseen_list){NULL, 0};
}
