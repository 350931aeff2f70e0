/*
 * `dearth check`: record, replay, report and judge in one step. Made of the commands
 * themselves, by way of their command lines: what it does can be done by hand, in the
 * same words.
 *
 *   record -o DB -- PROGRAM ARGS ─► replay DB ─► report -o JSON, view -o HTML ─► report
 * --gate
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "error.h"
#include "report_data.h"
#include "store.h"
#include "text.h"

#define STATUS_INTERRUPTED 130 /* as a shell says it for SIGINT */

#define HOW_SWEEP       3           /* index into the choices of --how */
#define DEFAULT_LOOP_NS 1000000000u /* of --loop-time */

struct check {
    const char *database, *report, *html, *baseline, *output_check, *drive, *health;
    const char *occurrence, *nth, *from_symbol, *until_symbol, *shard;
    const char *changed_since, *repository;
    struct cli_list in, not_in, wrappers, policies, env;
    /* index of their choices; -1 = not given */
    int fail_on, mode, how, leaks, guard, under, thread, isolation;
    int64_t jobs, limit, burst, depth, repeat;
    const char *seed;
    double probability;
    int64_t runs, interval, times;
    uint64_t space;
    uint64_t min_size;
    uint64_t timeout_ns, budget_ns, ready_timeout_ns, loop_ns;
    bool fail_on_runtime;
    double min_coverage;
    char *const *program;
    char *path, *folder; /* of the database; folder: the temporary one, or NULL */
    bool replaying;
    bool found; /* there is something in it that one may want to look at */
};

/* --- command lines
 * --------------------------------------------------------------------------- */

/* Grows; items are owned. */
struct line {
    char **argv;
    int argc;
};

static void add(struct line *line, char *item) {
    line->argv = text_realloc(line->argv, ((size_t)line->argc + 2) * sizeof(char *));
    line->argv[line->argc++] = item;
    line->argv[line->argc] = NULL;
}

static void add_list(struct line *line, const char *option, const struct cli_list *list) {
    for (size_t i = 0; i < list->n; i++)
        add(line, text_format("--%s=%s", option, list->items[i]));
}

static void add_text(struct line *line, const char *option, const char *value) {
    if (value)
        add(line, text_format("--%s=%s", option, value));
}

static void add_choice(struct line *line, const char *option, const char *const *names,
                       int chosen) {
    add_text(line, option, chosen >= 0 ? names[chosen] : NULL);
}

static void add_int(struct line *line, const char *option, int64_t value) {
    if (value)
        add(line, text_format("--%s=%lld", option, (long long)value));
}

static void add_time(struct line *line, const char *option, uint64_t ns) {
    if (ns)
        add(line, text_format("--%s=%llu.%09llus", option,
                              (unsigned long long)(ns / 1000000000),
                              (unsigned long long)(ns % 1000000000)));
}

/* Run it and free it. Commands move argv's items about, so the items are freed from a
 * copy. */
static int run(struct line *line, int (*command)(int argc, char **argv)) {
    size_t n = (size_t)line->argc;
    char **items = text_alloc((n + 1) * sizeof *items);
    memcpy(items, line->argv, n * sizeof *items);
    fflush(stdout);
    int status = command(line->argc, line->argv);
    for (size_t i = 0; i < n; i++)
        free(items[i]);
    free(items);
    free(line->argv);
    *line = (struct line){0};
    return status;
}

/* --- record
 * ---------------------------------------------------------------------------------- */

/* Newest recording, 0 when there is none or no database; nothing is printed. */
static int64_t newest_recording(const char *path) {
    struct store *store = NULL;
    if (access(path, F_OK) != 0 || store_new(path, STORE_READ, &store) < 0)
        return 0;
    int64_t id = store_int(store, "SELECT max(id) FROM recording", 0);
    store_free(store);
    return id;
}

/* With -q the program's standard output is not passed on. Return: what stood there, or
 * -1. */
static int silence(void) {
    if (!error_quiet())
        return -1;
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    if (saved >= 0 && !freopen("/dev/null", "w", stdout))
        error_print_errno(-errno, "/dev/null: cannot open");
    return saved;
}

static void unsilence(int saved) {
    if (saved < 0)
        return;
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

static bool is_sweep(const struct check *c) {
    return c->drive || c->health || c->how == HOW_SWEEP;
}

/* The same words for recording and replaying a program that does not end by itself. */
static void add_server(struct line *line, const struct check *c) {
    if (c->drive)
        add(line, text_format("--drive=%s", c->drive));
    if (c->health)
        add(line, text_format("--health=%s", c->health));
    add_time(line, "ready-timeout", c->ready_timeout_ns);
}

static int record(struct check *c) {
    struct line line = {0};
    int64_t before = newest_recording(c->path);
    add(&line, text_dup("record"));
    add(&line, text_format("--output=%s", c->path));
    add_list(&line, "wrapper", &c->wrappers);
    add_list(&line, "env", &c->env);
    add_server(&line, c);
    if (is_sweep(c) && !c->drive)
        add_time(&line, "stop-after", 2 * (c->loop_ns ? c->loop_ns : DEFAULT_LOOP_NS));
    add(&line, text_dup("--"));
    for (char *const *a = c->program; *a; a++)
        add(&line, text_dup(*a));
    int saved = silence();
    int status = run(&line, command_record);
    unsilence(saved);
    /* The status is the program's own unless dearth failed: only the database tells. */
    if (newest_recording(c->path) <= before)
        return EXIT_CANNOT;
    if (is_sweep(c) && status == EXIT_RECORD_FAILED) /* never ready: it has said so */
        return EXIT_CANNOT;
    if (status != STATUS_INTERRUPTED)
        return EXIT_OK;
    error_print(
        -EINTR, "interrupted while recording; nothing was replayed: start again%s",
        c->folder ? "" : ", or 'dearth replay' tests what was recorded until then");
    return STATUS_INTERRUPTED;
}

/* --- replay, report
 * ---------------------------------------------------------------------------- */

/* Which faults are tried. */
static void add_choice_of_faults(struct line *line, const struct check *c) {
    static const char *const modes[] = {"once", "sticky", "both"};
    static const char *const threads[] = {"any", "main", "other"};
    add_list(line, "in", &c->in);
    add_list(line, "not-in", &c->not_in);
    add_text(line, "changed-since", c->changed_since);
    add_text(line, "repository", c->repository);
    add_text(line, "from-symbol", c->from_symbol);
    add_text(line, "until-symbol", c->until_symbol);
    add_choice(line, "thread", threads, c->thread);
    add_text(line, "occurrence", c->occurrence);
    add_text(line, "nth", c->nth);
    add_choice(line, "mode", modes, c->mode);
    if (c->probability)
        add(line, text_format("--probability=%.17g", c->probability));
    add_text(line, "seed", c->seed);
    add_int(line, "runs", c->runs);
    add_int(line, "interval", c->interval);
    add_int(line, "times", c->times);
    add_int(line, "space", (int64_t)c->space);
    add_int(line, "burst", c->burst);
    add_int(line, "depth", c->depth);
    add_int(line, "limit", c->limit);
    add_int(line, "min-size", (int64_t)c->min_size);
    add_text(line, "shard", c->shard);
}

/* How they are tried. */
static void add_conditions(struct line *line, const struct check *c) {
    static const char *const hows[] = {"auto", "rerun", "snapshot", "sweep"};
    static const char *const leaks[] = {"location", "site", "off"};
    static const char *const guards[] = {"auto", "all", "off"};
    static const char *const unders[] = {"plain", "valgrind"};
    static const char *const isolations[] = {"auto", "overlay", "copy", "shared"};
    add_list(line, "policy", &c->policies);
    add_choice(line, "how", hows, c->how);
    add_choice(line, "leaks", leaks, c->leaks);
    add_choice(line, "guard", guards, c->guard);
    add_choice(line, "under", unders, c->under);
    add_choice(line, "isolation", isolations, c->isolation);
    add_text(line, "output-check", c->output_check);
    if (c->repeat >= 0)
        add(line, text_format("--repeat=%lld", (long long)c->repeat));
    add_int(line, "jobs", c->jobs);
    add_time(line, "timeout", c->timeout_ns);
    add_time(line, "time-budget", c->budget_ns);
}

static int replay_by(const struct check *c, int (*command)(int argc, char **argv)) {
    struct line line = {0};
    add(&line, text_dup("replay"));
    add(&line, text_dup("--no-summary")); /* the report says it */
    add_choice_of_faults(&line, c);
    add_conditions(&line, c);
    add_server(&line, c);
    add_time(&line, "loop-time", c->loop_ns);
    add(&line, text_dup("--"));
    add(&line, text_dup(c->path ? c->path : ""));
    return run(&line, command);
}

static int replay(struct check *c) {
    c->replaying = true;
    return replay_by(c, command_replay);
}

static int write_file(struct check *c, const char *command, const char *output,
                      int (*function)(int argc, char **argv)) {
    struct line line = {0};
    if (!output)
        return EXIT_OK;
    add(&line, text_dup(command));
    add(&line, text_format("--output=%s", output));
    add(&line, text_dup("--"));
    add(&line, text_dup(c->path));
    return run(&line, function);
}

static int judge(struct check *c) {
    static const char *const severities[] = {"none",    "look",   "policy",
                                             "warning", "silent", "bug"};
    struct line line = {0};
    add(&line, text_dup("report"));
    add(&line, text_dup("--gate"));
    add(&line, text_dup("--format=text"));
    add(&line, text_dup("--brief"));
    if (error_quiet())
        add(&line, text_dup("--output=/dev/null"));
    if (c->fail_on >= 0)
        add(&line, text_format("--fail-on=%s", severities[c->fail_on]));
    if (c->fail_on_runtime)
        add(&line, text_dup("--fail-on-runtime"));
    if (c->baseline)
        add(&line, text_format("--baseline=%s", c->baseline));
    if (c->min_coverage > 0)
        add(&line, text_format("--min-coverage=%.9g", c->min_coverage));
    add(&line, text_dup("--"));
    add(&line, text_dup(c->path));
    return run(&line, command_report);
}

/* --- the database
 * ------------------------------------------------------------------------------ */

static int choose_path(struct check *c) {
    if (c->database) {
        c->path = text_dup(c->database);
        return 0;
    }
    const char *where = getenv("TMPDIR");
    c->folder = text_format("%s/dearth-check.XXXXXX", where && *where ? where : "/tmp");
    if (!mkdtemp(c->folder)) {
        int r =
            error_print_errno(-errno,
                              "%s: cannot make a folder for the database; name a file "
                              "with -o",
                              c->folder);
        free(c->folder);
        c->folder = NULL;
        return r;
    }
    c->path = text_format("%s/dearth.db", c->folder);
    return 0;
}

/* Is there anything that the printed commands could be used for? */
static void look(struct check *c) {
    AUTO_STORE struct store *store = NULL;
    AUTO_REPORT struct report_data *data = NULL;
    if (store_new(c->path, STORE_READ, &store) == 0 &&
        report_data_new(store, 0, &data) == 0)
        c->found =
            data->n_findings || data->site_tally.testable > data->site_tally.tested;
}

static void remove_database(const struct check *c) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        AUTO_FREE char *file = text_format("%s%s", c->path, endings[i]);
        unlink(file);
    }
    rmdir(c->folder);
}

/* A temporary database is kept when there is something to look at or to go on with. */
static void finish(const struct check *c, int status) {
    if (!c->folder)
        return;
    if (c->replaying && status == STATUS_INTERRUPTED)
        return; /* kept: the replay has said how to go on */
    if (status == EXIT_GATE_FAILED || (status == EXIT_OK && c->found && !error_quiet()))
        fprintf(stderr, "dearth: the database is kept: %s (-o names another place)\n",
                c->path);
    else
        remove_database(c);
}

/* --- the command
 * ------------------------------------------------------------------------------- */

static int steps(struct check *c) {
    int status = record(c);
    if (status == EXIT_OK)
        status = replay(c);
    if (status == EXIT_OK)
        status = write_file(c, "report", c->report, command_report);
    if (status == EXIT_OK)
        status = write_file(c, "view", c->html, command_view);
    if (status != EXIT_OK)
        return status;
    look(c);
    return judge(c);
}

/* Can a file be written there? Said before hours of work, not after them. */
static int check_output(const char *path) {
    if (!path || access(path, W_OK) == 0)
        return 0;
    if (errno != ENOENT)
        return error_print_errno(-errno, "%s: cannot write", path);
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *folder =
        slash ? text_format("%.*s", (int)(slash - path) + 1, path) : text_dup(".");
    if (access(folder, W_OK | X_OK) == 0)
        return 0;
    return error_print_errno(-errno, "%s: cannot write", path);
}

static int validate(const struct check *c, int n_operands) {
    if (!n_operands)
        return error_print(-EINVAL,
                           "check: which program? For example: dearth check -- jq . "
                           "file.json");
    if (c->drive && !c->health)
        return error_print(
            -EINVAL, "check: --drive needs --health, a shell command that ends with "
                     "0 when the program serves");
    if ((c->drive || c->health) && (c->how == 1 || c->how == 2))
        return error_print(-EINVAL, "check: --drive and --health belong to --how sweep");
    if (c->baseline && command_report_baseline(c->baseline) != EXIT_OK)
        return -EINVAL;
    if (!(c->min_coverage >= 0 && c->min_coverage <= 100))
        return error_print(-EINVAL, "check: --min-coverage takes a percentage, 0 to 100");
    if (check_output(c->report) < 0 || check_output(c->html) < 0 ||
        replay_by(c, command_replay_options) != EXIT_OK)
        return -EINVAL;
    return 0;
}

int command_check(int argc, char **argv) {
    struct check c = {.fail_on = -1,
                      .mode = -1,
                      .how = -1,
                      .leaks = -1,
                      .guard = -1,
                      .under = -1,
                      .thread = -1,
                      .isolation = -1,
                      .repeat = -1};
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &c.database, "FILE",
         "keep everything in this database; default: a temporary one, kept when there is "
         "something "
         "to look at"},
        {0, "report", CLI_TEXT, &c.report, "FILE", "write the report there (JSON)"},
        {0, "html", CLI_TEXT, &c.html, "FILE", "write the page there"},
        {0, "fail-on", CLI_CHOICE, &c.fail_on, NULL,
         "the least severity that fails the gate (default: bug); silent: a bug, or a "
         "wrong "
         "answer with status 0 and no word on stderr",
         "none|look|policy|warning|silent|bug"},
        {0, "fail-on-runtime", CLI_FLAG, &c.fail_on_runtime, NULL,
         "let findings count that went wrong inside the C library, the C++ runtime or "
         "the "
         "loader: no change of the program mends those"},
        {0, "baseline", CLI_TEXT, &c.baseline, "REPORT",
         "an earlier JSON report: its findings are known, only new ones fail the gate"},
        {0, "min-coverage", CLI_REAL, &c.min_coverage, "PERCENT",
         "fail the gate when fewer of the testable sites are tested"},
        {'j', "jobs", CLI_INT, &c.jobs, "N",
         "attempts at once (default: one for each processor)"},
        {0, "time-budget", CLI_DURATION, &c.budget_ns, "TIME",
         "stop the replay after this long; what is left is reported as untested"},
        {0, "timeout", CLI_DURATION, &c.timeout_ns, "TIME",
         "time limit of one attempt (default: from the runs without a fault)"},
        {0, "limit", CLI_INT, &c.limit, "N", "at most so many faults"},
        {0, "in", CLI_LIST, &c.in, "GLOB",
         "only sites with a frame whose function, module or source file matches"},
        {0, "not-in", CLI_LIST, &c.not_in, "GLOB", "no sites with such a frame"},
        {0, "changed-since", CLI_TEXT, &c.changed_since, "REV",
         "only sites with a frame in a function that 'git diff REV' shows as changed"},
        {0, "repository", CLI_TEXT, &c.repository, "DIR",
         "the git work tree of --changed-since (the current folder)"},
        {0, "from-symbol", CLI_TEXT, &c.from_symbol, "GLOB",
         "only calls from the first on that was made below this function"},
        {0, "until-symbol", CLI_TEXT, &c.until_symbol, "GLOB",
         "only calls before the first that was made below this function"},
        {0, "thread", CLI_CHOICE, &c.thread, NULL,
         "only calls of their process's main thread, or of its other threads (any)",
         "any|main|other"},
        {0, "min-size", CLI_BYTES, &c.min_size, "BYTES",
         "only sites that asked for as much at once"},
        {0, "shard", CLI_TEXT, &c.shard, "I/N",
         "the I-th of N parts of the sites, the same on every machine"},
        {0, "mode", CLI_CHOICE, &c.mode, NULL,
         "one call fails, or every later one too, or one after the other (default)",
         "once|sticky|both"},
        {0, "how", CLI_CHOICE, &c.how, NULL,
         "a new process for every fault, or copies of a running one where that is sound "
         "(auto), or many faults in one program that serves (sweep: auto with --drive or "
         "--health)",
         "auto|rerun|snapshot|sweep"},
        {0, "drive", CLI_TEXT, &c.drive, "COMMAND",
         "a server: shell command, a client, that uses the program once; without it, "
         "with "
         "--how sweep, the program is a loop that works by itself"},
        {0, "health", CLI_TEXT, &c.health, "COMMAND",
         "a server: shell command that ends with 0 when the program serves"},
        {0, "ready-timeout", CLI_DURATION, &c.ready_timeout_ns, "TIME",
         "a server: how long --health may take to succeed after the start (30 s)"},
        {0, "loop-time", CLI_DURATION, &c.loop_ns, "TIME",
         "a loop: how long it is watched; longer than one round (1 s)"},
        {0, "leaks", CLI_CHOICE, &c.leaks, NULL,
         "look for blocks that error paths forget, at each location (default), at each "
         "fault, or not",
         "location|site|off"},
        {0, "burst", CLI_INT, &c.burst, "N",
         "instead of --mode: a call and the next N - 1 allocations of its process fail"},
        {0, "depth", CLI_INT, &c.depth, "1|2",
         "2: then also fail what allocates only while a failure is handled (1)"},
        {0, "occurrence", CLI_TEXT, &c.occurrence, "WHICH",
         "first (default), last, all, log2, or a number"},
        {0, "nth", CLI_TEXT, &c.nth, "N|FROM-TO",
         "fail the N-th allocating call of the run, or each of these in turn"},
        {0, "probability", CLI_REAL, &c.probability, "P",
         "instead of one fault: each chosen call fails with this probability"},
        {0, "seed", CLI_TEXT, &c.seed, "N",
         "of the first execution of --probability; the next one's is one more (1)"},
        {0, "runs", CLI_INT, &c.runs, "N", "executions of --probability (10)"},
        {0, "interval", CLI_INT, &c.interval, "N",
         "--probability: only every N-th chosen call may fail"},
        {0, "times", CLI_INT, &c.times, "N",
         "--probability: at most N calls of an execution fail"},
        {0, "space", CLI_BYTES, &c.space, "BYTES",
         "--probability: none fails before so many bytes were asked for"},
        {0, "repeat", CLI_INT, &c.repeat, "N", "further executions of a bad verdict (2)"},
        {0, "guard", CLI_CHOICE, &c.guard, NULL,
         "run suspicious faults, every fault, or nothing once more with guarded blocks "
         "(auto)",
         "auto|all|off"},
        {0, "under", CLI_CHOICE, &c.under, NULL,
         "run every attempt as it is, or under Valgrind's memcheck (plain)",
         "plain|valgrind"},
        {0, "isolation", CLI_CHOICE, &c.isolation, NULL,
         "how an attempt's files are kept apart (auto: the first that works)",
         "auto|overlay|copy|shared"},
        {0, "wrapper", CLI_LIST, &c.wrappers, "GLOB",
         "functions that only wrap an allocator: the location is their caller"},
        {0, "env", CLI_LIST, &c.env, "NAME",
         "store the value of this environment variable for replays from elsewhere"},
        {0, "policy", CLI_LIST, &c.policies, "NAME=GLOB",
         "functions that give up when memory runs out, by design"},
        {0, "output-check", CLI_TEXT, &c.output_check, "COMMAND",
         "shell command that says whether an attempt's output is as usual (0) or not "
         "(1): "
         "dearth-replay(1)"},
        {0},
    };
    const struct cli_command command = {
        "check", "[options] -- PROGRAM [ARGUMENTS]",
        "Record, replay, report and judge in one step: for CI.",
        "The program's output is passed on while it is recorded (with -q its stdout is "
        "not); a "
        "summary follows on stdout, the gate's verdict on stderr. Exit status: 0 the "
        "gate is passed, "
        "1 it is not, 2 dearth could not do its job (or the program ends otherwise in "
        "the "
        "replay than when it was recorded), 130 interrupted.",
        table};
    int n_operands, status = EXIT_CANNOT;
    int r = cli_parse(&command, argc, argv, true, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    c.program = argv + 1;
    if (r == CLI_RUN && validate(&c, n_operands) == 0 && choose_path(&c) == 0) {
        status = steps(&c);
        finish(&c, status);
    }
    free(c.path);
    free(c.folder);
    cli_list_deinit(&c.in);
    cli_list_deinit(&c.not_in);
    cli_list_deinit(&c.wrappers);
    cli_list_deinit(&c.policies);
    cli_list_deinit(&c.env);
    return status;
}
