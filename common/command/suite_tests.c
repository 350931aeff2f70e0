/* SPDX-License-Identifier: Apache-2.0 */
/* See suite_tests.h. */
#include "suite_tests.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "interrupt.h"
#include "output.h"
#include "suite_ask.h"
#include "suite_names.h"
#include "suite_runner.h"
#include "text.h"
#include "unit.h"

#define LIST_NS      60000000000u
#define LEAST_NS     20000000000u /* for the tests of one program, whatever it took */
/* ... or so many times as long as it took. Groups may take longer, since there is only the whole program besides:
 * it is run for each failure. */
#define TIMES_EACH   3
#define TIMES_GROUPS 10
#define START_NS     30000000u /* of a test: what starting its program takes at least */
#define TEST_LEAST   20        /* seconds that one test may take */
#define TEST_FACTOR  10        /* or so many times as long as its program took for all */

extern char **environ;

/* One test, to be run by itself. */
struct single {
    uint32_t unit;
    const struct suite_runner *runner;
    char *name;
    struct suite_start start;
};

struct tests {
    struct suite *suite;
    struct unit *units; /* by unit of the suite; zero = not known */
    char **inputs; /* by the same: what it read, in a file of ours; NULL = not needed */
    enum suite_split split;
    struct single *singles;
    uint32_t n_singles, n_programs;
    sqlite3_stmt *put;
};

/* --- rows --- */

enum { PUT_RECORDING = 1, PUT_UNIT, PUT_WHOLE, PUT_HARNESS, PUT_NAME, PUT_FILTER };

static int put_test(struct tests *t, int64_t unit, int64_t whole, const char *harness,
                    const char *name, const char *filter) {
    int r = t->put ? 0
                   : store_prepare(t->suite->store,
                                   "INSERT INTO test(recording_id, unit_id, whole_id, "
                                   "harness, name, filter) VALUES (?, ?, ?, ?, ?, ?)",
                                   &t->put);
    if (r < 0)
        return r;
    AUTO_FREE char *clean = text_utf8(name, strlen(name));
    AUTO_FREE char *clean_filter = filter ? text_utf8(filter, strlen(filter)) : NULL;
    sqlite3_bind_int64(t->put, PUT_RECORDING, t->suite->recording);
    sqlite3_bind_int64(t->put, PUT_UNIT, unit);
    if (whole)
        sqlite3_bind_int64(t->put, PUT_WHOLE, whole);
    store_bind_text(t->put, PUT_HARNESS, harness);
    store_bind_text(t->put, PUT_NAME, clean);
    store_bind_text(t->put, PUT_FILTER, clean_filter);
    return store_step_done(t->suite->store, t->put);
}

/* --- names of programs --- */

static const struct unit *parent_of(const struct tests *t, uint32_t unit) {
    uint32_t parent = t->suite->units[unit].parent;
    return parent && t->units[parent - 1].argv ? &t->units[parent - 1] : NULL;
}

static int name_programs(struct tests *t) {
    struct suite_names *names = suite_names_new();
    int r = store_begin(t->suite->store);
    for (uint32_t i = 0; r == 0 && i < t->suite->n_units; i++) {
        const char *harness;
        AUTO_FREE char *name =
            t->units[i].argv && !t->suite->units[i].is_named
                ? suite_names_find(names, &t->units[i], parent_of(t, i), &harness)
                : NULL;
        if (name && *name)
            r = put_test(t, t->suite->units[i].row, 0, harness, name, NULL);
    }
    suite_names_free(names);
    if (r == 0)
        r = store_commit(t->suite->store);
    if (r < 0)
        store_rollback(t->suite->store);
    return r;
}

/* --- which programs run tests inside --- */

/* A runner that starts itself again for each test (Criterion, death tests) is the first of these. */
static uint32_t first_of_its_kind(const struct tests *t, uint32_t unit) {
    for (uint32_t parent; (parent = t->suite->units[unit].parent); unit = parent - 1)
        if (!t->units[parent - 1].exe || !t->units[unit].exe ||
            strcmp(t->units[parent - 1].exe, t->units[unit].exe) != 0)
            break;
    return unit;
}

static const struct suite_runner **find_runners(const struct tests *t) {
    const struct suite *s = t->suite;
    const struct suite_runner **of = text_alloc((s->n_units + 1) * sizeof *of);
    for (uint32_t i = 0; i < s->n_units; i++) {
        const char *harness = s->units[i].harness;
        const struct suite_runner *runner = harness ? suite_runner_find(harness) : NULL;
        if (s->units[i].n_sites && t->units[i].argv &&
            suite_runner_is_pytest(t->units[i].argv))
            runner = suite_runner_find("pytest");
        if (runner && t->units[i].argv)
            of[first_of_its_kind(t, i)] = runner;
    }
    return of;
}

/* Where a shell finds the same from the beginning. */
static bool is_there(const struct unit *u) {
    return !u->stdin_offset && u->stdin_path && access(u->stdin_path, R_OK) == 0;
}

/* What a script cannot give it again. */
static bool can_be_started(const struct tests *t, uint32_t unit) {
    const struct unit *u = &t->units[unit];
    bool file = strcmp(u->stdin_kind, "file") == 0;
    if (t->suite->units[unit].why_not || !t->suite->units[unit].row || !u->argv[0] ||
        (file && !u->stdin_data && !is_there(u)))
        return false;
    for (uint32_t i = 0; i < u->place.n_limits; i++) {
        struct rlimit ours;
        if (getrlimit((__rlimit_resource_t)i, &ours) < 0)
            continue;
        int64_t limit = ours.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)ours.rlim_cur;
        if (limit != u->place.limits[i])
            return false;
    }
    return true;
}

/* --- which tests --- */

static void read_file(const char *path, struct text *out) {
    char buffer[16384];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    text_add(out, "");
    while (fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0)
        text_add_n(out, buffer, (size_t)n);
    if (fd >= 0)
        close(fd);
}

static char *new_file(const char *what) {
    const char *folder = getenv("TMPDIR");
    char *path =
        text_format("%s/dearth-%s-XXXXXX", folder && *folder ? folder : "/tmp", what);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return path;
    }
    free(path);
    return NULL;
}

static struct suite_cases ask(const struct tests *t, uint32_t unit,
                              const struct suite_runner *runner, uint32_t way) {
    struct suite_cases cases = {0};
    const struct unit *u = &t->units[unit];
    struct suite_start start;
    AUTO_TEXT struct text list = {0};
    AUTO_FREE char *file = suite_runner_writes(runner) ? new_file("tests") : NULL;
    if ((suite_runner_writes(runner) && !file) ||
        !suite_runner_list(runner, way, u->argv, u->cwd, file, &start))
        return cases;
    const struct suite_question question = {.exe = u->exe,
                                            .cwd = u->cwd,
                                            .argv = start.argv,
                                            .envp = u->envp,
                                            .more = start.more,
                                            .limit_ns = LIST_NS};
    int status = suite_ask(&question, &list);
    if (file) {
        text_deinit(&list);
        read_file(file, &list);
        unlink(file);
    }
    /* what status a list has is the runner's: Catch2 2 ends with the number of tests; who could not be started has
     * listed none */
    if (status >= 0)
        cases = suite_runner_parse(runner, list.data);
    suite_start_deinit(&start);
    return cases;
}

static struct suite_cases list_tests(const struct tests *t, uint32_t unit,
                                     const struct suite_runner *runner,
                                     uint64_t *took_ns) {
    struct suite_cases cases = {0};
    for (uint32_t way = 0; !cases.n && way < suite_runner_ways(runner); way++) {
        uint64_t start = clock_mono_ns();
        cases = ask(t, unit, runner, way);
        *took_ns = clock_mono_ns() - start;
    }
    return cases;
}

/* May they take as long as that?
 * @start_ns: what each takes to start
 * @times: as long as all of them in one program */
static bool is_worth(const struct tests *t, uint32_t unit, uint32_t n, uint64_t start_ns,
                     uint64_t times) {
    uint64_t all_ns = t->suite->units[unit].duration_ns, least_ns = START_NS;
    if (all_ns > start_ns) /* not so where the list is what running all of them prints */
        least_ns += start_ns;
    uint64_t may_ns = LEAST_NS > times * all_ns ? LEAST_NS : times * all_ns;
    return t->split == SUITE_SPLIT_ALL || n * least_ns <= may_ns;
}

static void plan_single(struct tests *t, uint32_t unit, const struct suite_runner *runner,
                        const struct suite_case *test) {
    t->singles = text_grow(t->singles, t->n_singles, sizeof *t->singles);
    struct single *x = &t->singles[t->n_singles++];
    *x = (struct single){unit, runner, text_dup(test->name), {0}};
    suite_runner_choose(runner, test, t->units[unit].argv, t->units[unit].cwd, &x->start);
}

static int plan_program(struct tests *t, uint32_t unit,
                        const struct suite_runner *runner) {
    uint64_t list_ns = 0;
    struct suite_cases cases = list_tests(t, unit, runner, &list_ns);
    const char *command = t->suite->units[unit].command;
    uint32_t n = cases.n;
    int r = 0;
    if (n == 1) /* the program is that test */
        r = put_test(t, t->suite->units[unit].row, 0, suite_runner_name(runner),
                     cases.items[0].name, NULL);
    /* what listing takes, each takes to start; a group's is a part of it, beside what starts the runner */
    else if (n && (is_worth(t, unit, n, list_ns, TIMES_EACH) ||
                   (suite_cases_group(&cases) &&
                    is_worth(t, unit, cases.n, list_ns / 2, TIMES_GROUPS)))) {
        t->n_programs++;
        for (uint32_t i = 0; i < cases.n; i++)
            plan_single(t, unit, runner, &cases.items[i]);
        if (cases.n < n)
            error_info("%s: its %u tests are run in %u groups; --split all runs each by "
                       "itself",
                       command, n, cases.n);
    } else if (n)
        error_info("%s: running its %u tests each by itself would take too long, and it "
                   "is run as a whole; --split all does it",
                   command, n);
    suite_cases_deinit(&cases);
    return r;
}

static int plan_singles(struct tests *t) {
    AUTO_FREE const struct suite_runner **runners = find_runners(t);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < t->suite->n_units && !interrupt_wanted(); i++)
        if (runners[i] && can_be_started(t, i))
            r = plan_program(t, i, runners[i]);
    return r;
}

/* --- the script that runs them --- */

static bool is_denied(const cJSON *denied, const char *name, size_t n) {
    const cJSON *item;
    cJSON_ArrayForEach(item, denied) {
        const char *one = cJSON_GetStringValue(item);
        if (one && strlen(one) == n && strncmp(one, name, n) == 0)
            return true;
    }
    return false;
}

static const char *find_variable(char *const *list, const char *name, size_t n) {
    for (; list && *list; list++)
        if (strncmp(*list, name, n) == 0 && (*list)[n] == '=')
            return *list;
    return NULL;
}

/* What shells set by themselves is always said. */
static bool is_of_shells(const char *name, size_t n) {
    static const char *const names[] = {"PWD", "OLDPWD", "SHLVL", "_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && strncmp(names[i], name, n) == 0)
            return true;
    return false;
}

static size_t name_length(const char *variable) {
    return (size_t)(strchrnul(variable, '=') - variable);
}

/*
 * "env -u NAME ... NAME=VALUE ...": from our environment to the unit's. By differences, so that secrets, which
 * are not in the database, come from ours and are in no command line.
 */
static void add_environment(const struct unit *u, char *const *more, struct text *out) {
    static const char *const shells[] = {"PWD", "OLDPWD", "SHLVL", "_"};
    cJSON *denied = u->denied ? cJSON_Parse(u->denied) : NULL;
    text_add(out, " env");
    for (char **e = environ; *e; e++) {
        size_t n = name_length(*e);
        if (!find_variable(u->envp, *e, n) && !is_denied(denied, *e, n) &&
            !is_of_shells(*e, n)) {
            AUTO_FREE char *name = text_format("%.*s", (int)n, *e);
            text_add(out, " -u ");
            text_add_shell(out, name);
        }
    }
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (!find_variable(u->envp, shells[i], strlen(shells[i])))
            text_addf(out, " -u %s", shells[i]);
    for (char **e = u->envp; *e; e++) {
        size_t n = name_length(*e);
        const char *ours = find_variable(environ, *e, n);
        if (is_denied(denied, *e, n) || find_variable(more, *e, n) ||
            (ours && strcmp(ours, *e) == 0 && !is_of_shells(*e, n)))
            continue;
        text_add(out, " ");
        text_add_shell(out, *e);
    }
    for (; more && *more; more++) {
        text_add(out, " ");
        text_add_shell(out, *more);
    }
    cJSON_Delete(denied);
}

/* As it was called where that leads to the same program. */
static const char *program_of(const struct unit *u) {
    char real[PATH_MAX];
    const char *called = u->argv[0];
    AUTO_FREE char *path = text_format("%s%s%s", called[0] == '/' ? "" : u->cwd,
                                       called[0] == '/' ? "" : "/", called);
    return strchr(called, '/') && realpath(path, real) && strcmp(real, u->exe) == 0
               ? called
               : u->exe;
}

static int write_file(const char *path, const char *data, size_t n) {
    int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1, err = 0;
    if (fd >= 0)
        err = output_put(fd, data, n) < n ? -errno : 0;
    else
        err = -errno;
    if (fd >= 0)
        close(fd);
    return err;
}

/* What it read and is not to be had any more, once for all of its tests. */
static int write_input(struct tests *t, uint32_t unit) {
    const struct unit *u = &t->units[unit];
    if (t->inputs[unit] || !u->stdin_data ||
        (strcmp(u->stdin_kind, "file") == 0 && is_there(u)))
        return 0;
    t->inputs[unit] = new_file("input");
    int err = write_file(t->inputs[unit], u->stdin_data, u->stdin_bytes);
    return err ? error_print_errno(err, "cannot write what %s read to %s", u->exe,
                                   t->inputs[unit] ? t->inputs[unit] : "TMPDIR")
               : 0;
}

/* Behind it: " <FILE", where it was no pipe. */
static void add_input(const struct tests *t, const struct single *x, struct text *out) {
    const struct unit *u = &t->units[x->unit];
    const char *ours = t->inputs[x->unit];
    if (strcmp(u->stdin_kind, "pipe") == 0 && ours)
        return;
    text_add(out, " <");
    text_add_shell(out, ours                                 ? ours
                        : strcmp(u->stdin_kind, "file") == 0 ? u->stdin_path
                                                             : "/dev/null");
}

static void add_single(const struct tests *t, const struct single *x, struct text *out) {
    const struct unit *u = &t->units[x->unit];
    uint64_t seconds = TEST_FACTOR * t->suite->units[x->unit].duration_ns / 1000000000u;
    if (strcmp(u->stdin_kind, "pipe") == 0 && t->inputs[x->unit]) {
        text_add(out, "cat ");
        text_add_shell(out, t->inputs[x->unit]);
        text_add(out, " | ");
    }
    text_add(out, "(cd ");
    text_add_shell(out, u->cwd);
    if (u->place.mask >= 0)
        text_addf(out, " && umask %03o", (unsigned)u->place.mask);
    text_addf(out, " && exec timeout -k 1 %llu",
              (unsigned long long)(seconds > TEST_LEAST ? seconds : TEST_LEAST));
    add_environment(u, x->start.more, out);
    text_add(out, " ");
    text_add_shell(out, program_of(u));
    for (char **a = x->start.argv + 1; *a; a++) {
        text_add(out, " ");
        text_add_shell(out, *a);
    }
    text_add(out, ")");
    add_input(t, x, out);
    text_add(out, " >/dev/null 2>&1\n");
}

static int write_script(struct tests *t, char **path) {
    AUTO_TEXT struct text script = {0};
    for (uint32_t i = 0; i < t->n_singles; i++) {
        int r = write_input(t, t->singles[i].unit);
        if (r < 0)
            return r;
        add_single(t, &t->singles[i], &script);
    }
    text_add(&script, ":\n");
    *path = new_file("script");
    int err = write_file(*path, script.data, script.n);
    return err ? error_print_errno(err, "cannot write the list of tests to run to %s",
                                   *path ? *path : "TMPDIR")
               : 0;
}

/* --- what came of it --- */

static const char mark_sql[] =
    "UPDATE recording SET exe = s.exe, argv = s.argv, argv_bytes = "
    "s.argv_bytes, cwd = s.cwd FROM recording s WHERE s.id = %1$lld AND recording.id = "
    "%2$lld;"
    "INSERT INTO note(recording_id, kind, text) VALUES (%2$lld, 'unit', 'the tests that "
    "programs of recording %1$lld, a suite, run inside, each by itself')";

#define DONE_COLUMNS(X)                                                                  \
    X(DONE_UNIT, "u.id")                                                                 \
    X(DONE_ARGV, "u.argv_bytes")                                                         \
    X(DONE_VARIABLES, "coalesce(e.variables, x'')")                                      \
    X(DONE_CODE, "coalesce(p.exit_code, -1)")                                            \
    X(DONE_SIGNAL, "coalesce(p.exit_signal, 0)")
enum { DONE_COLUMNS(STORE_COLUMN_ENUM) };

/* What env(1) became, in the order of the script. */
static const char done_sql[] = STORE_SELECT(
    DONE_COLUMNS) "FROM process p JOIN process v ON v.id = p.parent_id AND v.pid = p.pid "
                  "JOIN unit u ON u.recording_id = p.recording_id AND u.ordinal = "
                  "p.ordinal LEFT JOIN environment e ON e.id = u.environment_id WHERE "
                  "p.recording_id = ?1 AND v.exe GLOB '*/env' ORDER BY p.ordinal";

static bool has_argv(const struct single *x, sqlite3_stmt *q) {
    const char *bytes = sqlite3_column_blob(q, DONE_ARGV);
    const char *end = bytes + sqlite3_column_bytes(q, DONE_ARGV);
    char *const *want = x->start.argv + 1;
    bytes = bytes && bytes < end ? bytes + strlen(bytes) + 1 : end;
    for (; *want && bytes < end && strcmp(*want, bytes) == 0; want++)
        bytes += strlen(bytes) + 1;
    return !*want && bytes == end;
}

static bool has_variables(const struct single *x, sqlite3_stmt *q) {
    const char *bytes = sqlite3_column_blob(q, DONE_VARIABLES);
    size_t n = (size_t)sqlite3_column_bytes(q, DONE_VARIABLES);
    for (char **m = x->start.more; m && *m; m++)
        if (!bytes || !memmem(bytes, n, *m, strlen(*m) + 1))
            return false;
    return true;
}

/* One that passed with the others passes alone. */
static bool ends_well(const struct tests *t, const struct single *x, sqlite3_stmt *q) {
    const struct suite_unit *whole = &t->suite->units[x->unit];
    return sqlite3_column_int(q, DONE_SIGNAL) == 0 &&
           (whole->exit_code != 0 || sqlite3_column_int(q, DONE_CODE) == 0);
}

static int put_singles(struct tests *t, int64_t recording, uint32_t *n_good) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    uint32_t at = 0;
    int step = SQLITE_DONE, r = store_prepare(t->suite->store, done_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, recording);
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
        uint32_t found = at;
        while (found < t->n_singles &&
               !(has_argv(&t->singles[found], q) && has_variables(&t->singles[found], q)))
            found++;
        if (found == t->n_singles)
            continue;
        const struct single *x = &t->singles[found];
        at = found + 1;
        if (!ends_well(t, x, q))
            continue;
        ++*n_good;
        r = put_test(t, sqlite3_column_int64(q, DONE_UNIT), t->suite->units[x->unit].row,
                     suite_runner_name(x->runner), x->name, x->start.shown);
    }
    return r < 0 || step == SQLITE_DONE ? r
                                        : store_error(t->suite->store, "reading tests");
}

static int keep_singles(struct tests *t, int64_t recording) {
    uint32_t n_good = 0;
    AUTO_FREE char *mark =
        text_format(mark_sql, (long long)t->suite->recording, (long long)recording);
    int r = store_begin(t->suite->store);
    if (r == 0)
        r = store_exec(t->suite->store, mark);
    if (r == 0)
        r = put_singles(t, recording, &n_good);
    if (r == 0)
        r = store_commit(t->suite->store);
    if (r < 0)
        store_rollback(t->suite->store);
    if (r == 0)
        error_info("%u tests that %u program%s inside were run by themselves%s", n_good,
                   t->n_programs, t->n_programs == 1 ? " runs" : "s run",
                   n_good < t->n_singles
                       ? "; others do not pass so, and are left to their "
                         "program"
                       : "");
    return r;
}

static int run_singles(struct tests *t, const struct record_options *how) {
    AUTO_FREE char *script = NULL;
    int64_t id = 0;
    struct record_options split = *how;
    int status = 0, quiet = error_quiet();
    int r = write_script(t, &script);
    char *argv[] = {(char *)"/bin/sh", script, NULL};
    if (r == 0) {
        error_set_quiet(1);
        split.suite_id = t->suite->recording;
        r = record_run(&split, 2, argv, &id, &status);
        error_set_quiet(quiet);
    }
    if (script)
        unlink(script);
    if (r > 0 && interrupt_wanted())
        return 0;
    return r != 0 ? -EIO : keep_singles(t, id);
}

/* --- all of it --- */

static int load_units(struct tests *t) {
    struct suite *s = t->suite;
    int r = 0;
    t->units = text_alloc((s->n_units + 1) * sizeof *t->units);
    t->inputs = text_alloc((s->n_units + 1) * sizeof *t->inputs);
    for (uint32_t i = 0; r == 0 && i < s->n_units; i++) {
        r = s->units[i].row ? unit_load(s->store, s->units[i].row, &t->units[i]) : 0;
        r = r == -ENODATA ? 0 : r;
    }
    return r;
}

static void tests_deinit(struct tests *t) {
    for (uint32_t i = 0; t->units && i < t->suite->n_units; i++) {
        unit_deinit(&t->units[i]);
        if (t->inputs[i])
            unlink(t->inputs[i]);
        free(t->inputs[i]);
    }
    free(t->inputs);
    for (uint32_t i = 0; i < t->n_singles; i++) {
        free(t->singles[i].name);
        suite_start_deinit(&t->singles[i].start);
    }
    free(t->units);
    free(t->singles);
    sqlite3_finalize(t->put);
}

int suite_tests_record(const char *path, const struct record_options *how,
                       const struct suite_scope *scope, enum suite_split split) {
    static const char *const everything[] = {"*"};
    AUTO_STORE struct store *store = NULL;
    struct suite suite = {0};
    struct suite_scope all = *scope;
    if (!all.n_own) {
        all.own = everything;
        all.n_own = 1;
    }
    struct tests t = {.suite = &suite, .split = split};
    int r = store_new(path, STORE_WRITE, &store);
    if (r == 0)
        r = suite_load(store, &all, &suite);
    if (r == 0)
        r = load_units(&t);
    if (r == 0)
        r = name_programs(&t);
    if (r == 0 && split != SUITE_SPLIT_OFF)
        r = plan_singles(&t);
    if (r == 0 && t.n_singles && !interrupt_wanted())
        r = run_singles(&t, how);
    tests_deinit(&t);
    suite_load_deinit(&suite);
    return r;
}
