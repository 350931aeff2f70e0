/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth suite`: a project's tests instead of one program; suite_private.h names the parts.
 *
 *   record -- make check ─► units, targets ─► list
 *                              └─► replay: each target once, in the cheapest unit ─► summary, gate
 *   check -- make check: all of it
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backtrace.h"
#include "catalogue.h"
#include "commands.h"
#include "error.h"
#include "interrupt.h"
#include "project.h"
#include "record.h"
#include "shard.h"
#include "store_folder.h"
#include "store_scope.h"
#include "store_shards.h"
#include "suggest.h"
#include "suite_private.h"
#include "suite_tests.h"
#include "terminal.h"
#include "text.h"
#include "words.h"

#define UNIT_TIME_NS    30000000000u
#define FAIL_ON_CHOICES "none|look|policy|warning|silent|bug"
#define FAIL_ON_LIST    "none", "look", "policy", "warning", "silent", "bug"
#define SUITE_BLAME_HELP                                                                     \
    "findings count that went wrong in these modules, functions or source files; the rest, " \
    "as in the tests' own code, is shown apart (may be repeated)"
#define MAX_SHARDS 10000
#define HOW_SWEEP  3 /* index into the choices of --how */

/* --- record --- */

struct record_line {
    const char *output;
    struct circumstances_options units;
    struct cli_list wrappers, catalogues;
    int split;  /* enum suite_split */
    char *file; /* in the folder that `output` was */
};

#define SPLIT_CHOICES "auto|all|off"
#define SPLIT_HELP                                                                         \
    "programs that run many tests inside (GoogleTest, Catch2, libtest, Check, Criterion, " \
    "pytest): record each test once more by itself, or groups of them, as long as that "   \
    "takes about as long as the suite (auto), whatever it takes (all), or not"

/* What is kept of the environment, and of what was read, is said: it may be more than the user wants in a file. */
static void say_kept(const char *path, bool left_out) {
    AUTO_STORE struct store *store = NULL;
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_TEXT struct text names = {0};
    uint32_t n = 0;
    if (store_new(path, STORE_READ, &store) < 0 ||
        store_prepare(store,
                      "SELECT DISTINCT j.value FROM environment e, json_each(e.denied) j "
                      "ORDER BY 1",
                      &q) < 0)
        return;
    while (sqlite3_step(q) == SQLITE_ROW) {
        text_add(&names, n++ ? ", " : "");
        text_add_name(&names, store_column_text(q, 0));
    }
    int64_t n_inputs =
        store_int(store, "SELECT count(*) FROM unit WHERE length(stdin_data) > 0", 0);
    AUTO_FREE char *inputs =
        n_inputs
            ? text_format(", and what %lld of them had on standard input (--no-stdin)",
                          (long long)n_inputs)
            : NULL;
    error_info("%s holds the environment of each program of the suite, so that it can be "
               "run by itself%s; it is readable by you alone",
               path, inputs ? inputs : "");
    if (left_out && backtrace_has_rust(store))
        error_info(
            "RUST_BACKTRACE is not passed to the suite: programs would look up names for as "
            "long as an attempt takes, many times over; --env-allow RUST_BACKTRACE if it "
            "matters");
    if (n)
        error_info("left out, since their names look like those of secrets: %s; they are "
                   "taken from the environment of 'dearth suite replay'",
                   names.data);
}

static bool is_allowed(const struct cli_list *globs, const char *name) {
    for (size_t i = 0; i < globs->n; i++)
        if (text_glob(globs->items[i], name))
            return true;
    return false;
}

/* A folder: one of its own in there. */
static int choose_file(struct record_line *line) {
    if (!store_folder_is(line->output))
        return 0;
    int r = store_folder_new_file(line->output, &line->file);
    line->output = line->file ? line->file : line->output;
    return r;
}

static int record_suite(struct record_line *line, const struct suite_scope *scope, int n,
                        char **program) {
    struct record_options o = record_defaults();
    int64_t id = 0;
    int status = 0, r = choose_file(line);
    bool left_out =
        !is_allowed(&line->units.allow, "RUST_BACKTRACE") && backtrace_leave_out();
    o.output = line->output;
    o.units = &line->units;
    o.wrappers = line->wrappers;
    o.sites_only = true;
    o.catalogue = catalogue_new();
    for (size_t i = 0; r == 0 && i < line->catalogues.n; i++)
        r = catalogue_add_file(o.catalogue, line->catalogues.items[i]) < 0 ? -EINVAL : 0;
    interrupt_install();
    if (r == 0)
        r = record_run(&o, n, program, &id, &status);
    if (r == 0 && !interrupt_wanted() && !command_record_signal())
        r = suite_tests_record(line->output, &o, scope, (enum suite_split)line->split);
    catalogue_free(o.catalogue);
    if (r != 0)
        return r < 0 ? EXIT_RECORD_FAILED : r;
    say_kept(line->output, left_out);
    if (status)
        error_info(
            "the suite ended with status %d: what its programs did is recorded all "
            "the same",
            status);
    return EXIT_OK;
}

static void fill_record(const struct project *project, struct record_line *line) {
    project_fill(project, "env-allow", &line->units.allow);
    project_fill(project, "env-deny", &line->units.deny);
    project_fill(project, "catalogue", &line->catalogues);
}

static int command_suite_record(int argc, char **argv) {
    struct project project = {0};
    struct record_line line = {.output = STORE_DEFAULT_PATH};
    int n;
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &line.output, "FILE",
         "database to add the suite to, made if need be (default: dearth.db)"},
        {0, "env-allow", CLI_LIST, &line.units.allow, "GLOB",
         "keep the values of these environment variables, even if their names look like "
         "those of secrets (may be repeated)"},
        {0, "env-deny", CLI_LIST, &line.units.deny, "GLOB",
         "do not keep the values of these (may be repeated)"},
        {0, "no-stdin", CLI_FLAG, &line.units.no_input, NULL,
         "do not keep what files and pipes on the programs' standard input held: those that "
         "read from a pipe are not run by themselves"},
        {0, "wrapper", CLI_LIST, &line.wrappers, "GLOB",
         "functions that only pass allocations on, as xmalloc does (may be repeated)"},
        {0, "catalogue", CLI_LIST, &line.catalogues, "FILE",
         "what your functions are known for, beside the built-in catalogue: "
         "dearth-catalogue(5)"},
        {0, "split", CLI_CHOICE, &line.split, NULL, SPLIT_HELP, SPLIT_CHOICES},
        {0}};
    const struct cli_command command = {
        "suite record", "[OPTIONS] -- COMMAND [ARGUMENTS]",
        "Run a project's tests, and record every program that they start, with all that is "
        "needed to run it by itself.",
        "COMMAND is whatever runs the tests: make check, ctest, meson test, a script. Its "
        "programs' environment, arguments, folder, umask, limits and standard input are "
        "kept. Exit status: 0 when the suite was recorded, whatever its own status; 125 "
        "when dearth failed.",
        table};
    int r = cli_parse(&command, argc, argv, true, &n);
    int status = r == CLI_DONE ? EXIT_OK : EXIT_RECORD_FAILED;
    if (r == CLI_RUN && n == 0)
        error_print(-EINVAL, "suite record: what runs your tests? For example: dearth "
                             "suite record -- make check");
    else if (r == CLI_RUN && project_load(&project) == 0) {
        fill_record(&project, &line);
        const struct suite_scope all = {0};
        status = record_suite(&line, &all, n, argv + 1);
    }
    project_deinit(&project);
    cli_list_deinit(&line.units.allow);
    cli_list_deinit(&line.units.deny);
    cli_list_deinit(&line.wrappers);
    free(line.file);
    cli_list_deinit(&line.catalogues);
    return status;
}

/* --- list, replay, check --- */

static void options_deinit(struct suite_options *o) {
    cli_list_deinit(&o->own);
    cli_list_deinit(&o->not_own);
    cli_list_deinit(&o->gate.blame);
    cli_list_deinit(&o->gate.accepted);
    fault_options_deinit(&o->faults);
    cli_given_deinit(&o->given);
}

static int read_shard(struct suite_options *o) {
    return o->faults.shard ? shard_parse(o->faults.shard, &o->shard) : 0;
}

enum { NOTHING_TO_DO = 1 };

enum { NOTE_KIND, NOTE_TEXT, NOTE_SUBJECT };

/* A path may be as a program was started by: from the project, most likely. */
static bool is_own_path(const struct suite *s, const char *path) {
    size_t n = strlen(s->tree);
    return path[0] != '/' || (strncmp(path, s->tree, n) == 0 && path[n] == '/');
}

/* What is the project's and could not be recorded is not known to ask for nothing. Return: its note; free() it; NULL =
 * there is none. */
static char *find_unseen(const struct suite *s) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    if (store_prepare(s->store,
                      "SELECT kind, text, subject FROM note WHERE recording_id = ?1 AND "
                      "subject IS NOT NULL ORDER BY id",
                      &q) < 0)
        return NULL;
    sqlite3_bind_int64(q, 1, s->recording);
    while (sqlite3_step(q) == SQLITE_ROW)
        if (unseen_from_name(store_column_text(q, NOTE_KIND)) != UNSEEN_NOTHING &&
            is_own_path(s, store_column_text(q, NOTE_SUBJECT)))
            return text_dup(store_column_text(q, NOTE_TEXT));
    return NULL;
}

/* Tests that allocate by nothing of the project's are no mistake. A folder that was named, and names nothing, is one. */
static int check_tree(const struct suite_options *o, const struct suite *s) {
    AUTO_FREE char *unseen = find_unseen(s);
    if (unseen)
        return error_print(-ENODATA,
                           "no allocation of the suite has a source file or module below "
                           "%s, and not all that is there was seen: %s",
                           s->tree, unseen);
    if (!o->tree)
        return NOTHING_TO_DO;
    return error_print(
        -ENOENT,
        "no allocation of the suite has a source file or module below %s "
        "that is not a test's; name what is yours with --own GLOB (a module, "
        "a function, a source file), or another folder with --tree",
        s->tree);
}

/* A glob that names nothing is a mistake, not a suite without flaws. Return: 0, NOTHING_TO_DO, or a negative
 * errno after a message. */
static int check_scope(const struct suite_options *o, const struct suite *s) {
    int r = store_scope_check(s->store, "--own", o->own.items, o->own.n);
    if (r == 0)
        r = store_scope_check(s->store, "--not-own", o->not_own.items, o->not_own.n);
    if (r == 0)
        r = store_scope_check(s->store, "--in", o->faults.in.items, o->faults.in.n);
    if (r == 0)
        r = store_scope_check(s->store, "--blame", o->gate.blame.items, o->gate.blame.n);
    if (r < 0 || s->n_targets)
        return r;
    return o->own.n || o->faults.in.n ? NOTHING_TO_DO : check_tree(o, s);
}

static void say_nothing(const struct suite_options *o, const struct suite *s) {
    if (o->own.n || o->faults.in.n)
        error_tell("nothing to do: no allocation of the suite is in the scope of --own, "
                   "--not-own and --in");
    else
        error_tell(
            "nothing to do: no allocation of the suite has a source file or module "
            "below %s that is not a test's; if other code is yours, name it with "
            "--own GLOB, or its folder with --tree",
            s->tree);
}

static int open_suite(const struct suite_options *o, const char *path,
                      enum store_mode mode, struct store **store, struct suite *s) {
    struct suite_scope scope = suite_replay_scope(o);
    int r = store_new(path, mode, store);
    if (r == 0)
        r = suite_load(*store, &scope, s);
    return r < 0 ? r : check_scope(o, s);
}

static int list(const struct suite_options *o, const char *path) {
    AUTO_STORE struct store *store = NULL;
    struct suite s = {0};
    int r = open_suite(o, path, STORE_READ, &store, &s);
    if (r == NOTHING_TO_DO)
        say_nothing(o, &s);
    if (r == 0)
        r = suite_text_list(&s, o->json);
    suite_load_deinit(&s);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}

/* --- the report, and the gate --- */

static void add(struct cli_list *line, char *item) {
    line->items = text_grow(line->items, line->n, sizeof *line->items);
    line->items[line->n++] = item;
}

static void add_globs(struct cli_list *line, const char *option,
                      const struct cli_list *globs) {
    for (size_t i = 0; i < globs->n; i++)
        add(line, text_format("--%s=%s", option, globs->items[i]));
}

static void add_gate(struct cli_list *line, const struct suite_gate *g) {
    static const char *const severities[] = {FAIL_ON_LIST};
    add(line, text_dup("--gate"));
    if (g->fail_on >= 0)
        add(line, text_format("--fail-on=%s", severities[g->fail_on]));
    if (g->fail_on_runtime)
        add(line, text_dup("--fail-on-runtime"));
    if (g->baseline)
        add(line, text_format("--baseline=%s", g->baseline));
    if (g->min_coverage > 0)
        add(line, text_format("--min-coverage=%.9g", g->min_coverage));
}

/* What `dearth report` says of the same database, and whether it may pass. */
static int report(const struct suite_options *o, const char *path, bool gate) {
    struct cli_list line = {0};
    add(&line, text_dup("report"));
    add(&line, text_dup("--format=text"));
    add(&line, text_dup("--brief"));
    if (error_quiet())
        add(&line, text_dup("--output=/dev/null"));
    add_globs(&line, "in", &o->faults.in);
    add_globs(&line, "blame", &o->gate.blame);
    add_globs(&line, "accept-unseen", &o->gate.accepted);
    if (gate)
        add_gate(&line, &o->gate);
    add(&line, text_dup("--"));
    add(&line, text_dup(path));
    char **argv = text_alloc((line.n + 1) * sizeof *argv); /* whose items are moved */
    memcpy(argv, line.items, line.n * sizeof *argv);
    fflush(stdout);
    int status = command_report((int)line.n, argv);
    for (size_t i = 0; i < line.n; i++)
        free((void *)line.items[i]);
    cli_list_deinit(&line);
    free(argv);
    return status;
}

/* Return: an exit status; -NOTHING_TO_DO when it has been said that there is nothing. */
static int replay_targets(const struct suite_options *o, const char *path) {
    AUTO_STORE struct store *store = NULL;
    struct suite s = {0};
    struct suite_outcome out = {0};
    interrupt_install();
    int r = open_suite(o, path, STORE_WRITE, &store, &s);
    int status = r < 0 ? EXIT_CANNOT : -NOTHING_TO_DO;
    if (r == NOTHING_TO_DO)
        say_nothing(o, &s);
    if (r == 0)
        status = suite_replay_run(o, path, &s, &out);
    if (status == EXIT_OK && o->shard.n && out.done &&
        store_shards_put(store, s.recording, o->shard.i, o->shard.n) < 0)
        status = EXIT_CANNOT;
    if (status == EXIT_OK && o->confirm)
        status = suite_confirm_run(o, &s);
    const struct suite_scope scope = suite_replay_scope(o);
    if ((status == EXIT_OK || status == EXIT_INTERRUPTED) &&
        suite_text_summary(&s, &out, &scope) < 0)
        status = EXIT_CANNOT;
    suite_replay_deinit(&out, &s);
    suite_load_deinit(&s);
    return status;
}

static int replay(const struct suite_options *o, const char *path, bool gate) {
    int status = replay_targets(o, path);
    if (status == -NOTHING_TO_DO)
        return EXIT_OK;
    if (status == EXIT_CANNOT)
        return status;
    int judged = report(o, path, gate && status == EXIT_OK);
    if (status == EXIT_INTERRUPTED)
        error_tell("interrupted; the same command goes on where this one stopped");
    return status == EXIT_OK ? judged : status;
}

static int plan(const struct suite_options *o, const char *path) {
    AUTO_STORE struct store *store = NULL;
    struct suite s = {0};
    if (o->n_shards < 1 || o->n_shards > MAX_SHARDS) {
        error_print(-EINVAL,
                    "suite plan: how many shards? For example: dearth suite plan "
                    "--shards 4");
        return EXIT_CANNOT;
    }
    int r = open_suite(o, path, STORE_READ, &store, &s);
    if (r == NOTHING_TO_DO)
        say_nothing(o, &s);
    if (r == 0)
        r = suite_replay_plan(o, path, &s);
    suite_load_deinit(&s);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}

enum verb { LIST, PLAN, REPLAY, CHECK };

static const struct cli_command verbs[] = {
    [LIST] = {"suite list", "[OPTIONS] [FILE]",
              "List the programs of a recorded suite that reach the project's own code.",
              "With how many of its targets each reaches, how long it took, and why it "
              "cannot be run by itself, if so."},
    [PLAN] =
        {"suite plan", "--shards N [OPTIONS] [FILE]",
         "Divide a recorded suite among machines, so that each has as much to do.",
         "What each of N times 'dearth suite replay --shard I/N' would do, on a copy of "
         "FILE, with how long it may take. 'dearth merge' joins the copies, and names "
         "those that are missing."},
    [REPLAY] =
        {"suite replay", "[OPTIONS] [FILE]",
         "Fail each place of the project's own that asks for memory once, in the cheapest "
         "program of the suite that reaches it.",
         "FILE is dearth.db when it is not given. A program is run by itself only when, "
         "without a failure, it does there what it did in the suite: the same status, and "
         "99 of 100 of the project's own allocation sites; else the one that started it is "
         "used. What was failed before is not failed again: an interrupted replay goes on, "
         "and after a change only what is new is tried.\n\n"
         "Exit status: 0 done, whatever was found; 2 dearth could not do its job; 130 "
         "interrupted."},
    [CHECK] = {"suite check", "[OPTIONS] -- COMMAND [ARGUMENTS]",
               "Record a project's tests, fail each of its targets, and judge: for CI.",
               "Exit status: 0 the gate is passed, 1 it is not: there is a finding of "
               "severity bug or what --fail-on says, or fewer targets were failed than "
               "--min-coverage asks, 2 dearth could not do its job, 130 interrupted."},
};

static int check(struct suite_options *o, struct record_line *line, int n,
                 char **program) {
    line->catalogues = o->faults.catalogues; /* which stay its own */
    struct suite_scope scope = suite_replay_scope(o);
    int status = record_suite(line, &scope, n, program);
    if (status != EXIT_OK)
        return command_record_signal() ? EXIT_INTERRUPTED : EXIT_CANNOT;
    return replay(o, line->output, true);
}

static int validate(struct suite_options *o) {
    if (o->faults.drive || o->faults.health || o->faults.how == HOW_SWEEP)
        return error_print(-EINVAL,
                           "suite: a server is driven by 'dearth check --drive', "
                           "not in a suite");
    if (o->gate.baseline && command_report_baseline(o->gate.baseline) != EXIT_OK)
        return -EINVAL;
    if (!(o->gate.min_coverage >= 0 && o->gate.min_coverage <= 100))
        return error_print(-EINVAL, "suite: --min-coverage takes a percentage, 0 to 100");
    if (o->contexts < 0)
        return error_print(-EINVAL, "suite: --contexts takes a number, or 0 for all");
    return read_shard(o);
}

static int run_on(enum verb verb, const struct suite_options *o, const char *path) {
    AUTO_FREE char *file = NULL;
    interrupt_install();
    if (suite_gather(path, o, &file) < 0)
        return EXIT_CANNOT;
    return verb == LIST   ? list(o, file)
           : verb == PLAN ? plan(o, file)
                          : replay(o, file, false);
}

static int run_verb(enum verb verb, struct suite_options *o, struct record_line *line,
                    int n, char **argv) {
    if (validate(o) < 0)
        return EXIT_CANNOT;
    if (verb == CHECK && !n)
        error_print(-EINVAL,
                    "suite check: what runs your tests? For example: dearth suite "
                    "check -- make check");
    else if (verb == CHECK)
        return check(o, line, n, argv + 1);
    else if (n > 1)
        error_print(-EINVAL, "suite: at most one FILE");
    else
        return run_on(verb, o, n ? argv[1] : STORE_DEFAULT_PATH);
    return EXIT_CANNOT;
}

static void fill(const struct project *project, enum verb verb, struct suite_options *o,
                 struct record_line *line) {
    project_fill(project, "own", &o->own);
    project_fill(project, "not-own", &o->not_own);
    project_fill(project, "in", &o->faults.in);
    project_fill(project, "blame", &o->gate.blame);
    o->more_catalogues = !o->faults.catalogues.n;
    project_fill(project, "catalogue", &o->faults.catalogues);
    o->more_policies = !o->faults.policies.n;
    project_fill(project, "policy", &o->faults.policies);
    if (verb != CHECK)
        return;
    project_fill(project, "env-allow", &line->units.allow);
    project_fill(project, "env-deny", &line->units.deny);
}

static int command_suite_verb(enum verb verb, int argc, char **argv) {
    struct project project = {0};
    struct record_line line = {.output = STORE_DEFAULT_PATH};
    struct suite_options o = {.unit_time_ns = UNIT_TIME_NS,
                              .contexts = 1,
                              .faults.mode = -1,
                              .gate.fail_on = -1};
    int n, status = EXIT_CANNOT;
    const struct cli_option table[] = {
        {0, "own", CLI_LIST, &o.own, "GLOB",
         "what is the project's own: modules, functions or source files (may be repeated; "
         "default: what lies below its folder and is not a test's)"},
        {0, "not-own", CLI_LIST, &o.not_own, "GLOB", "what is not, of the same"},
        {0, "blame", CLI_LIST, &o.gate.blame, "GLOB", SUITE_BLAME_HELP},
        {0, "tree", CLI_TEXT, &o.tree, "DIR",
         "the project's folder (default: the one under version control around where the "
         "suite was recorded, else that one)"},
        {0, "unit-time", CLI_DURATION, &o.unit_time_ns, "TIME",
         "programs that took longer in the suite are not run by themselves (30 s)"},
        {0, "contexts", CLI_INT, &o.contexts, "N",
         "when each target was failed once, fail it for other callers, too, up to N in all "
         "with that one, as far as --time-budget goes; 0: for all (1)"},
        {0, "confirm-in-suite", CLI_FLAG, &o.confirm, NULL,
         "then run the whole suite once for each finding, with its failure, and say what it "
         "makes of it"},
        {0, "fresh", CLI_FLAG, &o.fresh, NULL, "do again what was done before"},
        {0, "json", CLI_FLAG, &o.json, NULL, "list, plan: JSON instead of a table"},
        {0, "shards", CLI_INT, &o.n_shards, "N", "plan: among how many"},
        {'o', "output", CLI_TEXT, &line.output, "FILE",
         "check: database to add the suite to (default: dearth.db)"},
        {0, "env-allow", CLI_LIST, &line.units.allow, "GLOB",
         "check: as 'dearth suite record' has it"},
        {0, "env-deny", CLI_LIST, &line.units.deny, "GLOB", "check: the same"},
        {0, "no-stdin", CLI_FLAG, &line.units.no_input, NULL, "check: the same"},
        {0, "split", CLI_CHOICE, &line.split, NULL, "check: the same", SPLIT_CHOICES},
        {0, "fail-on", CLI_CHOICE, &o.gate.fail_on, NULL,
         "check: the least severity that fails the gate (default: bug)", FAIL_ON_CHOICES},
        {0, "fail-on-runtime", CLI_FLAG, &o.gate.fail_on_runtime, NULL,
         "check: what went wrong inside the C library, the C++ runtime or the loader "
         "counts, too"},
        {0, "baseline", CLI_TEXT, &o.gate.baseline, "REPORT",
         "check: an earlier JSON report, whose findings are known"},
        {0, "min-coverage", CLI_REAL, &o.gate.min_coverage, "PERCENT",
         "check: fail the gate when fewer of the targets were failed"},
        {0, "accept-unseen", CLI_LIST, &o.gate.accepted, "GLOB",
         "check: as 'dearth report' has it"},
        TERMINAL_COLOR_OPTION,
#define FAULTS o.faults
#include "fault_options.def"
#undef FAULTS
        {0},
    };
    struct cli_command command = verbs[verb];
    command.options = table;
    command.given = &o.given;
    int r = cli_parse(&command, argc, argv, verb == CHECK, &n);
    if (r == CLI_DONE)
        status = EXIT_OK;
    else if (r == CLI_RUN && project_load(&project) == 0) {
        fill(&project, verb, &o, &line);
        status = run_verb(verb, &o, &line, n, argv);
    }
    options_deinit(&o);
    project_deinit(&project);
    cli_list_deinit(&line.units.allow);
    cli_list_deinit(&line.units.deny);
    free(line.file);
    return status;
}

static const char usage[] =
    "usage: dearth suite record [OPTIONS] -- COMMAND    run a project's tests and record "
    "them\n"
    "       dearth suite list [OPTIONS] [FILE]          which programs they started\n"
    "       dearth suite plan --shards N [FILE]         divide them among machines\n"
    "       dearth suite replay [OPTIONS] [FILE]        fail every place of the project's "
    "own\n"
    "       dearth suite check [OPTIONS] -- COMMAND     all of it, and judge: for CI\n"
    "\n'dearth suite VERB --help' says more. Start with:\n"
    "  dearth suite check -- make check\n";

/* All there is: the options of 'list' and 'replay' are among those of 'check'. */
static int help(void) {
    char *of_record[] = {(char *)"record", (char *)"--help", NULL};
    char *of_check[] = {(char *)"check", (char *)"--help", NULL};
    printf("%s\n", usage);
    command_suite_record(2, of_record);
    putchar('\n');
    return command_suite_verb(CHECK, 2, of_check);
}

static void say_unknown(const char *verb) {
    static const char *const known[] = {"record", "list", "plan", "replay", "check"};
    struct suggest s = {.word = verb, .n = strlen(verb)};
    char meant[SUGGEST_BYTES];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        suggest_offer(&s, known[i]);
    suggest_say(&s, meant, sizeof meant);
    error_print(0, "suite: there is no '%s'%s", verb, meant);
}

int command_suite(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "record") == 0)
        return command_suite_record(argc - 1, argv + 1);
    if (strcmp(verb, "list") == 0)
        return command_suite_verb(LIST, argc - 1, argv + 1);
    if (strcmp(verb, "plan") == 0)
        return command_suite_verb(PLAN, argc - 1, argv + 1);
    if (strcmp(verb, "replay") == 0)
        return command_suite_verb(REPLAY, argc - 1, argv + 1);
    if (strcmp(verb, "check") == 0)
        return command_suite_verb(CHECK, argc - 1, argv + 1);
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return help();
    fputs(usage, stderr);
    if (*verb)
        say_unknown(verb);
    return EXIT_CANNOT;
}
