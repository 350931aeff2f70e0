/* SPDX-License-Identifier: Apache-2.0 */
/* See report_tests.h. */
#include "report_tests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "idmap.h"
#include "json.h"
#include "report_rows.h"
#include "report_strings.h"
#include "report_suite.h"
#include "store.h"
#include "store_programs.h"
#include "text.h"

#define NAMES_MOST     16 /* of a site, in JSON */
#define HARNESSES_MOST 16 /* runners that have filters */

struct process {
    int64_t unit;
    const char *command;
    uint32_t test; /* index + 1; 0 = none */
    bool in_suite; /* false: of the tests that were run by themselves */
};

struct load {
    struct process *processes;
    size_t n;
    struct idmap process_of;  /* row ─► index + 1 */
    struct idmap test_of;     /* row of unit ─► test of the program, or a split one */
    struct idmap is_whole;    /* row of unit: its tests were run by themselves */
    struct idmap by_function; /* unit and site ─► test */
    struct idmap site_of;     /* row ─► index + 1 */
    struct idmap test_row;    /* row of test ─► index + 1 */
    bool *split;              /* by site: a test that was run by itself reaches it */
    const char *harnesses
        [HARNESSES_MOST]; /* that have such tests; kept once, as all strings here */
    uint32_t n_harnesses;
};

static int64_t pair(int64_t unit, int64_t site) {
    return (int64_t)((uint64_t)unit << 32 | (uint64_t)site);
}

static bool has_split(const struct load *l, const char *harness) {
    for (uint32_t i = 0; i < l->n_harnesses; i++)
        if (l->harnesses[i] == harness)
            return true;
    return false;
}

/* --- tests --- */

#define TEST_COLUMNS(X)                                                                  \
    X(TEST_ID, "t.id")                                                                   \
    X(TEST_UNIT, "t.unit_id")                                                            \
    X(TEST_WHOLE, "coalesce(t.whole_id, 0)")                                             \
    X(TEST_HARNESS, "t.harness")                                                         \
    X(TEST_NAME, "t.name")                                                               \
    X(TEST_FILTER, "t.filter")                                                           \
    X(TEST_ARGV, "p.argv")                                                               \
    X(TEST_EXE, "u.exe")
enum { TEST_COLUMNS(STORE_COLUMN_ENUM) };

static const char test_sql[] = STORE_SELECT(
    TEST_COLUMNS) "FROM test t JOIN unit u ON u.id = t.unit_id JOIN process p ON "
                  "p.recording_id = u.recording_id AND p.ordinal = u.ordinal WHERE "
                  "t.recording_id IN chosen_recording ORDER BY t.id";

static void add_test(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct load *l = state;
    struct report_tests *tests = data->suite->tests;
    struct report_test *t = report_rows_append(&tests->items, &tests->n, sizeof *t);
    AUTO_FREE char *command = store_programs_name(store_column_text(s, TEST_ARGV),
                                                  store_column_text(s, TEST_EXE), false);
    t->id = sqlite3_column_int64(s, TEST_ID);
    t->unit = sqlite3_column_int64(s, TEST_UNIT);
    t->whole = sqlite3_column_int64(s, TEST_WHOLE);
    t->harness = report_strings_keep(data, store_column_text(s, TEST_HARNESS));
    t->name = report_strings_keep(data, store_column_text(s, TEST_NAME));
    t->filter = report_strings_keep(data, store_column_text(s, TEST_FILTER));
    t->command = report_strings_keep(data, command);
    idmap_put(&l->test_row, t->id, (int64_t)tests->n);
    if (t->whole != t->unit)
        idmap_put(&l->test_of, t->unit, (int64_t)tests->n);
    if (!t->whole || t->whole == t->unit)
        return;
    idmap_put(&l->is_whole, t->whole, 1);
    if (!has_split(l, t->harness) && l->n_harnesses < HARNESSES_MOST)
        l->harnesses[l->n_harnesses++] = t->harness;
}

#define FUNCTION_COLUMNS(X)                                                              \
    X(FUNCTION_TEST, "m.test_id")                                                        \
    X(FUNCTION_SITE, "m.site_id")                                                        \
    X(FUNCTION_UNIT, "t.unit_id")
enum { FUNCTION_COLUMNS(STORE_COLUMN_ENUM) };

static const char function_sql[] = STORE_SELECT(
    FUNCTION_COLUMNS) "FROM test_site m JOIN test t ON t.id = m.test_id WHERE "
                      "t.recording_id IN chosen_recording";

static void add_function(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct load *l = state;
    int64_t test = 0;
    (void)data;
    if (idmap_get(&l->test_row, sqlite3_column_int64(s, FUNCTION_TEST), &test))
        idmap_put(&l->by_function,
                  pair(sqlite3_column_int64(s, FUNCTION_UNIT),
                       sqlite3_column_int64(s, FUNCTION_SITE)),
                  test);
}

/* --- processes --- */

#define PROCESS_COLUMNS(X)                                                               \
    X(PROCESS_ID, "p.id")                                                                \
    X(PROCESS_PARENT, "coalesce(p.parent_id, 0)")                                        \
    X(PROCESS_UNIT, "coalesce(u.id, 0)")                                                 \
    X(PROCESS_ARGV, "p.argv")                                                            \
    X(PROCESS_EXE, "p.exe")                                                              \
    X(PROCESS_IN_SUITE, "p.recording_id IN chosen_recording")
enum { PROCESS_COLUMNS(STORE_COLUMN_ENUM) };

static const char process_sql[] = STORE_SELECT(
    PROCESS_COLUMNS) "FROM process p LEFT JOIN unit u ON u.recording_id = p.recording_id "
                     "AND u.ordinal = p.ordinal WHERE p.recording_id IN chosen_recording "
                     "OR p.recording_id IN (SELECT id FROM recording WHERE suite_id IN "
                     "chosen_recording) ORDER BY p.recording_id, p.ordinal";

static void add_process(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct load *l = state;
    int64_t parent = 0, test = 0;
    idmap_get(&l->process_of, sqlite3_column_int64(s, PROCESS_PARENT), &parent);
    struct process *p = report_rows_append(&l->processes, &l->n, sizeof *p);
    p->unit = sqlite3_column_int64(s, PROCESS_UNIT);
    p->in_suite = sqlite3_column_int(s, PROCESS_IN_SUITE) != 0;
    if (!p->unit && parent) { /* a fork */
        *p = l->processes[parent - 1];
    } else {
        AUTO_FREE char *name = store_programs_name(
            store_column_text(s, PROCESS_ARGV), store_column_text(s, PROCESS_EXE), false);
        p->command = report_strings_keep(data, name);
        idmap_get(&l->test_of, p->unit, &test);
        p->test = test ? (uint32_t)test : parent ? l->processes[parent - 1].test : 0;
    }
    int64_t id = sqlite3_column_int64(s, PROCESS_ID);
    idmap_put(&l->process_of, id, (int64_t)l->n);
    struct report_tests *tests = data->suite->tests;
    struct report_run *run =
        report_rows_append(&tests->runs, &tests->n_runs, sizeof *run);
    *run = (struct report_run){id, sqlite3_column_int64(s, PROCESS_UNIT), p->test};
}

/* Of the programs that run others inside, what their own harness calls them. */
static void find_outer(struct report_data *data, const struct load *l) {
    struct report_tests *tests = data->suite->tests;
    struct idmap outer = {0};
    for (size_t i = 0; i < l->n; i++)
        if (l->processes[i].unit && l->processes[i].test && l->processes[i].in_suite)
            idmap_put(&outer, l->processes[i].unit, l->processes[i].test);
    for (size_t i = 0; i < tests->n; i++) {
        int64_t of = 0;
        if (tests->items[i].whole && idmap_get(&outer, tests->items[i].whole, &of))
            tests->items[i].of = tests->items[of - 1].name;
    }
    idmap_deinit(&outer);
}

/* --- what reaches what --- */

#define REACH_COLUMNS(X)                                                                 \
    X(REACH_SITE, "x.site_id")                                                           \
    X(REACH_PROCESS, "x.process_id")
enum { REACH_COLUMNS(STORE_COLUMN_ENUM) };

static const char reach_sql[] = STORE_SELECT(
    REACH_COLUMNS) "FROM site_stat x WHERE x.site_id IN (SELECT site_id FROM "
                   "chosen_target) AND (x.recording_id IN chosen_recording OR "
                   "x.recording_id IN (SELECT id FROM recording WHERE suite_id IN "
                   "chosen_recording)) ORDER BY x.recording_id DESC"; /* split ones first */

/* By a function on the stack; not where tests of its runner that reach it were run by themselves. */
static uint32_t function_test(const struct report_data *data, const struct load *l,
                              const struct process *p, int64_t site_row, uint32_t site) {
    int64_t test = 0;
    if (!idmap_get(&l->by_function, pair(p->unit, site_row), &test))
        return 0;
    const char *harness = data->suite->tests->items[test - 1].harness;
    return l->split[site] && has_split(l, harness) ? 0 : (uint32_t)test;
}

static void add_reach(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct load *l = state;
    struct report_tests *tests = data->suite->tests;
    int64_t site = 0, process = 0, whole = 0, row = sqlite3_column_int64(s, REACH_SITE);
    if (!idmap_get(&l->site_of, row, &site) ||
        !idmap_get(&l->process_of, sqlite3_column_int64(s, REACH_PROCESS), &process))
        return;
    const struct process *p = &l->processes[process - 1];
    uint32_t test = p->test;
    if (!p->in_suite && !test)
        return;
    if (!p->in_suite)
        l->split[site - 1] = true;
    else if ((whole = function_test(data, l, p, row, (uint32_t)site - 1)))
        test = (uint32_t)whole;
    else if (l->split[site - 1] &&
             (idmap_get(&l->is_whole, p->unit, &whole) ||
              (test && idmap_get(&l->is_whole, tests->items[test - 1].unit, &whole))))
        test = 0;
    struct report_reach *r =
        report_rows_append(&tests->reach, &tests->n_reach, sizeof *r);
    *r = (struct report_reach){row, sqlite3_column_int64(s, REACH_PROCESS), test,
                               p->in_suite ? p->command : NULL};
}

static int by_site_and_test(const void *a, const void *b) {
    const struct report_reach *x = a, *y = b;
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    if (x->test != y->test)
        return x->test < y->test ? -1 : 1;
    return !x->command || !y->command ? (y->command == NULL) - (x->command == NULL)
                                      : strcmp(x->command, y->command);
}

static void say_of_site(struct report_data *data, const struct load *l, size_t first,
                        size_t end) {
    struct report_tests *tests = data->suite->tests;
    AUTO_TEXT struct text names = {0};
    const char *first_name = NULL;
    uint32_t n = 0, last = 0;
    for (size_t i = first; i < end; i++) {
        uint32_t test = tests->reach[i].test;
        if (!test || test == last)
            continue;
        last = test;
        tests->items[test - 1].n_sites++;
        if (!n)
            first_name = tests->items[test - 1].name;
        if (n++ >= NAMES_MOST)
            continue;
        text_add(&names, n > 1 ? "," : "");
        text_add_json(&names, tests->items[test - 1].name);
    }
    AUTO_FREE char *json =
        text_format("{\"n\":%u,\"names\":[%s]}", n, names.n ? names.data : "");
    int64_t site = 0;
    if (!n || !idmap_get(&l->site_of, tests->reach[first].site, &site))
        return;
    data->sites[site - 1].tests = report_strings_keep(data, json);
    data->sites[site - 1].test = first_name;
    data->sites[site - 1].only_test = n == 1 ? last : 0;
}

static void say_of_sites(struct report_data *data, const struct load *l) {
    struct report_tests *tests = data->suite->tests;
    if (tests->n_reach)
        qsort(tests->reach, tests->n_reach, sizeof *tests->reach, by_site_and_test);
    for (size_t i = 0, k; i < tests->n_reach; i = k) {
        for (k = i; k < tests->n_reach && tests->reach[k].site == tests->reach[i].site;
             k++)
            ;
        say_of_site(data, l, i, k);
    }
}

/* --- findings --- */

#define SEEN_COLUMNS(X)                                                                  \
    X(SEEN_FINDING, "f.id")                                                              \
    X(SEEN_UNIT, "n.unit_id")                                                            \
    X(SEEN_SITE, "a.site_id")
enum { SEEN_COLUMNS(STORE_COLUMN_ENUM) };

static const char seen_sql[] = STORE_SELECT(
    SEEN_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN replay p ON "
                  "p.id = a.replay_id JOIN unit_run n ON n.recording_id = p.recording_id";

struct seen {
    struct load *load;
    struct idmap finding_of, process_of_unit;
};

/* Of a site that one test alone reaches. Return: index + 1, 0 = there is none. */
static uint32_t only_test(const struct report_data *data, const struct load *l,
                          int64_t site_row) {
    int64_t at = 0;
    return idmap_get(&l->site_of, site_row, &at) ? data->sites[at - 1].only_test : 0;
}

static void add_seen(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct seen *seen = state;
    struct report_tests *tests = data->suite->tests;
    int64_t finding = 0, process = 0, test = 0;
    int64_t unit = sqlite3_column_int64(s, SEEN_UNIT);
    if (!idmap_get(&seen->finding_of, sqlite3_column_int64(s, SEEN_FINDING), &finding) ||
        !idmap_get(&seen->process_of_unit, unit, &process))
        return;
    const struct process *p = &seen->load->processes[process - 1];
    test = p->test;
    if (p->in_suite)
        idmap_get(&seen->load->by_function,
                  pair(unit, sqlite3_column_int64(s, SEEN_SITE)), &test);
    if (!test)
        test = only_test(data, seen->load, sqlite3_column_int64(s, SEEN_SITE));
    if (!test)
        return;
    struct report_finding *f = &data->findings[finding - 1];
    f->test = tests->items[test - 1].name;
    if (!p->in_suite &&
        idmap_get(&seen->process_of_unit, tests->items[test - 1].whole, &process))
        f->whole = seen->load->processes[process - 1].command;
}

static int load_findings(struct report_data *data, struct load *l) {
    struct seen seen = {.load = l};
    for (size_t i = 0; i < data->n_findings; i++)
        idmap_put(&seen.finding_of, data->findings[i].id, (int64_t)i + 1);
    for (size_t i = l->n; i-- > 0;) /* the program itself, not its forks */
        if (l->processes[i].unit)
            idmap_put(&seen.process_of_unit, l->processes[i].unit, (int64_t)i + 1);
    int r =
        report_rows_read(data, seen_sql, "reading tests of findings", add_seen, &seen);
    idmap_deinit(&seen.finding_of);
    idmap_deinit(&seen.process_of_unit);
    return r;
}

/* --- all of it --- */

int report_tests_load(struct report_data *data) {
    struct load l = {.split = text_alloc(data->n_sites + 1)};
    data->suite->tests = text_alloc(sizeof *data->suite->tests);
    for (size_t i = 0; i < data->n_sites; i++)
        idmap_put(&l.site_of, data->sites[i].id, (int64_t)i + 1);
    int r = report_rows_read(data, test_sql, "reading tests", add_test, &l);
    if (r == 0)
        r = report_rows_read(data, function_sql, "reading tests", add_function, &l);
    if (r == 0)
        r = report_rows_read(data, process_sql, "reading programs", add_process, &l);
    if (r == 0)
        r = report_rows_read(data, reach_sql, "reading what tests reach", add_reach, &l);
    find_outer(data, &l);
    say_of_sites(data, &l);
    if (r == 0)
        r = load_findings(data, &l);
    free(l.processes);
    free(l.split);
    idmap_deinit(&l.process_of);
    idmap_deinit(&l.test_of);
    idmap_deinit(&l.is_whole);
    idmap_deinit(&l.by_function);
    idmap_deinit(&l.site_of);
    idmap_deinit(&l.test_row);
    return r;
}

void report_tests_free(struct report_data *data) {
    struct report_tests *tests = data->suite->tests;
    if (tests) {
        free(tests->items);
        free(tests->reach);
        free(tests->runs);
    }
    free(tests);
}

bool report_tests_found(const struct report_test *test,
                        const struct report_finding *finding) {
    return finding->test == test->name && (!test->whole || test->whole == test->unit ||
                                           strcmp(finding->command, test->command) == 0);
}

/* --- JSON --- */

void report_tests_json(struct json *j, const struct report_data *data) {
    const struct report_tests *tests = data->suite->tests;
    json_open(j, "tests", '[');
    for (size_t i = 0; i < tests->n; i++) {
        const struct report_test *t = &tests->items[i];
        if (!t->n_sites) /* that reaches nothing of the project's own */
            continue;
        json_open_flat(j, NULL, '{');
        json_text(j, "name", t->name);
        json_text(j, "harness", t->harness);
        json_text(j, "of", t->of);
        json_text(j, "command", t->command);
        json_text(j, "filter", t->filter);
        json_int(j, "sites", (int64_t)t->n_sites);
        json_open(j, "findings", '[');
        for (size_t k = 0; k < data->n_findings; k++)
            if (report_tests_found(t, &data->findings[k]))
                json_int(j, NULL, data->findings[k].id);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* --- by test, program, directory --- */

struct line {
    const char *name;
    uint32_t what; /* target, or site without a suite */
    bool tested;
    const struct report_finding *finding; /* NULL = a site */
};

struct lines {
    struct line *items;
    size_t n;
};

static void add_line(struct lines *lines, const char *name, uint32_t what, bool tested,
                     const struct report_finding *finding) {
    struct line *line = report_rows_append(&lines->items, &lines->n, sizeof *line);
    *line = (struct line){name ? name : "(none)", what, tested, finding};
}

static int by_name(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order                ? order
           : x->what != y->what ? (x->what > y->what) - (x->what < y->what)
                                : y->tested - x->tested;
}

static const char *directory_of(struct report_data *data,
                                const struct report_location *location) {
    if (!location)
        return NULL;
    const char *path = location->file ? location->file : location->module;
    AUTO_FREE char *folder = text_format("%.*s", (int)(text_basename(path) - path), path);
    return report_strings_keep(data, *folder ? folder : ".");
}

static bool is_target_tested(const struct report_data *data,
                             const struct report_site *site) {
    return data->suite && site->target
               ? data->suite->targets[site->target - 1].contexts_tested > 0
               : site->reason == REASON_TESTED;
}

static void collect_sites(const struct report_data *data, enum report_by by,
                          struct lines *lines) {
    for (size_t i = 0; i < data->n_sites; i++) {
        const struct report_site *site = &data->sites[i];
        if (site->reason == REASON_NOT_FAILABLE || (data->suite && !site->target))
            continue;
        add_line(lines,
                 by == REPORT_BY_PROGRAM
                     ? site->command
                     : directory_of((struct report_data *)data, site->location),
                 site->target ? site->target : (uint32_t)i + 1,
                 is_target_tested(data, site), NULL);
    }
}

static void collect_reach(const struct report_data *data, enum report_by by,
                          struct lines *lines) {
    const struct report_tests *tests = data->suite->tests;
    struct idmap site_of = {0}; /* those that the scope has left */
    for (size_t i = 0; i < data->n_sites; i++)
        idmap_put(&site_of, data->sites[i].id, (int64_t)i + 1);
    for (size_t i = 0; i < tests->n_reach; i++) {
        const struct report_reach *r = &tests->reach[i];
        int64_t at = 0;
        const char *name = by == REPORT_BY_PROGRAM ? r->command
                           : r->test               ? tests->items[r->test - 1].name
                                                   : NULL;
        if (!name || !idmap_get(&site_of, r->site, &at))
            continue;
        const struct report_site *site = &data->sites[at - 1];
        if (site->target)
            add_line(lines, name, site->target, is_target_tested(data, site), NULL);
    }
    idmap_deinit(&site_of);
}

static void collect_findings(const struct report_data *data, enum report_by by,
                             struct lines *lines) {
    for (size_t i = 0; i < data->n_findings; i++) {
        const struct report_finding *f = &data->findings[i];
        add_line(lines,
                 by == REPORT_BY_TEST ? f->test
                 : by == REPORT_BY_PROGRAM
                     ? f->whole ? f->whole : f->command
                     : directory_of((struct report_data *)data, f->fault.location),
                 0, false, f);
    }
}

static void print_line(const struct line *lines, size_t n, struct text *out) {
    uint32_t total = 0, tested = 0, bugs = 0, others = 0, last = 0;
    for (size_t i = 0; i < n; i++) {
        const struct line *line = &lines[i];
        if (line->finding) {
            bugs += line->finding->severity == SEVERITY_BUG && !line->finding->apart;
            others += line->finding->severity != SEVERITY_BUG || line->finding->apart;
            continue;
        }
        total += line->what != last;
        tested += line->what != last && line->tested;
        last = line->what;
    }
    text_say(out, "  %7u  %7u  %5u  %8u  %s\n", total, tested, bugs, others, lines->name);
}

int report_tests_add_by(const struct report_data *data, enum report_by by,
                        struct text *out) {
    struct lines lines = {0};
    if (by == REPORT_BY_NOTHING)
        return 0;
    if (by == REPORT_BY_TEST && (!data->suite || !data->suite->tests->n))
        return error_print(-EINVAL,
                           "%s: no test has a name: 'dearth suite record' finds those of "
                           "automake, CTest, meson, bats, cargo, pytest, and of the "
                           "harnesses that programs are built with",
                           data->path);
    if (data->suite && by != REPORT_BY_DIRECTORY)
        collect_reach(data, by, &lines);
    else
        collect_sites(data, by, &lines);
    collect_findings(data, by, &lines);
    if (lines.n)
        qsort(lines.items, lines.n, sizeof *lines.items, by_name);
    text_addf(out, "\nBy %s\n  %7s  %7s  %5s  %8s\n",
              by == REPORT_BY_TEST      ? "test"
              : by == REPORT_BY_PROGRAM ? "program"
                                        : "directory",
              data->suite ? "targets" : "sites", "tested", "bugs", "others");
    for (size_t i = 0, k; i < lines.n; i = k) {
        for (k = i; k < lines.n && strcmp(lines.items[k].name, lines.items[i].name) == 0;
             k++)
            ;
        print_line(&lines.items[i], k - i, out);
    }
    free(lines.items);
    return 0;
}
