/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth check`: record, replay, report and judge in one step. Made of the commands
 * themselves, by way of their command lines: what it does can be done by hand, in the
 * same words.
 *
 *   rehearsal (rehearsal.h): what files will be changed, as they are
 *   record -o DB -- PROGRAM ARGS ─► replay DB ─► report -o JSON, view -o HTML
 *                                                  └─► report --gate
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtrace.h"
#include "before_store.h"
#include "cli.h"
#include "clock.h"
#include "command_line.h"
#include "commands.h"
#include "error.h"
#include "fault_options.h"
#include "interrupt.h"
#include "output.h"
#include "project.h"
#include "record_row.h"
#include "rehearsal.h"
#include "report_data.h"
#include "report_scope.h"
#include "report_text.h"
#include "report_unseen.h"
#include "short_name.h"
#include "shown_output.h"
#include "store.h"
#include "store_folder.h"
#include "temporary.h"
#include "terminal.h"
#include "text.h"

#define HOW_SWEEP       3           /* index into the choices of --how */
#define DEFAULT_LOOP_NS 1000000000u /* of --loop-time */

struct check {
    const char *database, *report, *html, *baseline;
    struct cli_list wrappers, env, accepted, blame;
    struct project project;
    bool more_own, more_not_own, more_in, more_policies, more_catalogues; /* its file's */
    struct fault_options faults; /* `dearth replay` judges them */
    struct cli_given given;
    int fail_on; /* index of its choice; -1 = not given */
    int shown;   /* of --show-output */
    int sources; /* of --source */
    struct cli_list source_folders;
    bool fail_on_runtime, keep_private, in_place;
    struct before before; /* files as they were before the recording */
    char *after;          /* why attempts find them as it has left them, or NULL */
    double min_coverage;
    uint64_t drive_timeout_ns; /* while recording; 0 = as `dearth record` has it */
    char *const *program;
    uint64_t started_ns; /* CLOCK_MONOTONIC */
    int64_t recording;   /* ours: others may record into the same database */
    char *path;          /* of the database */
    bool fresh;
    struct temporary place; /* it lies there; or none */
    bool replaying;
    bool found; /* there is something in it that one may want to look at */
};

/* Run it and free it. */
static int run(struct command_line *line, int (*command)(int argc, char **argv)) {
    fflush(stdout);
    int status = command(line->argc, line->argv);
    command_line_deinit(line);
    return status;
}

/* --- record --- */

static bool is_sweep(const struct check *c) {
    return c->faults.drive || c->faults.health || c->faults.how == HOW_SWEEP;
}

/* What is recorded has to do what attempts do. */
static bool leave_backtrace_out(const struct check *c) {
    for (size_t i = 0; i < c->env.n; i++)
        if (backtrace_is_variable(c->env.items[i], strlen(c->env.items[i])))
            return false;
    return backtrace_leave_out();
}

static void say_left_out(const struct check *c) {
    AUTO_STORE struct store *store = NULL;
    if (c->recording && store_new(c->path, STORE_READ, &store) == 0 &&
        backtrace_has_rust(store))
        error_info(
            "RUST_BACKTRACE is not passed to the program: it would look up names for as "
            "long as an attempt takes, many times over; --env RUST_BACKTRACE if it "
            "matters");
}

/* A budget of time is of all that dearth may end: of what it waits for, a program that is driven as well.
 * @ns: as it was said, 0 = @otherwise */
static uint64_t within_budget(const struct check *c, uint64_t ns, uint64_t otherwise) {
    uint64_t budget = c->faults.time_budget_ns, limit = ns ? ns : otherwise;
    return budget && budget < limit ? budget : limit;
}

static int record(struct check *c) {
    const struct driven_options usual = record_defaults().driven;
    struct command_line line = {0};
    command_line_add(&line, text_dup("record"));
    command_line_add(&line, text_format("--output=%s", c->path));
    command_line_add_list(&line, "wrapper", &c->wrappers);
    command_line_add_list(&line, "catalogue", &c->faults.catalogues);
    command_line_add_list(&line, "env", &c->env);
    if (c->faults.drive)
        command_line_add(&line, text_format("--drive=%s", c->faults.drive));
    if (c->faults.health)
        command_line_add(&line, text_format("--health=%s", c->faults.health));
    command_line_add_time(
        &line, "ready-timeout",
        within_budget(c, c->faults.ready_timeout_ns, usual.ready_timeout_ns));
    command_line_add_time(&line, "drive-timeout",
                          within_budget(c, c->drive_timeout_ns, usual.drive_timeout_ns));
    if (is_sweep(c) && !c->faults.drive)
        command_line_add_time(
            &line, "stop-after",
            2 * (c->faults.loop_ns ? c->faults.loop_ns : DEFAULT_LOOP_NS));
    command_line_add(&line, text_dup("--"));
    for (char *const *a = c->program; *a; a++)
        command_line_add(&line, text_dup(*a));
    struct shown_output *shown;
    if (shown_output_new((enum shown_choice)c->shown, &shown) < 0) {
        command_line_deinit(&line);
        return EXIT_CANNOT;
    }
    int status = run(&line, command_record);
    if (shown)
        shown_output_end(shown);
    shown_output_free(shown);
    bool told = command_record_signal() || interrupt_wanted();
    c->recording = command_record_id();
    /* The status is the program's own unless dearth failed. */
    if (!c->recording)
        return told ? EXIT_INTERRUPTED : EXIT_CANNOT;
    if (!told && is_sweep(c) &&
        status == EXIT_RECORD_FAILED) /* never ready: it has said so */
        return EXIT_CANNOT;
    if (status != EXIT_INTERRUPTED && !told)
        return EXIT_OK;
    error_print(
        -EINTR, "interrupted while recording; nothing was replayed: start again%s",
        c->place.folder ? "" : ", or 'dearth replay' tests what was recorded until then");
    return EXIT_INTERRUPTED;
}

/* --- before and after it --- */

/* What attempts do not share with the user's processes. */
static struct namespaces apart(const struct check *c) {
    struct namespaces out = {.pids = true, .ipc = true};
    for (size_t i = 0; i < c->faults.share.n; i++) {
        out.pids &= strcmp(c->faults.share.items[i], "signals") != 0;
        out.ipc &= strcmp(c->faults.share.items[i], "ipc") != 0;
    }
    return out;
}

static uint64_t rehearsal_limit(const struct check *c) {
    uint64_t limit = c->faults.time_limit_ns, budget = c->faults.time_budget_ns;
    return budget && (!limit || budget < limit) ? budget : limit;
}

/* A server is not: it does not end, and its start is done for each fault anyway. */
static int rehearse(struct check *c) {
    const struct rehearsal rehearsal = {.argv = c->program,
                                        .isolation = (enum isolation)c->faults.isolation,
                                        .apart = apart(c),
                                        .limit_ns = rehearsal_limit(c)};
    if (c->in_place || is_sweep(c) || rehearsal.isolation == ISOLATION_SHARED)
        return EXIT_OK;
    return rehearsal_run(&rehearsal, &c->before, &c->after);
}

static void note_after(const struct check *c, struct store *store) {
    AUTO_FREE char *text =
        text_format("attempts find files as the recording has left them: %s", c->after);
    const struct record_notes notes = {store, c->recording};
    error_warn("%s", text);
    record_note(&notes, "files_after", NULL, "%s", text);
}

static int keep_before(struct check *c) {
    AUTO_STORE struct store *store = NULL;
    if (!c->before.n && !c->after)
        return EXIT_OK;
    if (store_new(c->path, STORE_WRITE, &store) < 0 ||
        before_store(store, c->recording, &c->before) < 0)
        return EXIT_CANNOT;
    if (c->after)
        note_after(c, store);
    return EXIT_OK;
}

/* --- replay, report --- */

/* What the user said of faults, in the same words. */
static void add_faults(struct command_line *line, const struct check *c) {
    for (size_t i = 0; i < c->given.n; i++) {
        const char *out = c->given.items[i].option->out;
        if (out >= (const char *)&c->faults && out < (const char *)(&c->faults + 1))
            command_line_add(line, cli_given_text(&c->given.items[i]));
    }
}

/* What of it the project's file has said. */
static void add_project(struct command_line *line, const struct check *c) {
    const struct fault_options *f = &c->faults;
    if (c->more_own)
        command_line_add_list(line, "own", &f->own);
    if (c->more_not_own)
        command_line_add_list(line, "not-own", &f->not_own);
    if (c->more_in)
        command_line_add_list(line, "in", &f->in);
    if (c->more_policies)
        command_line_add_list(line, "policy", &f->policies);
    if (c->more_catalogues)
        command_line_add_list(line, "catalogue", &f->catalogues);
}

/* The budget is of the whole check: what the recorded run took of it is gone. */
static void add_budget(struct command_line *line, const struct check *c) {
    uint64_t budget = c->faults.time_budget_ns, spent = clock_mono_ns() - c->started_ns;
    if (budget && c->recording)
        command_line_add_time(line, "time-budget", spent < budget ? budget - spent : 1);
}

static int replay_by(const struct check *c, int (*command)(int argc, char **argv)) {
    struct command_line line = {0};
    command_line_add(&line, text_dup("replay"));
    command_line_add(&line, text_dup("--no-summary")); /* the report says it */
    if (c->recording)
        command_line_add(&line, text_format("--recording=%lld", (long long)c->recording));
    command_line_add(&line, text_dup(c->fresh ? "--retest" : "--reuse"));
    add_faults(&line, c);
    add_project(&line, c);
    add_budget(&line, c);
    command_line_add(&line, text_dup("--"));
    const char *database = c->path ? c->path : c->database;
    command_line_add(&line, text_dup(database ? database : ""));
    return run(&line, command);
}

static int replay(struct check *c) {
    c->replaying = true;
    return replay_by(c, command_replay);
}

static void add_scope(struct command_line *line, const struct check *c) {
    command_line_add_list(line, "own", &c->faults.own);
    command_line_add_list(line, "not-own", &c->faults.not_own);
    command_line_add_list(line, "in", &c->faults.in);
    command_line_add_list(line, "blame", &c->blame);
}

static int write_file(struct check *c, const char *command, const char *output,
                      int (*function)(int argc, char **argv)) {
    struct command_line line = {0};
    if (!output)
        return EXIT_OK;
    command_line_add(&line, text_dup(command));
    command_line_add(&line, text_format("--output=%s", output));
    if (function == command_report)
        command_line_add(&line, text_dup("--format=json")); /* whoever reads it */
    command_line_add(&line, text_format("--like=%lld", (long long)c->recording));
    command_line_add_list(&line, "accept-unseen", &c->accepted);
    if (function == command_report)
        add_scope(&line, c);
    if (c->keep_private)
        command_line_add(&line, text_dup("--private"));
    command_line_add(&line, text_dup("--"));
    command_line_add(&line, text_dup(c->path));
    return run(&line, function);
}

static int judge(struct check *c) {
    static const char *const severities[] = {"none",    "look",   "policy",
                                             "warning", "silent", "bug"};
    static const char *const sources[] = {"auto", "always", "never"};
    struct command_line line = {0};
    command_line_add(&line, text_dup("report"));
    command_line_add(&line, text_dup("--gate"));
    command_line_add(&line, text_dup("--format=text"));
    command_line_add(&line, text_dup("--brief"));
    command_line_add(&line, text_format("--like=%lld", (long long)c->recording));
    command_line_add(&line, text_format("--source=%s", sources[c->sources]));
    command_line_add_list(&line, "source-dir", &c->source_folders);
    if (error_quiet())
        command_line_add(&line, text_dup("--output=/dev/null"));
    if (c->fail_on >= 0)
        command_line_add(&line, text_format("--fail-on=%s", severities[c->fail_on]));
    if (c->fail_on_runtime)
        command_line_add(&line, text_dup("--fail-on-runtime"));
    if (c->baseline)
        command_line_add(&line, text_format("--baseline=%s", c->baseline));
    command_line_add_list(&line, "accept-unseen", &c->accepted);
    add_scope(&line, c);
    if (c->min_coverage > 0)
        command_line_add(&line, text_format("--min-coverage=%.9g", c->min_coverage));
    command_line_add(&line, text_dup("--"));
    command_line_add(&line, text_dup(c->path));
    return run(&line, command_report);
}

/* A glob that names nothing is a mistake; that nothing is in the scope is none. Return: 0, 1 = nothing is, -1 after a
 * message. */
static int look_at_scope(const struct check *c) {
    AUTO_STORE struct store *store = NULL;
    AUTO_REPORT struct report_data *data = NULL;
    const struct report_choice choice = {.recording = c->recording,
                                         .alike = true,
                                         .own = &c->faults.own,
                                         .not_own = &c->faults.not_own,
                                         .in = &c->faults.in,
                                         .blame = &c->blame};
    if (!c->faults.own.n && !c->faults.in.n && !c->blame.n)
        return 0;
    if (store_new(c->path, STORE_READ, &store) < 0 ||
        report_data_new(store, &choice, &data) < 0)
        return -1;
    report_unseen_accept(data, &c->accepted);
    if (!data->narrowed || data->site_tally.testable || data->site_tally.millionths < 0)
        return 0;
    error_tell("nothing to do: nothing that --own and --in name can be made to fail");
    return 1;
}

/* --- the database --- */

static int choose_path(struct check *c) {
    if (c->database && store_folder_is(c->database))
        return store_folder_new_file(c->database, &c->path);
    if (c->database) {
        c->path = text_dup(c->database);
        return 0;
    }
    int r = temporary_new("dearth-check", &c->place);
    if (r == 0)
        c->path = text_dup(c->place.path);
    return r;
}

/* Is there anything that the printed commands could be used for? */
static void look(struct check *c) {
    AUTO_STORE struct store *store = NULL;
    AUTO_REPORT struct report_data *data = NULL;
    const struct report_choice choice = {.recording = c->recording, .alike = true};
    if (store_new(c->path, STORE_READ, &store) == 0 &&
        report_data_new(store, &choice, &data) == 0)
        c->found =
            data->n_findings || data->site_tally.testable > data->site_tally.tested;
}

/* A temporary database is kept when there is something to look at or to go on with. */
static void finish(struct check *c, int status) {
    if (!c->place.folder)
        return;
    if (c->replaying && status == EXIT_INTERRUPTED)
        return; /* kept: the replay has said how to go on */
    if (status == EXIT_GATE_FAILED || (status == EXIT_OK && c->found && !error_quiet()))
        error_tell("the database is kept: %s (-o names another place)", c->path);
    else
        temporary_remove(&c->place);
}

/* --- the command --- */

static int steps(struct check *c) {
    bool left_out = leave_backtrace_out(c);
    int status = rehearse(c);
    if (status == EXIT_OK)
        status = record(c);
    if (left_out)
        say_left_out(c);
    if (c->recording && keep_before(c) != EXIT_OK && status == EXIT_OK)
        status = EXIT_CANNOT;
    int scope = status == EXIT_OK ? look_at_scope(c) : 0;
    if (scope < 0)
        status = EXIT_CANNOT;
    if (status == EXIT_OK && scope == 0)
        status = replay(c);
    if (status == EXIT_OK)
        status = write_file(c, "report", c->report, command_report);
    if (status == EXIT_OK)
        status = write_file(c, "view", c->html, command_view);
    if (status != EXIT_OK)
        return status;
    if (scope > 0)
        return EXIT_OK;
    if (interrupt_wanted()) /* after the replay: everything is stored */
        return EXIT_INTERRUPTED;
    look(c);
    return judge(c);
}

static int validate(const struct check *c, int n_operands) {
    if (!n_operands)
        return error_print(-EINVAL,
                           "check: which program? For example: dearth check -- jq . "
                           "file.json");
    if (c->baseline && command_report_baseline(c->baseline) != EXIT_OK)
        return -EINVAL;
    if (!(c->min_coverage >= 0 && c->min_coverage <= 100))
        return error_print(-EINVAL, "check: --min-coverage takes a percentage, 0 to 100");
    if (output_check(c->report) < 0 || output_check(c->html) < 0 ||
        replay_by(c, command_replay_options) != EXIT_OK)
        return -EINVAL;
    return 0;
}

static int fill(struct check *c) {
    struct fault_options *f = &c->faults;
    int r = project_load(&c->project);
    c->more_own = !f->own.n;
    project_fill(&c->project, "own", &f->own);
    c->more_not_own = !f->not_own.n;
    project_fill(&c->project, "not-own", &f->not_own);
    c->more_in = !f->in.n;
    project_fill(&c->project, "in", &f->in);
    c->more_policies = !f->policies.n;
    project_fill(&c->project, "policy", &f->policies);
    c->more_catalogues = !f->catalogues.n;
    project_fill(&c->project, "catalogue", &f->catalogues);
    project_fill(&c->project, "blame", &c->blame);
    return r;
}

int command_check(int argc, char **argv) {
    struct check c = {.fail_on = -1, .started_ns = clock_mono_ns()};
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &c.database, "FILE|DIR/",
         "keep everything in this database, or in a new one in the folder DIR/, for many "
         "checks at once; default: a temporary one, kept when there is something to look "
         "at"},
        {0, "report", CLI_TEXT, &c.report, "FILE", "write the report there (JSON)"},
        {0, "html", CLI_TEXT, &c.html, "FILE", "write the page there"},
        {0, "private", CLI_FLAG, &c.keep_private, NULL, OUTPUT_PRIVATE_HELP},
        SHORT_NAME_OPTION,
        TERMINAL_COLOR_OPTION,
        {0, "show-output", CLI_CHOICE, &c.shown, NULL, SHOWN_HELP, SHOWN_CHOICES},
        {0, "source", CLI_CHOICE, &c.sources, NULL,
         "show lines of the program's sources in findings: on a terminal (auto, the "
         "default), always, or never",
         "auto|always|never"},
        {0, "source-dir", CLI_LIST, &c.source_folders, "DIR", REPORT_SOURCE_DIR_HELP},
        {0, "fail-on", CLI_CHOICE, &c.fail_on, NULL,
         "the least severity that fails the gate (default: bug); silent: a bug, or a "
         "wrong answer with status 0 and no word on stderr",
         "none|look|policy|warning|silent|bug"},
        {0, "fail-on-runtime", CLI_FLAG, &c.fail_on_runtime, NULL,
         "let findings count that went wrong inside the C library, the C++ runtime or "
         "the loader: no change of the program mends those"},
        {0, "baseline", CLI_TEXT, &c.baseline, "REPORT",
         "an earlier JSON report: its findings are known, only new ones fail the gate"},
        {0, "min-coverage", CLI_REAL, &c.min_coverage, "PERCENT",
         "fail the gate when fewer of the testable sites are tested"},
        {0, "accept-unseen", CLI_LIST, &c.accepted, "GLOB", REPORT_ACCEPT_HELP},
        {0, "drive-timeout", CLI_DURATION, &c.drive_timeout_ns, "TIME",
         "how long --drive may take while the program is recorded; then it and what it "
         "started are killed (10 min)"},
        {0, "wrapper", CLI_LIST, &c.wrappers, "GLOB",
         "functions that only wrap an allocator: the location is their caller"},
        {0, "in-place", CLI_FLAG, &c.in_place, NULL,
         "do not run the program in a private tree first, and let attempts find files as "
         "the recording has left them: what it makes once is not made again, and the "
         "database holds no contents of files"},
        {0, "fresh", CLI_FLAG, &c.fresh, NULL,
         "with -o: try all, also what an earlier check of the same program, arguments, "
         "environment and builds has tried"},
        {0, "env", CLI_LIST, &c.env, "NAME",
         "store the value of this environment variable for replays from elsewhere"},
        {0, "blame", CLI_LIST, &c.blame, "GLOB", REPORT_BLAME_HELP},
        {0, "own", CLI_LIST, &c.faults.own, "GLOB", OWN_HELP},
        {0, "not-own", CLI_LIST, &c.faults.not_own, "GLOB", NOT_OWN_HELP},
        {0, "quick", CLI_FLAG, &c.faults.quick, NULL, QUICK_HELP},
#define FAULTS c.faults
#include "fault_options.def"
#undef FAULTS
        {0},
    };
    const struct cli_command command = {
        "check",
        "[options] -- PROGRAM [ARGUMENTS]",
        "Record, replay, report and judge in one step: for CI.",
        "The program's output is passed on while it is recorded (its beginning on a "
        "terminal, nothing with -q); a summary follows on stdout, the gate's verdict on stderr. Exit status: 0 "
        "the gate is passed, 1 it is not, 2 dearth could not do its job (or the program "
        "ends otherwise in the replay than when it was recorded, or allocates past dearth), "
        "130 interrupted.",
        table,
        &c.given};
    int n_operands, status = EXIT_CANNOT;
    int r = cli_parse(&command, argc, argv, true, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    c.program = argv + 1;
    interrupt_install(); /* a temporary database is never left behind unsaid */
    if (r == CLI_RUN && fill(&c) == 0 && validate(&c, n_operands) == 0 &&
        choose_path(&c) == 0) {
        status = steps(&c);
        finish(&c, status);
    }
    free(c.path);
    temporary_deinit(&c.place);
    free(c.after);
    before_deinit(&c.before);
    cli_list_deinit(&c.wrappers);
    cli_list_deinit(&c.env);
    cli_list_deinit(&c.source_folders);
    cli_list_deinit(&c.accepted);
    cli_list_deinit(&c.blame);
    project_deinit(&c.project);
    fault_options_deinit(&c.faults);
    cli_given_deinit(&c.given);
    return status;
}
