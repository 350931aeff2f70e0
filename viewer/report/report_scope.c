/* SPDX-License-Identifier: Apache-2.0 */
/* What of a database counts: see report_scope.h. */
#include "report_scope.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "report_advice.h"
#include "store.h"
#include "store_scope.h"
#include "test_path.h"
#include "text.h"

/* Answers by frame are kept: stacks share most of theirs. */
struct scope {
    const struct report_data *data;
    const struct cli_list *globs, *not_globs; /* not_globs: NULL = none */
    struct idmap frames;                      /* id * 64 + inline index + 1 ─► 0, 1 */
};

static bool matches(const struct frame *f, const struct cli_list *globs) {
    for (size_t i = 0; globs && i < globs->n; i++)
        if (frame_matches(f, globs->items[i]))
            return true;
    return false;
}

static bool frame_is_in(struct scope *scope, const struct frame *f) {
    int64_t key = f->frame_id * 64 + f->inline_index % 64 + 1, is_in = 0;
    if (idmap_get(&scope->frames, key, &is_in))
        return is_in;
    is_in = matches(f, scope->globs) && !matches(f, scope->not_globs);
    idmap_put(&scope->frames, key, is_in);
    return is_in;
}

/* Return: 1, 0, or negative errno. */
static int stack_is_in(struct scope *scope, int64_t stack) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(scope->data, stack, &frames);
    for (uint32_t i = 0; r == 0 && i < frames.n; i++)
        if (frame_is_in(scope, &frames.items[i]))
            return 1;
    return r;
}

/* --- in --- */

static int by_key(const void *a, const void *b) {
    return key_compare(*(const struct dearth_key *)a, *(const struct dearth_key *)b);
}

static bool has_site(const struct dearth_key *keys, size_t n,
                     const struct report_finding *f) {
    for (size_t i = 0; i < f->n_sites; i++)
        if (n && bsearch(&f->sites[i], keys, n, sizeof *keys, by_key))
            return true;
    return false;
}

static void narrow_findings(struct report_data *data) {
    struct dearth_key *keys = text_alloc((data->n_sites + 1) * sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; i < data->n_sites; i++)
        keys[i] = data->sites[i].key;
    if (data->n_sites)
        qsort(keys, data->n_sites, sizeof *keys, by_key);
    for (size_t i = 0; i < data->n_findings; i++) {
        struct report_finding *f = &data->findings[i];
        if (has_site(keys, data->n_sites, f)) {
            struct report_finding kept = *f;
            data->findings[i] = data->findings[n]; /* its lists are freed with it */
            data->findings[n++] = kept;
            continue;
        }
        data->severities[f->severity]--;
        data->runtime[f->severity] -= f->runtime;
        data->silent -= f->silent;
        data->n_apart -= f->apart;
    }
    for (size_t i = n; i < data->n_findings; i++) {
        free(data->findings[i].sites);
        free(data->findings[i].leaks);
        free(data->findings[i].differences);
    }
    data->n_findings = n;
    free(keys);
}

static int narrow(struct report_data *data, const struct cli_list *globs,
                  const struct cli_list *not_globs) {
    struct scope scope = {data, globs, not_globs, {0}};
    size_t n = 0;
    int r = 0;
    for (size_t i = 0; r >= 0 && i < data->n_sites; i++) {
        r = stack_is_in(&scope, data->sites[i].stack_id);
        if (r > 0)
            data->sites[n++] = data->sites[i];
    }
    idmap_deinit(&scope.frames);
    if (r < 0)
        return r;
    data->n_sites = n;
    narrow_findings(data);
    return 0;
}

/* --- blame --- */

/* Where it went wrong; of what did not crash, the call that failed. */
static int64_t blamed_stack(const struct report_finding *f) {
    bool ended = f->verdict == VERDICT_CRASHED || f->verdict == VERDICT_ABORTED ||
                 f->verdict == VERDICT_CORRUPTED;
    return ended && f->crash.stack_id ? f->crash.stack_id
           : f->second.op             ? f->second.stack_id
                                      : f->fault.stack_id;
}

static int blame(struct report_data *data, const struct cli_list *globs) {
    struct scope scope = {data, globs, NULL, {0}};
    int r = 0;
    for (size_t i = 0; r >= 0 && i < data->n_findings; i++) {
        r = stack_is_in(&scope, blamed_stack(&data->findings[i]));
        data->n_apart += r == 0 && !data->findings[i].apart;
        data->findings[i].apart |= r == 0;
    }
    idmap_deinit(&scope.frames);
    return r < 0 ? r : 0;
}

/* Return: free() it; NULL = unknown. */
static char *suite_tree(const struct report_data *data) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    if (store_prepare(data->store, "SELECT value FROM setting WHERE name = 'suite_tree'",
                      &q) < 0 ||
        sqlite3_step(q) != SQLITE_ROW)
        return NULL;
    return text_dup(store_column_text(q, 0));
}

/* A test says that something should have been, or uses what it was not given. What went wrong at another address, or
 * was found to be damaged, may be of what is tested. */
static bool may_be_of_test(const struct report_finding *f) {
    return (f->verdict == VERDICT_CRASHED || f->verdict == VERDICT_ABORTED) &&
           f->crash.stack_id &&
           (f->crash.signal == SIGABRT || report_advice_is_near_null(f));
}

static const char *below(const char *tree, const char *path) {
    size_t n = strlen(tree);
    return path && strncmp(path, tree, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* Of a function of the project whose source is not known, nobody knows that it is a test's.
 * Return: 1: the first function of the project on the stack is a test's; 0, negative errno. */
static int is_in_test(const struct report_data *data, int64_t stack, const char *tree) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(data, stack, &frames);
    for (uint32_t i = 0; r == 0 && i < frames.n; i++) {
        const struct frame *f = &frames.items[i];
        const char *file = below(tree, f->file);
        if (file || (!f->file && below(tree, f->module)))
            return file && test_path_is(file);
    }
    return r;
}

/* Without --blame, what went wrong in the tests of a suite is not the project's. */
static int set_tests_apart(struct report_data *data) {
    AUTO_FREE char *tree = suite_tree(data);
    int r = 0;
    for (size_t i = 0; tree && r >= 0 && i < data->n_findings; i++) {
        struct report_finding *f = &data->findings[i];
        if (f->apart || !may_be_of_test(f))
            continue;
        r = is_in_test(data, f->crash.stack_id, tree);
        data->n_apart += r > 0;
        f->apart = r > 0;
    }
    return r < 0 ? r : 0;
}

static int check(const struct report_data *data, const char *option,
                 const struct cli_list *globs) {
    return globs ? store_scope_check(data->store, option, globs->items, globs->n) : 0;
}

int report_scope_apply(struct report_data *data, const struct report_choice *choice) {
    bool own = choice->own && choice->own->n && !data->suite;
    int r = own ? check(data, "--own", choice->own) : 0;
    if (r == 0 && own)
        r = check(data, "--not-own", choice->not_own);
    if (r == 0)
        r = check(data, "--in", choice->in);
    if (r == 0)
        r = check(data, "--blame", choice->blame);
    if (r == 0 && own)
        r = narrow(data, choice->own, choice->not_own);
    if (r == 0 && choice->in && choice->in->n)
        r = narrow(data, choice->in, NULL);
    data->narrowed = own || (choice->in && choice->in->n);
    if (r == 0 && choice->blame && choice->blame->n)
        return blame(data, choice->blame);
    return r == 0 && data->suite ? set_tests_apart(data) : r;
}
