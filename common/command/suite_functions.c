/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests as functions on stacks, where a runner has no filter, or there is none: see suite_private.h.
 *
 *   main ─ UnityDefaultTestRun ─ │ test_copies ─ words_copy ─ malloc
 *          the harness           │ what it calls is the test
 *   main ─ │ test_copies ─ words_copy ─ malloc       no harness: the outermost function with such a name
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "suite_private.h"
#include "text.h"

struct function {
    const char *harness;
    char *name; /* NULL = none is on the stack */
};

/* --- names --- */

static bool has_end(const char *s, size_t n, const char *end) {
    size_t k = strlen(end);
    return n >= k && strncmp(s + n - k, end, k) == 0;
}

/* "test_copies", "testCopies", "copies_test", "words::tests::copies"; not "testify". */
static bool sounds_like_test(const char *name, size_t n) {
    const char *base = name;
    for (size_t i = 0; i + 1 < n; i++)
        if (name[i] == ':' && name[i + 1] == ':')
            base = name + i + 2;
    n -= (size_t)(base - name);
    return (n > 5 && strncmp(base, "test", 4) == 0 &&
            (base[4] == '_' || isupper((unsigned char)base[4]))) ||
           (n > 5 && has_end(base, n, "_test"));
}

static size_t bare_length(const char *function) {
    const char *brackets = strchr(function, '(');
    return brackets && brackets > function ? (size_t)(brackets - function)
                                           : strlen(function);
}

/* "(anonymous namespace)::Words_Copies_Test::TestBody()" is Words.Copies of GoogleTest. */
static char *googletest_name(const char *function) {
    const char *body = strstr(function, "_Test::TestBody"), *start = body;
    while (start && start > function && start[-1] != ':')
        start--;
    if (!body)
        return NULL;
    char *name = text_format("%.*s", (int)(body - start), start);
    char *bar = strchr(name, '_');
    if (bar)
        *bar = '.';
    return name;
}

/* What a harness calls. NULL = that says nothing to people */
static char *called_name(const char *harness, const char *function) {
    size_t n = bare_length(function);
    if (strcmp(harness, "GoogleTest") == 0)
        return googletest_name(function);
    if (strcmp(harness, "libtest") == 0 || strcmp(harness, "Catch2") == 0 ||
        (n == 4 && strncmp(function, "main", n) == 0))
        return NULL;
    if (strcmp(harness, "Check") == 0 && has_end(function, n, "_fn"))
        n -= 3; /* which START_TEST() appends */
    if (strcmp(harness, "Criterion") == 0 && has_end(function, n, "_impl"))
        n -= 5; /* and Test() */
    return text_format("%.*s", (int)n, function);
}

static const char *function_of(const struct plan_frame *f) {
    return f->n_symbols ? f->functions[f->n_symbols - 1] : NULL;
}

static struct function find_function(const struct suite *s, uint32_t site) {
    const struct plan_input *in = &s->sites.input;
    const char *inner = NULL;
    struct function out = {"stack", NULL};
    for (uint32_t at = in->sites[site].stack; at; at = in->stacks[at - 1].parent) {
        uint32_t frame = in->stacks[at - 1].frame;
        const char *function = function_of(&in->frames[frame]);
        if (s->harness[frame]) {
            free(out.name);
            return (struct function){
                s->harness[frame], inner ? called_name(s->harness[frame], inner) : NULL};
        }
        inner = function;
        if (function && sounds_like_test(function, bare_length(function))) {
            free(out.name);
            out.name = text_format("%.*s", (int)bare_length(function), function);
        }
    }
    return out;
}

/* --- rows --- */

struct functions {
    struct suite *suite;
    struct function *of_site; /* by site */
    bool *below;              /* by site: what the unit started reached it */
    sqlite3_stmt *put, *put_site;
};

enum { PUT_RECORDING = 1, PUT_UNIT, PUT_WHOLE, PUT_HARNESS, PUT_NAME };
enum { PUT_TEST = 1, PUT_SITE };

static int64_t put_test(struct functions *f, const struct suite_unit *u,
                        const struct function *function) {
    sqlite3_bind_int64(f->put, PUT_RECORDING, f->suite->recording);
    sqlite3_bind_int64(f->put, PUT_UNIT, u->row);
    sqlite3_bind_int64(f->put, PUT_WHOLE, u->row);
    store_bind_text(f->put, PUT_HARNESS, function->harness);
    store_bind_text(f->put, PUT_NAME, function->name);
    int r = store_step_done(f->suite->store, f->put);
    return r < 0 ? r : sqlite3_last_insert_rowid(f->suite->store->db);
}

struct row {
    const char *name;
    int64_t id;
};

static int64_t row_of(struct functions *f, const struct suite_unit *u, uint32_t site,
                      struct row **rows, uint32_t *n) {
    const struct function *function = &f->of_site[site];
    for (uint32_t i = 0; i < *n; i++)
        if (strcmp((*rows)[i].name, function->name) == 0)
            return (*rows)[i].id;
    *rows = text_grow(*rows, *n, sizeof **rows);
    (*rows)[*n] = (struct row){function->name, put_test(f, u, function)};
    return (*rows)[(*n)++].id;
}

static int store_unit(struct functions *f, uint32_t unit) {
    const struct suite_unit *u = &f->suite->units[unit];
    struct row *rows = NULL;
    uint32_t n = 0;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < u->n_sites; i++) {
        uint32_t site = u->sites[i];
        if (!f->of_site[site].name || f->below[site])
            continue;
        int64_t id = row_of(f, u, site, &rows, &n);
        if (id < 0) {
            r = (int)id;
            break;
        }
        sqlite3_bind_int64(f->put_site, PUT_TEST, id);
        sqlite3_bind_int64(f->put_site, PUT_SITE, f->suite->sites.list[site].id);
        r = store_step_done(f->suite->store, f->put_site);
    }
    free(rows);
    return r;
}

static void mark_below(struct functions *f, uint32_t unit, bool value) {
    const struct suite *s = f->suite;
    if (!s->units[unit].is_tree)
        return;
    for (uint32_t i = unit + 1; i < s->n_units; i++)
        for (uint32_t k = 0; s->units[i].parent == unit + 1 && k < s->units[i].n_sites;
             k++)
            f->below[s->units[i].sites[k]] = value;
}

static int store_all(struct functions *f) {
    struct suite *s = f->suite;
    int r = store_prepare(
        s->store,
        "INSERT INTO test(recording_id, unit_id, whole_id, harness, name) VALUES (?, "
        "?, ?, ?, ?)",
        &f->put);
    if (r == 0)
        r = store_prepare(s->store,
                          "INSERT INTO test_site(test_id, site_id) VALUES (?, ?)",
                          &f->put_site);
    for (uint32_t i = 0; r == 0 && i < s->n_units; i++) {
        if (!s->units[i].row || s->units[i].recording != s->recording ||
            !s->units[i].n_own_sites)
            continue;
        mark_below(f, i, true);
        r = store_unit(f, i);
        mark_below(f, i, false);
    }
    return r;
}

int suite_functions_store(struct suite *s) {
    uint32_t n = s->sites.input.n_sites;
    struct functions f = {.suite = s,
                          .of_site = text_alloc((n + 1) * sizeof *f.of_site),
                          .below = text_alloc(n + 1)};
    AUTO_FREE char *clear = text_format(
        "DELETE FROM test_site WHERE test_id IN (SELECT id FROM test WHERE recording_id = "
        "%1$lld AND whole_id = unit_id); DELETE FROM test WHERE recording_id = %1$lld AND "
        "whole_id = unit_id;",
        (long long)s->recording);
    int r = store_exec(s->store, clear);
    for (uint32_t i = 0; r == 0 && i < n; i++)
        if (s->target_of[i])
            f.of_site[i] = find_function(s, i);
    if (r == 0)
        r = store_all(&f);
    sqlite3_finalize(f.put);
    sqlite3_finalize(f.put_site);
    for (uint32_t i = 0; i < n; i++)
        free(f.of_site[i].name);
    free(f.of_site);
    free(f.below);
    return r;
}
