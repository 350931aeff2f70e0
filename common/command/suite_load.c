/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a recorded suite: see suite_load.h. */
#include "suite_load.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "catalogue_store.h"
#include "error.h"
#include "harness.h"
#include "idmap.h"
#include "reuse.h"
#include "text.h"
#include "unit.h"

void suite_load_deinit(struct suite *s) {
    for (uint32_t i = 0; i < s->n_units; i++) {
        free(s->units[i].command);
        free(s->units[i].sites);
        free(s->units[i].refused);
        free(s->units[i].test);
        if (s->cover)
            free((void *)s->cover[i].targets);
    }
    free(s->units);
    free(s->cover);
    free(s->targets);
    free(s->target_of);
    free(s->tested);
    free(s->tree);
    sites_deinit(&s->sites);
    free(s->harness);
    catalogue_free(s->catalogue);
    *s = (struct suite){0};
}

/* --- which suite, which tree --- */

static int64_t newest_suite(struct store *store) {
    int64_t id = store_int(store, "SELECT " UNIT_NEWEST_SUITE, 0);
    if (id)
        return id;
    return error_print(-ENOENT,
                       "%s: holds no suite; make one with 'dearth suite record -o %s -- "
                       "make check', or whatever runs your tests",
                       store->path, store->path);
}

static bool has(const char *folder, const char *name) {
    AUTO_FREE char *path = text_format("%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

char *suite_load_tree(const char *cwd) {
    static const char *const marks[] = {".git", ".hg", ".svn", ".bzr", "debian"};
    static const char *const built[] = {"CMakeCache.txt", "build.ninja", "config.status"};
    char *tree = text_dup(cwd);
    for (char *slash; (slash = strrchr(tree, '/')) && slash != tree; *slash = 0)
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            if (has(tree, marks[i]))
                return tree;
    free(tree);
    tree = text_dup(cwd);
    char *slash = strrchr(tree, '/');
    for (size_t i = 0; i < sizeof built / sizeof *built && slash && slash != tree; i++)
        if (has(cwd, built[i]) && !has(cwd, "CMakeLists.txt") &&
            !has(cwd, "meson.build") && !has(cwd, "configure")) {
            *slash = 0;
            break;
        }
    return tree;
}

static int choose_tree(struct suite *s, const struct suite_scope *scope) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    char real[PATH_MAX];
    if (scope->tree) {
        s->tree = text_dup(realpath(scope->tree, real) ? real : scope->tree);
        return 0;
    }
    int r = store_prepare(s->store, "SELECT cwd FROM recording WHERE id = ?1", &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, s->recording);
    if (sqlite3_step(q) == SQLITE_ROW)
        s->tree = suite_load_tree(store_column_text(q, 0));
    return 0;
}

/* --- targets --- */

struct named {
    struct dearth_key key;
    uint32_t site;
};

static int by_key(const void *a, const void *b) {
    const struct named *x = a, *y = b;
    int order = key_compare(x->key, y->key);
    return order ? order : x->site < y->site ? -1 : x->site > y->site;
}

static bool is_set(struct dearth_key key) {
    return key.lo || key.hi;
}

static void number_targets(struct suite *s, const struct dearth_key *keys) {
    uint32_t n = 0;
    struct named *list = text_alloc((s->sites.input.n_sites + 1) * sizeof *list);
    for (uint32_t i = 0; i < s->sites.input.n_sites; i++)
        if (is_set(keys[i]))
            list[n++] = (struct named){keys[i], i};
    qsort(list, n, sizeof *list, by_key);
    s->targets = text_alloc((n + 1) * sizeof *s->targets);
    for (uint32_t i = 0; i < n; i++) {
        if (!i || !key_equal(list[i].key, list[i - 1].key))
            s->targets[s->n_targets++] =
                (struct suite_target){.key = list[i].key, .some_site = list[i].site};
        s->targets[s->n_targets - 1].n_sites++;
        s->target_of[list[i].site] = s->n_targets;
    }
    free(list);
}

/* Return: 0, or -EIO: the database's catalogue cannot be read, which was said. */
static int find_harness(struct suite *s) {
    s->catalogue = catalogue_new();
    if (catalogue_load(s->catalogue, s->store) < 0)
        return -EIO;
    s->harness = text_alloc((s->sites.input.n_frames + 1) * sizeof *s->harness);
    for (uint32_t i = 0; i < s->sites.input.n_frames; i++)
        s->harness[i] = harness_is_of(s->catalogue, &s->sites.input.frames[i]);
    return 0;
}

static int load_targets(struct suite *s, const struct suite_scope *scope) {
    int r = sites_load(s->store, s->recording, 0, NULL, true, &s->sites);
    if (r < 0)
        return r;
    if ((r = find_harness(s)) < 0)
        return r;
    AUTO_FREE bool *harness = text_alloc(s->sites.input.n_frames + 1);
    for (uint32_t i = 0; i < s->sites.input.n_frames; i++)
        harness[i] = s->harness[i] != NULL;
    struct own_options own = {.globs = scope->own,
                              .n_globs = scope->n_own,
                              .not_globs = scope->not_own,
                              .n_not_globs = scope->n_not_own,
                              .in = scope->in,
                              .n_in = scope->n_in,
                              .tree = s->tree,
                              .harness = harness};
    s->is_own_by_tree = !scope->n_own;
    uint32_t n = s->sites.input.n_sites;
    struct dearth_key *keys = text_alloc((n + 1) * sizeof *keys);
    s->target_of = text_alloc((n + 1) * sizeof *s->target_of);
    s->tested = text_alloc((n + 1) * sizeof *s->tested);
    own_targets(&s->sites.input, &own, keys);
    number_targets(s, keys);
    free(keys);
    return 0;
}

/* --- units --- */

#define CRITERION_WORKER "boxfort-worker" /* as BoxFort calls the sandbox of a test */

#define PROCESS_COLUMNS(X)                                                               \
    X(PROCESS_ID, "p.id")                                                                \
    X(PROCESS_PARENT_ID, "p.parent_id")                                                  \
    X(PROCESS_PID, "p.pid")                                                              \
    X(PROCESS_RECORDING, "p.recording_id")                                               \
    X(PROCESS_ORIGIN, "p.origin")                                                        \
    X(PROCESS_EVENTS, "p.events")                                                        \
    X(PROCESS_DURATION, "coalesce(p.ended_ns, p.started_ns) - p.started_ns")             \
    X(PROCESS_EXIT_CODE, "coalesce(p.exit_code, -1)")                                    \
    X(PROCESS_EXIT_SIGNAL, "coalesce(p.exit_signal, 0)")                                 \
    X(PROCESS_UNIT, "coalesce(u.id, 0)")                                                 \
    X(PROCESS_ENVIRONMENT, "coalesce(u.environment_id, 0)")                              \
    X(PROCESS_VARIABLES,                                                                 \
      "(SELECT e.variables FROM environment e WHERE e.id = u.environment_id)")           \
    X(PROCESS_EXE, "coalesce(u.exe, p.exe)")                                             \
    X(PROCESS_BUILD_ID, "b.build_id")                                                    \
    X(PROCESS_ARGV, "u.argv_bytes")                                                      \
    X(PROCESS_CWD, "coalesce(u.cwd, '')")                                                \
    X(PROCESS_STDIN, "u.stdin_digest")                                                   \
    X(PROCESS_STDIN_KIND, "u.stdin_kind")                                                \
    X(PROCESS_ORDINAL, "p.ordinal")                                                      \
    X(PROCESS_TEST, "t.name")                                                            \
    X(PROCESS_FILTER, "CASE t.harness WHEN 'Check' THEN t.filter END")                   \
    X(PROCESS_WHOLE, "CASE WHEN t.whole_id <> t.unit_id THEN t.whole_id END")
enum { PROCESS_COLUMNS(STORE_COLUMN_ENUM) };

/* Builds of the programs of units in one go: there is no index by process. */
#define BUILDS(wanted)                                                                     \
    "LEFT JOIN (SELECT x.process_id, min(m.build_id) AS build_id FROM process_module x "   \
    "JOIN module m ON m.id = x.module_id JOIN process o ON o.id = x.process_id JOIN unit " \
    "v ON v.recording_id = o.recording_id AND v.ordinal = o.ordinal AND v.exe = m.path "   \
    "WHERE " wanted " GROUP BY x.process_id) b ON b.process_id = p.id "

static void add_blob(struct text *t, sqlite3_stmt *q, int column) {
    int n = sqlite3_column_bytes(q, column);
    text_addf(t, "%d:", n);
    if (n)
        text_add_n(t, sqlite3_column_blob(q, column), (size_t)n);
}

static struct dearth_key identity(sqlite3_stmt *q) {
    static const int columns[] = {PROCESS_EXE, PROCESS_BUILD_ID, PROCESS_ARGV,
                                  PROCESS_CWD, PROCESS_STDIN};
    AUTO_TEXT struct text t = {0};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        add_blob(&t, q, columns[i]);
    struct dearth_key key = key_hash(t.data, t.n);
    const char *variables = sqlite3_column_blob(q, PROCESS_VARIABLES);
    size_t n = (size_t)sqlite3_column_bytes(q, PROCESS_VARIABLES);
    for (size_t i = 0; i < n; i += strlen(variables + i) + 1)
        key = reuse_add_variable(key, variables + i);
    return key;
}

/* It is run with an empty one then. */
static const char *no_input(sqlite3_stmt *q) {
    const char *kind = store_column_text(q, PROCESS_STDIN_KIND);
    if (!kind || strcmp(kind, "none") == 0 || strcmp(kind, "file") == 0)
        return NULL;
    if (strcmp(kind, "pipe") == 0)
        return sqlite3_column_type(q, PROCESS_STDIN) != SQLITE_NULL
                   ? NULL
                   : "what came through the pipe on its standard input is not known: it was "
                     "written while it ran, or was too much to keep";
    return strcmp(kind, "tty") == 0 ? "its standard input was a terminal"
                                    : "its standard input was a socket or a device";
}

static char *command_text(sqlite3_stmt *q) {
    struct text t = {0};
    const char *bytes = sqlite3_column_blob(q, PROCESS_ARGV);
    size_t n = (size_t)sqlite3_column_bytes(q, PROCESS_ARGV);
    const char *variables = store_column_text(q, PROCESS_FILTER);
    text_add(&t, variables ? variables : "");
    text_add(&t, variables ? " " : "");
    if (!n)
        text_add_shell_shown(&t, store_column_text(q, PROCESS_EXE));
    for (size_t i = 0; i < n; i += strlen(bytes + i) + 1) {
        text_add(&t, i ? " " : "");
        text_add_shell_shown(&t, bytes + i);
    }
    return text_take(&t);
}

/* A program that was started, or a process whose start was not seen; a fork belongs to its parent's. */
static uint32_t add_unit(struct suite *s, sqlite3_stmt *q, uint32_t parent) {
    if (!(s->n_units & (s->n_units - 1)))
        s->units = text_realloc(s->units, (s->n_units ? 2 * (size_t)s->n_units : 1) *
                                              sizeof *s->units);
    struct suite_unit *u = &s->units[s->n_units++];
    *u = (struct suite_unit){
        .row = sqlite3_column_int64(q, PROCESS_UNIT),
        .process = sqlite3_column_int64(q, PROCESS_ID),
        .parent = parent,
        .recording = sqlite3_column_int64(q, PROCESS_RECORDING),
        .ordinal = (uint32_t)sqlite3_column_int64(q, PROCESS_ORDINAL),
        .is_split = sqlite3_column_type(q, PROCESS_WHOLE) != SQLITE_NULL,
        .pid = (uint32_t)sqlite3_column_int64(q, PROCESS_PID),
        .exit_code = sqlite3_column_int(q, PROCESS_EXIT_CODE),
        .exit_signal = sqlite3_column_int(q, PROCESS_EXIT_SIGNAL),
        .duration_ns = (uint64_t)sqlite3_column_int64(q, PROCESS_DURATION),
        .command = command_text(q),
        .identity = identity(q),
        .no_input = no_input(q),
        .exe = key_hash(store_column_text(q, PROCESS_EXE),
                        strlen(store_column_text(q, PROCESS_EXE)))};
    for (uint32_t at = u->is_split ? parent : 0; at; at = s->units[at - 1].parent)
        s->units[at - 1].is_whole = true;
    if (!u->row)
        u->why_not = "how it was started is not known";
    else if (!sqlite3_column_int64(q, PROCESS_ENVIRONMENT))
        u->why_not = "its environment could not be read";
    else if (access(store_column_text(q, PROCESS_EXE), X_OK) < 0)
        u->why_not = "its program is not there any more";
    else if (access(store_column_text(q, PROCESS_CWD), F_OK) < 0)
        u->why_not = "its folder is not there any more";
    else if (strcmp(u->command, CRITERION_WORKER) == 0)
        u->why_not = "its runner starts it for one test";
    const char *test = store_column_text(q, PROCESS_TEST);
    u->test = text_dup(test ? test : parent ? s->units[parent - 1].test : NULL);
    u->is_named = test != NULL;
    s->n_split += u->is_split;
    if (parent && s->units[parent - 1].pid == u->pid &&
        s->units[parent - 1].recording == u->recording)
        s->units[parent - 1].replaced_by = s->n_units;
    return s->n_units;
}

/* Of the suite and of its tests, each by itself: "(1, 2)". */
static char *both_recordings(const struct suite *s) {
    return text_format("(%lld, %lld)", (long long)s->recording, (long long)s->tests);
}

static int prepare_processes(struct suite *s, sqlite3_stmt **q) {
    AUTO_FREE char *both = both_recordings(s);
    /* a program may have two names, of its harness and of the one test that it runs: the latter came last */
    AUTO_FREE char *sql = text_format(
        "%s FROM process p LEFT JOIN unit u ON u.recording_id = p.recording_id AND u.ordinal "
        "= p.ordinal " BUILDS(
            "o.recording_id IN %s") "LEFT JOIN (SELECT unit_id, max(id) AS id FROM test WHERE whole_id IS NOT "
                                    "unit_id GROUP BY unit_id) n ON n.unit_id = u.id LEFT JOIN test t ON t.id = n.id "
                                    "WHERE p.recording_id IN %s ORDER BY p.recording_id <> %lld, p.ordinal",
        STORE_SELECT(PROCESS_COLUMNS), both, both, (long long)s->recording);
    return store_prepare(s->store, sql, q);
}

static uint32_t unit_of_row(const struct suite *s, int64_t row) {
    for (uint32_t i = 0; i < s->n_units; i++)
        if (s->units[i].row == row)
            return i + 1;
    return 0;
}

/* Of the tests that were run by themselves, without what ran them. Return: index + 1; 0 = no unit's. */
static uint32_t place_process(struct suite *s, sqlite3_stmt *q, uint32_t parent) {
    bool forked = strcmp(store_column_text(q, PROCESS_ORIGIN), "fork") == 0;
    bool of_suite = sqlite3_column_int64(q, PROCESS_RECORDING) == s->recording;
    if (sqlite3_column_type(q, PROCESS_WHOLE) != SQLITE_NULL) {
        uint32_t whole = unit_of_row(s, sqlite3_column_int64(q, PROCESS_WHOLE));
        return whole ? add_unit(s, q, whole) : 0;
    }
    if (of_suite ? !forked || !parent : !forked && parent)
        return add_unit(s, q, parent);
    return parent;
}

static int load_units(struct suite *s, struct idmap *unit_of) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step, r = prepare_processes(s, &q);
    if (r < 0)
        return r;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t unit = 0;
        idmap_get(unit_of, sqlite3_column_int64(q, PROCESS_PARENT_ID), &unit);
        unit = place_process(s, q, (uint32_t)unit);
        if (!unit)
            continue;
        s->units[unit - 1].events += (uint64_t)sqlite3_column_int64(q, PROCESS_EVENTS);
        idmap_put(unit_of, sqlite3_column_int64(q, PROCESS_ID), unit);
        s->n_processes++;
    }
    /* what an exec left has the end of what it became */
    for (uint32_t i = s->n_units; i-- > 0;) {
        struct suite_unit *u = &s->units[i];
        if (!u->replaced_by)
            continue;
        u->exit_code = s->units[u->replaced_by - 1].exit_code;
        u->exit_signal = s->units[u->replaced_by - 1].exit_signal;
        u->duration_ns += s->units[u->replaced_by - 1].duration_ns;
    }
    return step == SQLITE_DONE ? 0 : store_error(s->store, "reading processes");
}

/* --- what units reach --- */

static void add_site(struct suite_unit *u, uint32_t site) {
    if (u->n_sites && u->sites[u->n_sites - 1] == site)
        return;
    if (u->n_sites == u->capacity) {
        u->capacity = u->capacity ? 2 * u->capacity : 16;
        u->sites = text_realloc(u->sites, u->capacity * sizeof *u->sites);
    }
    u->sites[u->n_sites++] = site;
}

#define REACH_COLUMNS(X)                                                                 \
    X(REACH_SITE, "site_id")                                                             \
    X(REACH_PROCESS, "process_id")
enum { REACH_COLUMNS(STORE_COLUMN_ENUM) };

/* Of each path in the tree of stacks, the harness of its outermost frame that has one: what runs the rest. */
static const char **harness_of_stacks(const struct suite *s) {
    const struct plan_input *in = &s->sites.input;
    const char **of = text_alloc((in->n_stacks + 1) * sizeof *of);
    for (uint32_t i = 0; i < in->n_stacks; i++) {
        uint32_t parent = in->stacks[i].parent;
        of[i] =
            parent && of[parent - 1] ? of[parent - 1] : s->harness[in->stacks[i].frame];
    }
    return of;
}

/* A unit has reached a site, and with it who started it; a test by itself is no part of the suite's run. */
static void add_reach(struct suite *s, uint32_t unit, uint32_t site) {
    int64_t recording = s->units[unit - 1].recording;
    s->units[unit - 1].n_own_sites++;
    for (uint32_t at = unit; at; at = s->units[at - 1].parent) {
        struct suite_unit *u = &s->units[at - 1];
        u->is_tree |= at != unit;
        if (u->recording != recording)
            break;
        add_site(u, site);
    }
}

/* In the order of sites, so that each unit's are in order, too, and each once. */
static int load_reach(struct suite *s, const struct idmap *unit_of) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    struct idmap index = {0};
    AUTO_FREE char *both = both_recordings(s);
    AUTO_FREE char *sql = text_format(
        "%s FROM site_stat t JOIN site s ON s.id = t.site_id WHERE t.recording_id IN %s "
        "ORDER BY s.key",
        STORE_SELECT(REACH_COLUMNS), both);
    int step, r = store_prepare(s->store, sql, &q);
    if (r < 0)
        return r;
    AUTO_FREE const char **harness = harness_of_stacks(s);
    for (uint32_t i = 0; i < s->sites.input.n_sites; i++)
        idmap_put(&index, s->sites.list[i].id, i + 1);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t site = 0, unit = 0;
        idmap_get(&index, sqlite3_column_int64(q, REACH_SITE), &site);
        idmap_get(unit_of, sqlite3_column_int64(q, REACH_PROCESS), &unit);
        if (!site || !unit || !s->target_of[site - 1])
            continue;
        uint32_t stack = s->sites.list[site - 1].stack;
        if (stack && !s->units[unit - 1].harness)
            s->units[unit - 1].harness = harness[stack - 1];
        add_reach(s, (uint32_t)unit, (uint32_t)site - 1);
    }
    idmap_deinit(&index);
    return step == SQLITE_DONE ? 0 : store_error(s->store, "reading sites");
}

/* --- what has been failed --- */

static int compare_keys(const void *a, const void *b) {
    return key_compare(*(const struct dearth_key *)a, *(const struct dearth_key *)b);
}

/* Of the programs in which something was failed, those that this suite started as well, with the same of all.
 * @out: row of `unit` -> recording of its suite */
static int load_same_units(const struct suite *s, struct idmap *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_FREE struct dearth_key *now = text_alloc((s->n_units + 1) * sizeof *now);
    for (uint32_t i = 0; i < s->n_units; i++)
        now[i] = s->units[i].identity;
    qsort(now, s->n_units, sizeof *now, compare_keys);
    int step,
        r = store_prepare(
            s->store,
            STORE_SELECT(
                PROCESS_COLUMNS) "FROM unit u JOIN process p ON p.recording_id = "
                                 "u.recording_id AND p.ordinal = u.ordinal " BUILDS(
                                     "v.id IN (SELECT unit_id FROM unit_run WHERE "
                                     "recording_id IS NOT NULL)") "LEFT JOIN test t "
                                                                  "ON 0 WHERE u.id IN (SELECT unit_id FROM unit_run WHERE recording_id IS NOT NULL)",
            &q);
    if (r < 0)
        return r;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        struct dearth_key key = identity(q);
        if (bsearch(&key, now, s->n_units, sizeof *now, compare_keys))
            idmap_put(out, sqlite3_column_int64(q, PROCESS_UNIT),
                      sqlite3_column_int64(q, PROCESS_RECORDING));
    }
    return step == SQLITE_DONE ? 0 : store_error(s->store, "reading programs");
}

#define TESTED_COLUMNS(X)                                                                \
    X(TESTED_SITE, "a.site_id")                                                          \
    X(TESTED_UNIT, "n.unit_id")
enum { TESTED_COLUMNS(STORE_COLUMN_ENUM) };

static const char tested_sql[] = STORE_SELECT(
    TESTED_COLUMNS) "FROM attempt a JOIN replay r ON r.id = a.replay_id JOIN unit_run n ON "
                    "n.recording_id = r.recording_id WHERE a.fired = 1 AND a.verdict <> "
                    "'unreached' AND a.mode = :mode AND (a.mode = 'once' OR a.scope IS :scope) "
                    "GROUP BY a.site_id, n.unit_id";
enum { TESTED_MODE = 1, TESTED_SCOPE };

/* @from: recording of the suite in which it was failed; 0 = not yet */
static void count_tested(struct suite *s, const int64_t *from) {
    s->n_reused = 0;
    s->reused_from = 0;
    for (uint32_t t = 0; t < s->n_targets; t++) {
        s->targets[t].n_tested = 0;
        s->targets[t].reused_from = 0;
    }
    for (uint32_t i = 0; i < s->sites.input.n_sites; i++) {
        s->tested[i] = from[i] && s->target_of[i];
        if (!s->tested[i])
            continue;
        struct suite_target *target = &s->targets[s->target_of[i] - 1];
        target->reused_from = !target->n_tested || from[i] > target->reused_from
                                  ? from[i]
                                  : target->reused_from;
        target->n_tested++;
    }
    for (uint32_t t = 0; t < s->n_targets; t++) {
        int64_t recording = s->targets[t].reused_from;
        if (!recording || recording == s->recording || recording == s->tests)
            continue;
        s->n_reused++;
        s->reused_from = recording > s->reused_from ? recording : s->reused_from;
    }
}

struct scope_rule suite_load_lasting(const struct suite *s,
                                     const struct suite_scope *scope) {
    return (struct scope_rule){.own = scope->own,
                               .n_own = scope->n_own,
                               .not_own = scope->not_own,
                               .n_not_own = scope->n_not_own,
                               .in = scope->in,
                               .n_in = scope->n_in,
                               .not_in = scope->not_in,
                               .n_not_in = scope->n_not_in,
                               .tree = s->tree,
                               .target = true};
}

int suite_load_tested(struct suite *s, const struct suite_scope *scope) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    const struct scope_rule lasting = suite_load_lasting(s, scope);
    AUTO_FREE char *text = scope_text(&lasting);
    struct idmap index = {0}, same = {0};
    AUTO_FREE int64_t *from = text_alloc((s->sites.input.n_sites + 1) * sizeof *from);
    int r = load_same_units(s, &same);
    if (r == 0)
        r = store_prepare(s->store, tested_sql, &q);
    for (uint32_t i = 0; r == 0 && i < s->sites.input.n_sites; i++)
        idmap_put(&index, s->sites.list[i].id, i + 1);
    if (r == 0) {
        store_bind_text(q, TESTED_MODE, scope->mode);
        store_bind_text(q, TESTED_SCOPE, text);
    }
    while (r == 0 && !scope->fresh && sqlite3_step(q) == SQLITE_ROW) {
        int64_t site = 0, recording = 0;
        if (idmap_get(&index, sqlite3_column_int64(q, TESTED_SITE), &site) &&
            idmap_get(&same, sqlite3_column_int64(q, TESTED_UNIT), &recording) &&
            recording > from[site - 1])
            from[site - 1] = recording;
    }
    if (r == 0)
        count_tested(s, from);
    idmap_deinit(&index);
    idmap_deinit(&same);
    return r;
}

int suite_load_mark_gone(const struct suite *s) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_TEXT struct text list = {0};
    struct idmap same = {0};
    int r = load_same_units(s, &same);
    for (size_t i = 0; i < same.capacity; i++)
        if (same.slots[i].key)
            text_addf(&list, "%s%lld", list.n ? "," : "[", (long long)same.slots[i].key);
    text_add(&list, list.n ? "]" : "[]");
    idmap_deinit(&same);
    if (r == 0)
        r = store_prepare(
            s->store,
            "UPDATE unit_run SET reason = CASE WHEN unit_id IN (SELECT value "
            "FROM json_each(?1)) THEN NULL ELSE 'the suite does not start it "
            "any more' END WHERE recording_id IS NOT NULL",
            &q);
    if (r < 0)
        return r;
    store_bind_text(q, 1, list.data);
    return store_step_done(s->store, q);
}

/* --- what the planner is given --- */

static void cover_one(struct suite *s, uint32_t index, uint32_t *stamp) {
    const struct suite_unit *u = &s->units[index];
    struct cover_unit *c = &s->cover[index];
    uint32_t *targets = text_alloc((u->n_sites + 1) * sizeof *targets);
    c->n_targets = 0;
    for (uint32_t i = 0; i < u->n_sites; i++) {
        uint32_t target = s->target_of[u->sites[i]] - 1;
        if (stamp[target] != index + 1)
            targets[c->n_targets++] = target;
        stamp[target] = index + 1;
    }
    free((uint32_t *)c->targets);
    c->targets = targets;
    c->cost_ns = u->duration_ns;
    c->refused = u->why_not != NULL;
    c->is_tree = u->is_tree;
    c->is_whole = u->is_whole;
}

void suite_load_keep(struct suite *s, uint32_t unit, const bool *reached) {
    struct suite_unit *u = &s->units[unit];
    AUTO_FREE uint32_t *stamp = text_alloc((s->n_targets + 1) * sizeof *stamp);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < u->n_sites; i++)
        if (reached[u->sites[i]])
            u->sites[kept++] = u->sites[i];
    u->n_sites = kept;
    cover_one(s, unit, stamp);
}

/* @keep: by unit: those that may still be chosen for it */
static void leave_to(struct suite *s, uint32_t target, const bool *keep) {
    for (uint32_t i = 0; i < s->n_units; i++) {
        struct cover_unit *c = &s->cover[i];
        uint32_t *targets = (uint32_t *)c->targets, kept = 0;
        for (uint32_t k = 0; !keep[i] && k < c->n_targets; k++)
            if (targets[k] != target)
                targets[kept++] = targets[k];
        c->n_targets = keep[i] ? c->n_targets : kept;
    }
}

void suite_load_leave_to_trees(struct suite *s, uint32_t target) {
    AUTO_FREE bool *keep = text_alloc(s->n_units + 1);
    for (uint32_t i = 0; i < s->n_units; i++)
        keep[i] = s->cover[i].is_tree;
    leave_to(s, target, keep);
}

static bool covers(const struct cover_unit *c, uint32_t target) {
    for (uint32_t k = 0; !c->refused && k < c->n_targets; k++)
        if (c->targets[k] == target)
            return true;
    return false;
}

void suite_load_leave_to_first(struct suite *s, uint32_t target) {
    AUTO_FREE bool *keep = text_alloc(s->n_units + 1);
    bool some = false;
    for (uint32_t i = 0; i < s->n_units; i++) {
        keep[i] = !s->units[i].parent && covers(&s->cover[i], target);
        some |= keep[i];
    }
    if (some)
        leave_to(s, target, keep);
}

struct twin {
    struct dearth_key identity;
    uint32_t unit;
};

static int by_identity(const void *a, const void *b) {
    const struct twin *x = a, *y = b;
    int order = key_compare(x->identity, y->identity);
    return order ? order : x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Of runs of the same program with the same of all, the one that reached most stands for those that
 * reached no more. */
static void drop_twins(struct suite *s) {
    struct twin *list = text_alloc((s->n_units + 1) * sizeof *list);
    for (uint32_t i = 0; i < s->n_units; i++)
        list[i] = (struct twin){s->units[i].identity, i};
    qsort(list, s->n_units, sizeof *list, by_identity);
    for (uint32_t i = 1; i < s->n_units; i++) {
        struct suite_unit *a = &s->units[list[i - 1].unit], *b = &s->units[list[i].unit];
        if (!key_equal(a->identity, b->identity) || a->n_sites != b->n_sites ||
            memcmp(a->sites, b->sites, a->n_sites * sizeof *a->sites) != 0)
            continue;
        if (!b->why_not)
            b->why_not = SUITE_TWIN;
        s->cover[list[i].unit].refused = true;
    }
    free(list);
}

int suite_load(struct store *store, const struct suite_scope *scope, struct suite *s) {
    struct idmap unit_of = {0};
    *s = (struct suite){.store = store, .recording = newest_suite(store)};
    AUTO_FREE char *tests = text_format(
        "SELECT max(id) FROM recording WHERE suite_id = %lld", (long long)s->recording);
    s->tests = s->recording > 0 ? store_int(store, tests, 0) : 0;
    int r = s->recording < 0 ? (int)s->recording : choose_tree(s, scope);
    if (r == 0)
        r = load_targets(s, scope);
    if (r == 0)
        r = load_units(s, &unit_of);
    if (r == 0)
        r = load_reach(s, &unit_of);
    if (r == 0)
        r = suite_load_tested(s, scope);
    idmap_deinit(&unit_of);
    if (r < 0) {
        suite_load_deinit(s);
        return r;
    }
    s->cover = text_alloc((s->n_units + 1) * sizeof *s->cover);
    uint32_t *stamp = text_alloc((s->n_targets + 1) * sizeof *stamp);
    for (uint32_t i = 0; i < s->n_units; i++)
        cover_one(s, i, stamp);
    free(stamp);
    drop_twins(s);
    return 0;
}
