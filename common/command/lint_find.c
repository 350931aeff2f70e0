/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a project's own code asks Rust's library for memory: see lint_private.h.
 *
 *   innermost                                                       outermost
 *   alloc::alloc ◄ RawVec::grow ◄ Vec::push ◄ other crate ◄ krate::f ◄ ...
 *   └── the library's: judged ─────────────┘    ▲ via       ▲ the call
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "error.h"
#include "idmap.h"
#include "line_columns.h"
#include "lint_private.h"
#include "locate.h"
#include "location.h"
#include "own.h"
#include "store_programs.h"
#include "store_scope.h"
#include "suite_load.h"
#include "text.h"

struct finding_out {
    struct lint *lint;
    const struct lint_scope *scope;
    struct catalogue *catalogue;
    struct own_options own;
    struct idmap whose;          /* frame and inlined call -> enum whose */
    struct line_column *columns; /* of each call */
};

enum whose { LIBRARY = 1, HARNESS, TEST, OTHERS, OWN };

static void calls_deinit(struct lint_call *calls, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        free(calls[i].via);
        for (uint32_t k = 0; k < calls[i].n_sites; k++)
            free(calls[i].sites[k]);
        free(calls[i].sites);
    }
    free(calls);
}

void lint_deinit(struct lint *lint) {
    calls_deinit(lint->calls, lint->n_calls);
    frames_reader_free(lint->reader);
    free(lint->tree);
    *lint = (struct lint){0};
}

uint32_t lint_count(const struct lint *lint, enum rust_call judged) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < lint->n_calls; i++)
        n += lint->calls[i].judged == judged;
    return n;
}

/* --- whose a frame is --- */

static enum whose decide(const struct finding_out *f, const struct frame *frame) {
    const struct plan_frame named = {.module = frame->module,
                                     .functions = &frame->function,
                                     .files = &frame->file,
                                     .linkage = &frame->linkage_name,
                                     .n_symbols = 1};
    if (catalogue_frame(f->catalogue, 1u << CATALOGUE_HARNESS, frame))
        return HARNESS;
    if (location_kind(f->catalogue, frame) != LOCATION_USER)
        return LIBRARY;
    if (!f->scope->tests && own_is_test_frame(f->lint->tree, &named, 0))
        return TEST;
    size_t n = 0;
    const char *crate = frame_crate(frame, &n);
    if (crate && n > 13 && strncmp(crate, "build_script_", 13) == 0)
        return TEST; /* cargo's build scripts */
    if (!f->own.n_globs && !frame->file)
        return OTHERS; /* of another crate's, most likely: the library has some without lines */
    bool rust =
        frame_is_rust(frame) || frame_is_rust_source(frame); /* no start-up code */
    return rust && own_is_own(&f->own, &named, 0) ? OWN : OTHERS;
}

static enum whose whose_is(struct finding_out *f, const struct frame *frame) {
    int64_t key = frame->frame_id << 8 | (frame->inline_index & 0xff), known;
    if (!idmap_get(&f->whose, key, &known)) {
        known = decide(f, frame);
        idmap_put(&f->whose, key, known);
    }
    return (enum whose)known;
}

/* --- one site --- */

#define SITE_COLUMNS(X)                                                                  \
    X(SITE_STACK, "s.stack_id")                                                          \
    X(SITE_KEY, "lower(hex(s.key))")                                                     \
    X(SITE_CALLS, "x.calls")                                                             \
    X(SITE_LARGEST, "x.largest")                                                         \
    X(SITE_ENDED, "coalesce(v.ended, 0)")                                                \
    X(SITE_FIRED, "coalesce(v.fired, 0)")
enum { SITE_COLUMNS(STORE_COLUMN_ENUM) };

/* A suite's programs may have been recorded by themselves as well: the larger number counts. Where a failure
 * lasts, it may be another call that ends the program. */
static const char sites_sql[] = STORE_SELECT(
    SITE_COLUMNS) "FROM (SELECT site_id, max(calls) calls, max(largest) largest FROM "
                  "(SELECT site_id, sum(count) calls, max(max_size) largest FROM site_stat "
                  "WHERE recording_id IN (SELECT value FROM json_each(?1)) GROUP BY "
                  "recording_id, site_id) GROUP BY site_id) x JOIN site s ON s.id = "
                  "x.site_id LEFT JOIN (SELECT site_id, max(verdict = 'aborted' AND "
                  "policy = 'rust handle_alloc_error') ended, max(fired) fired FROM "
                  "attempt WHERE mode = 'once' GROUP BY site_id) v ON v.site_id = s.id ORDER BY s.key";

static struct lint_call *next_call(struct finding_out *f, const struct frame *own) {
    struct lint *lint = f->lint;
    lint->calls = text_grow(lint->calls, lint->n_calls, sizeof *lint->calls);
    f->columns = text_grow(f->columns, lint->n_calls, sizeof *f->columns);
    f->columns[lint->n_calls] = (struct line_column){.module_id = own->module_id,
                                                     .offset = own->offset,
                                                     .inline_index = own->inline_index,
                                                     .index = lint->n_calls};
    struct lint_call *call = &lint->calls[lint->n_calls++];
    *call = (struct lint_call){.file = own->file,
                               .line = own->line,
                               .function = own->function,
                               .module = own->module,
                               .offset = own->offset};
    return call;
}

/* What names do not say, a failure that was tried does. */
static void judge(struct lint_call *call, sqlite3_stmt *q) {
    if (call->judged != RUST_CALL_ITSELF && call->judged != RUST_CALL_UNKNOWN)
        return;
    call->proven = sqlite3_column_int(q, SITE_FIRED) != 0;
    if (call->proven)
        call->judged =
            sqlite3_column_int(q, SITE_ENDED) ? RUST_CALL_INFALLIBLE : RUST_CALL_FALLIBLE;
}

static void look_at(struct finding_out *f, const struct frames *stack, sqlite3_stmt *q) {
    uint32_t below = 0, at, from = rust_call_printing(stack->items, stack->n);
    while (below < stack->n && whose_is(f, &stack->items[below]) == LIBRARY)
        below++;
    enum rust_call judged = rust_call_judge(f->catalogue, stack->items, below);
    f->lint->n_rust += judged != RUST_CALL_FOREIGN;
    enum whose whose = OTHERS;
    for (at = from > below ? from : below; at < stack->n; at++)
        if ((whose = whose_is(f, &stack->items[at])) >= HARNESS && whose != OTHERS)
            break;
    f->lint->n_seen += whose == OWN || whose == TEST;
    if (at == stack->n || whose != OWN ||
        rust_call_is_panic(f->catalogue, stack->items, at))
        return;
    f->lint->n_own++;
    for (uint32_t i = 0; i < at && judged != RUST_CALL_FOREIGN; i++)
        if (i >= below &&
            catalogue_frame(f->catalogue, 1u << CATALOGUE_FALLIBLE, &stack->items[i]))
            judged = RUST_CALL_FALLIBLE; /* another crate's, as the user says */
    struct lint_call *call = next_call(f, &stack->items[at]);
    struct text via = {0};
    if (at && stack->items[at - 1].function)
        rust_call_add_name(stack->items[at - 1].function, &via);
    else
        text_add(&via, at ? text_basename(stack->items[at - 1].module) : "malloc");
    call->via = text_take(&via);
    call->judged = judged;
    call->calls = (uint64_t)sqlite3_column_int64(q, SITE_CALLS);
    call->largest = (uint64_t)sqlite3_column_int64(q, SITE_LARGEST);
    call->sites = text_alloc(sizeof *call->sites);
    call->sites[call->n_sites++] = text_dup(store_column_text(q, SITE_KEY));
    judge(call, q);
}

static int read_sites(struct finding_out *f, const char *recordings) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step = SQLITE_DONE, r = store_prepare(f->lint->store, sites_sql, &q);
    if (r < 0)
        return r;
    store_bind_text(q, 1, recordings);
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
        AUTO_FRAMES struct frames stack = {0};
        r = frames_load(f->lint->reader, sqlite3_column_int64(q, SITE_STACK), &stack);
        if (r == 0)
            look_at(f, &stack, q);
    }
    return r < 0 || step == SQLITE_DONE ? r
                                        : store_error(f->lint->store, "reading sites");
}

/* --- calls of one place are one --- */

static int compare_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_numbers(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_places(const struct lint_call *a, const struct lint_call *b) {
    int r = compare_text(a->file, b->file);
    if (r == 0)
        r = compare_numbers(a->line, b->line);
    if (r == 0)
        r = compare_numbers(a->column, b->column);
    if (r == 0 && !a->line) {
        r = compare_text(a->function, b->function);
        r = r ? r : compare_text(a->module, b->module);
        r = r || a->function ? r : compare_numbers(a->offset, b->offset);
    }
    r = r ? r : compare_text(a->via, b->via);
    return r ? r : (int)a->judged - (int)b->judged;
}

static int by_place(const void *a, const void *b) {
    const struct lint_call *x = a, *y = b;
    int r = compare_places(x, y);
    return r ? r : strcmp(x->sites[0], y->sites[0]);
}

static void join(struct lint_call *to, struct lint_call *from) {
    to->calls += from->calls;
    to->largest = from->largest > to->largest ? from->largest : to->largest;
    to->proven |= from->proven;
    to->sites =
        text_realloc(to->sites, (to->n_sites + from->n_sites) * sizeof *to->sites);
    memcpy(to->sites + to->n_sites, from->sites, from->n_sites * sizeof *to->sites);
    to->n_sites += from->n_sites;
    free(from->sites);
    free(from->via);
}

static void group(struct lint *lint) {
    uint32_t n = 0;
    if (lint->n_calls)
        qsort(lint->calls, lint->n_calls, sizeof *lint->calls, by_place);
    for (uint32_t i = 0; i < lint->n_calls; i++)
        if (n && compare_places(&lint->calls[n - 1], &lint->calls[i]) == 0)
            join(&lint->calls[n - 1], &lint->calls[i]);
        else
            lint->calls[n++] = lint->calls[i];
    lint->n_calls = n;
}

static int add_columns(struct finding_out *f) {
    struct lint *lint = f->lint;
    int r = line_columns_look_up(lint->store, f->columns, lint->n_calls);
    for (uint32_t i = 0; r == 0 && i < lint->n_calls; i++)
        lint->calls[f->columns[i].index].column = f->columns[i].column;
    return r;
}

/* --- all of it --- */

/* The numbers of the recordings, as JSON, and where the newest was made. */
static int choose(struct store *store, const struct lint_scope *scope,
                  struct text *recordings, char **tree) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    struct store_programs programs = {0};
    int64_t newest = scope->recording;
    int r = 0;
    if (newest)
        text_addf(recordings, "[%lld", (long long)newest);
    else
        r = store_programs_load(store, scope->program, &programs);
    for (size_t i = 0; r == 0 && i < programs.n; i++)
        if (programs.items[i].wanted) {
            newest = programs.items[i].recording;
            text_addf(recordings, "%s%lld", recordings->n ? ", " : "[",
                      (long long)newest);
        }
    text_add(recordings, "]");
    store_programs_deinit(&programs);
    if (r == 0)
        r = store_prepare(store, "SELECT cwd FROM recording WHERE id = ?1", &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, newest);
    if (scope->tree)
        *tree = realpath(scope->tree, NULL);
    else if (sqlite3_step(q) == SQLITE_ROW)
        *tree = suite_load_tree(store_column_text(q, 0));
    return *tree ? 0
                 : error_print(-ENOENT, "lint: %s: there is no such folder",
                               scope->tree ? scope->tree : "the project's folder");
}

/* A module below the tree that allocates past dearth has calls that nobody sees. */
static int look_for_unseen(struct lint *lint, const char *recordings) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    size_t n = strlen(lint->tree);
    int step, r = store_prepare(
                  lint->store,
                  "SELECT DISTINCT subject FROM note WHERE kind IN ('own_allocator', "
                  "'bound_elsewhere', 'other_namespace') AND subject IS NOT NULL AND "
                  "recording_id IN (SELECT value FROM json_each(?1)) ORDER BY subject",
                  &q);
    if (r < 0)
        return r;
    store_bind_text(q, 1, recordings);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        const char *module = store_column_text(q, 0);
        if (strncmp(module, lint->tree, n) != 0 || module[n] != '/')
            continue;
        lint->n_unseen++;
        error_tell(
            "%s allocates past dearth, by an allocator of its own: what it asks for is not "
            "in this list; build it on the system's for tests",
            module);
    }
    return step == SQLITE_DONE ? 0 : store_error(lint->store, "reading notes");
}

static int check(const struct lint *lint, const struct lint_scope *scope) {
    if (!lint->n_rust)
        return error_print(-ENOENT,
                           "%s: holds no call of Rust's library: lint is for Rust; a "
                           "program without symbols shows none",
                           lint->store->path);
    if (lint->n_seen || scope->n_own)
        return 0;
    return error_print(-ENOENT,
                       "%s: no allocation has a source file below %s on its stack; "
                       "name your crate with --own CRATE, or the folder with --tree",
                       lint->store->path, lint->tree);
}

int lint_find(struct store *store, const struct lint_scope *scope, struct lint *out) {
    AUTO_TEXT struct text recordings = {0};
    struct finding_out f = {.lint = out, .scope = scope};
    *out = (struct lint){.store = store};
    int r = store_scope_check(store, "--own", scope->own, scope->n_own);
    if (r == 0)
        r = store_scope_check(store, "--not-own", scope->not_own, scope->n_not_own);
    if (r == 0)
        r = choose(store, scope, &recordings, &out->tree);
    if (r == 0)
        r = locate_catalogue(store, &f.catalogue);
    if (r == 0)
        r = frames_reader_new(store, &out->reader);
    f.own = (struct own_options){.globs = scope->own,
                                 .n_globs = scope->n_own,
                                 .not_globs = scope->not_own,
                                 .n_not_globs = scope->n_not_own,
                                 .tree = out->tree};
    if (r == 0)
        r = read_sites(&f, recordings.data);
    if (r == 0)
        r = look_for_unseen(out, recordings.data);
    if (r == 0)
        r = check(out, scope);
    if (r == 0)
        r = add_columns(&f);
    if (r == 0)
        group(out);
    idmap_deinit(&f.whose);
    catalogue_free(f.catalogue);
    free(f.columns);
    return r;
}
