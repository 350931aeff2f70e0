/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of `dearth replay`: options to struct replay_options, and what of them does not
 * go together. `dearth check` asks here before it records.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "catalogue_store.h"
#include "cli.h"
#include "commands.h"
#include "conditions.h"
#include "error.h"
#include "fault_options.h"
#include "replay_private.h"
#include "shard.h"
#include "store.h"
#include "store_owner.h"
#include "store_scope.h"
#include "terminal.h"
#include "text.h"
#include "trust.h"

struct command {
    struct replay_options options;
    struct fault_options faults;
    struct cli_list sites;
    int64_t baseline_runs;
    char *drive, *health; /* of an earlier replay; else NULL */
    int64_t earlier;      /* that replay; else 0 */
};

/* What needs no judgement. */
static void take_values(struct command *c) {
    const struct fault_options *f = &c->faults;
    struct replay_options *o = &c->options;
    struct plan_options *p = &o->plan;
    p->own = f->own.items;
    p->n_own = (uint32_t)f->own.n;
    p->not_own = f->not_own.items;
    p->n_not_own = (uint32_t)f->not_own.n;
    p->in = f->in.items;
    p->n_in = (uint32_t)f->in.n;
    p->not_in = f->not_in.items;
    p->n_not_in = (uint32_t)f->not_in.n;
    if (!o->scope.target) /* a suite has its own */
        o->scope = (struct scope_rule){.own = p->own,
                                       .n_own = p->n_own,
                                       .not_own = p->not_own,
                                       .n_not_own = p->n_not_own,
                                       .in = p->in,
                                       .n_in = p->n_in};
    o->scope.not_in = p->not_in;
    o->scope.n_not_in = p->n_not_in;
    p->sites = c->sites.items;
    p->n_sites = (uint32_t)c->sites.n;
    p->demand = f->demand;
    p->changed_since = f->changed_since;
    p->repository = f->repository;
    p->from_symbol = f->from_symbol;
    p->until_symbol = f->until_symbol;
    p->min_size = f->min_size;
    p->mode = f->mode < 0 ? PLAN_BOTH : (enum plan_mode)f->mode;
    o->chance.space = f->space;
    o->time_limit_ns = f->time_limit_ns;
    o->time_budget_ns = f->time_budget_ns;
    o->output_check = f->output_check;
    o->drive = f->drive;
    o->health = f->health;
    o->ready_timeout_ns = f->ready_timeout_ns;
    o->loop_ns = f->loop_ns;
    o->isolation = (enum isolation)f->isolation;
    o->how = (enum replay_how)f->how;
    o->quick = f->quick;
    o->leaks = (enum replay_leaks)f->leaks;
    o->guarding = (enum guarding_mode)f->guarding;
    o->under = f->under ? UNDER_VALGRIND : UNDER_PLAIN;
}

static int take_catalogue(struct command *c) {
    const struct fault_options *f = &c->faults;
    struct catalogue *catalogue = c->options.catalogue = catalogue_new();
    c->options.policies = f->policies.items;
    c->options.n_policies = (uint32_t)f->policies.n;
    for (size_t i = 0; i < f->policies.n; i++)
        if (catalogue_add_policy(catalogue, f->policies.items[i]) < 0)
            return error_print(
                -EINVAL,
                "--policy takes NAME=GLOB, for example 'pool=pool_die*', not "
                "'%s'",
                f->policies.items[i]);
    for (size_t i = 0; i < f->catalogues.n; i++) {
        int err = catalogue_add_file(catalogue, f->catalogues.items[i]);
        if (err < 0)
            return err;
    }
    return 0;
}

/* What users gave for this database before counts too, and what is given now will. */
static int keep_catalogue(struct command *c, struct store *store) {
    struct catalogue *catalogue = c->options.catalogue;
    int err = c->options.dry_run ? 0 : catalogue_save(catalogue, store);
    return err < 0 ? err : catalogue_load(catalogue, store);
}

static int take_share(struct command *c) {
    const struct cli_list *share = &c->faults.share;
    for (size_t i = 0; i < share->n; i++) {
        if (strcmp(share->items[i], "signals") == 0)
            c->options.share_signals = true;
        else if (strcmp(share->items[i], "ipc") == 0)
            c->options.share_ipc = true;
        else
            return error_print(-EINVAL, "--share takes signals or ipc, not '%s'",
                               share->items[i]);
    }
    return 0;
}

static int take_kind(struct command *c) {
    const struct fault_options *f = &c->faults;
    struct plan_options *p = &c->options.plan;
    if (f->depth < 1 || f->depth > 2)
        return error_print(-EINVAL,
                           "--depth takes 1, a failure, or 2, a second one while "
                           "the first is handled");
    if (f->burst < 0 || f->burst > UINT32_MAX)
        return error_print(-EINVAL, "--burst takes the number of calls that fail");
    if (f->burst && f->mode >= 0)
        return error_print(-EINVAL, "--burst is a mode of its own: without --mode");
    if (f->depth > 1 && (f->burst || f->mode == PLAN_STICKY))
        return error_print(-EINVAL, "--depth 2 begins with a single failure: --mode once "
                                    "or both, without --burst");
    if (f->depth > 1 && f->thread != THREAD_ANY)
        return error_print(-EINVAL, "--depth 2 and --thread exclude each other");
    p->burst = (uint32_t)f->burst;
    p->depth = (uint32_t)f->depth;
    p->thread = (enum thread_role)f->thread;
    return 0;
}

/* Which calls. The N-th of the run fails once, as the torture tests that count so do it. */
static int take_calls(struct command *c) {
    const struct fault_options *f = &c->faults;
    struct plan_options *p = &c->options.plan;
    if (p->repository && !p->changed_since)
        return error_print(-EINVAL, "--repository is for --changed-since");
    if (!f->nth)
        return 0;
    if (f->occurrence)
        return error_print(-EINVAL, "--nth and --occurrence exclude each other: both say "
                                    "which call fails");
    if (plan_parse_calls(f->nth, p) < 0)
        return error_print(
            -EINVAL, "--nth takes a number from 1 or a range FROM-TO, not '%s'", f->nth);
    if (f->mode < 0)
        p->mode = PLAN_ONCE;
    return 0;
}

static int take_chance(struct command *c) {
    const struct fault_options *f = &c->faults;
    struct replay_options *o = &c->options;
    const struct plan_options *p = &o->plan;
    char *end = NULL;
    bool given = f->probability != 0;
    if (!given && (f->seed || f->runs || f->interval || f->times || o->chance.space))
        return error_print(-EINVAL, "--seed, --runs, --interval, --times and --space are "
                                    "for --probability");
    if (!given)
        return 0;
    if (!(f->probability > 0 && f->probability <= 1))
        return error_print(-EINVAL, "--probability takes a number above 0, up to 1");
    if (f->occurrence || f->nth || p->from_symbol || p->until_symbol || f->thread ||
        f->mode >= 0 || f->burst || f->depth > 1 || f->limit || o->dry_run ||
        f->how == REPLAY_SNAPSHOT || o->guarding == GUARDING_ALL)
        return error_print(-EINVAL,
                           "--probability chooses calls while the program runs: without "
                           "--occurrence, --nth, --from-symbol, --until-symbol, "
                           "--thread, --mode, --burst, --depth, --limit, --dry-run, "
                           "--how snapshot and --guard all");
    if (f->runs < 0 || f->runs > 1000000 || f->interval < 0 || f->times < 0)
        return error_print(-EINVAL, "--runs takes 1 to 1000000, --interval and --times "
                                    "a number of calls");
    errno = 0;
    o->chance.seed = f->seed ? strtoull(f->seed, &end, 10) : 1;
    if (f->seed && (end == f->seed || *end || errno || *f->seed == '-'))
        return error_print(-EINVAL, "--seed takes a number, not '%s'", f->seed);
    o->chance.probability = f->probability;
    o->chance.interval = (uint64_t)f->interval;
    o->chance.times = (uint64_t)f->times;
    o->runs = f->runs ? (uint64_t)f->runs : 10;
    return 0;
}

static int take_numbers(struct command *c) {
    const struct fault_options *f = &c->faults;
    struct replay_options *o = &c->options;
    if (c->baseline_runs < 2 || c->baseline_runs > 100)
        return error_print(-EINVAL,
                           "--baseline-runs takes 2 to 100: what differs between "
                           "runs shows in two at least");
    if (f->repeat < 0 || f->repeat > 1000)
        return error_print(-EINVAL, "--repeat takes 0 to 1000");
    if (f->limit < 0)
        return error_print(-EINVAL, "--limit takes a number of faults");
    if (f->jobs < 0 || f->jobs > 1024)
        return error_print(-EINVAL, "--jobs takes 0 to 1024 (0: one for each processor)");
    o->baseline_runs = (int)c->baseline_runs;
    o->repeat = (int)f->repeat;
    o->jobs = (int)f->jobs;
    o->plan.limit = (uint64_t)f->limit;
    if (o->under == UNDER_VALGRIND && o->guarding == GUARDING_ALL)
        return error_print(-EINVAL,
                           "--guard all and --under valgrind exclude each other: "
                           "Valgrind has its own guards");
    return 0;
}

/* What does not go together with one program for many faults. */
static int refuse_in_sweep(const struct replay_options *o) {
    bool counts = o->plan.occurrence != PLAN_FIRST && o->plan.occurrence != PLAN_NTH;
    const char *what = o->plan.depth > 1                             ? "--depth 2"
                       : o->under == UNDER_VALGRIND                  ? "--under valgrind"
                       : o->output_check                             ? "--output-check"
                       : o->chance.probability > 0                   ? "--probability"
                       : o->guarding == GUARDING_ALL                 ? "--guard all"
                       : o->plan.call_first                          ? "--nth"
                       : o->plan.from_symbol || o->plan.until_symbol ? "a region"
                       : counts                                      ? "this --occurrence"
                                                                     : NULL;
    if (!what)
        return 0;
    return error_print(-EINVAL, "%s is not possible in a sweep%s", what,
                       counts
                           ? ", where calls count from the arming of a fault: first or "
                             "a number"
                           : "");
}

/* --drive and --health make it a sweep. */
static int take_sweep(struct replay_options *o) {
    if (o->how == REPLAY_AUTO && (o->drive || o->health))
        o->how = REPLAY_SWEEP;
    if (o->how != REPLAY_SWEEP && (o->drive || o->health))
        return error_print(-EINVAL, "--drive and --health belong to --how sweep");
    if (o->how != REPLAY_SWEEP)
        return 0;
    if (o->drive && !o->health)
        return error_print(
            -EINVAL, "--drive needs --health, a shell command that ends with 0 when "
                     "the program serves");
    if (!o->ready_timeout_ns || !o->loop_ns)
        return error_print(-EINVAL,
                           "--ready-timeout and --loop-time take a time above 0");
    o->jobs = 1; /* two servers cannot have one port */
    o->guarding = GUARDING_OFF;
    o->leaks = REPLAY_LEAKS_OFF;
    return refuse_in_sweep(o);
}

/* It shortens copies: where there are none it would be a word without meaning. */
static int check_quick(const struct replay_options *o) {
    bool explores = o->plan.depth > 1 && o->plan.mode == PLAN_ONCE && !o->plan.burst;
    const char *what = o->how == REPLAY_RERUN         ? "--how rerun"
                       : o->how == REPLAY_SWEEP       ? "a sweep"
                       : o->under == UNDER_VALGRIND   ? "--under valgrind"
                       : o->chance.probability > 0    ? "--probability"
                       : o->plan.thread != THREAD_ANY ? "--thread"
                       : explores                     ? "--depth 2 --mode once"
                       : !o->traced                   ? "--no-trace"
                                                      : NULL;
    return !o->quick || !what
               ? 0
               : error_print(-EINVAL,
                             "--quick ends copies early, and there are none with %s",
                             what);
}

static int take_occurrence(struct command *c) {
    const struct fault_options *f = &c->faults;
    c->options.plan.occurrence_asked = true;
    if (plan_parse_occurrence(f->occurrence, &c->options.plan) < 0)
        return error_print(
            -EINVAL,
            "--occurrence takes first, last, all, log2 or a number from 1, "
            "not '%s'",
            f->occurrence);
    return 0;
}

static int take_shard(struct command *c) {
    struct shard shard;
    int r = shard_parse(c->faults.shard, &shard);
    c->options.plan.shard = shard.i;
    c->options.plan.n_shards = shard.n;
    return r;
}

static int take_options(struct command *c) {
    const struct fault_options *f = &c->faults;
    take_values(c);
    int err = take_catalogue(c);
    if (err == 0)
        err = take_share(c);
    if (err == 0)
        err = take_numbers(c);
    if (err == 0)
        err = take_kind(c);
    if (err == 0)
        err = take_calls(c);
    if (err == 0)
        err = take_chance(c);
    if (err == 0)
        err = f->occurrence ? take_occurrence(c) : 0;
    if (err < 0)
        return err;
    return f->shard ? take_shard(c) : 0;
}

#define SWEEP_COLUMNS(X)                                                                 \
    X(SWEEP_DRIVE, "json_extract(options, '$.drive')")                                   \
    X(SWEEP_HEALTH, "json_extract(options, '$.health')")                                 \
    X(SWEEP_READY_TIMEOUT_NS, "json_extract(options, '$.ready_timeout_ns')")             \
    X(SWEEP_LOOP_NS, "json_extract(options, '$.loop_ns')")                               \
    X(SWEEP_ID, "id")
enum { SWEEP_COLUMNS(STORE_COLUMN_ENUM) };

/* A recording that was replayed by sweep is so again, unless something else is asked for: the
 * commands that were printed, and one that goes on, need not repeat how the program is driven. */
static int inherit_sweep(struct command *c, struct store *store) {
    struct replay_options *o = &c->options;
    AUTO_STMT sqlite3_stmt *s = NULL;
    int64_t recording = store_recording(store, o->recording_id);
    if (recording < 0)
        return (int)recording;
    int whole = conditions_check_whole(store, recording);
    if (whole < 0)
        return whole;
    if (o->how != REPLAY_AUTO || o->drive || o->health)
        return 0;
    int err = store_prepare(
        store,
        STORE_SELECT(
            SWEEP_COLUMNS) "FROM replay WHERE id = "
                           "(SELECT max(id) FROM replay WHERE recording_id = ?1) AND how = "
                           "'sweep'",
        &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, recording);
    if (sqlite3_step(s) != SQLITE_ROW)
        return 0;
    o->how = REPLAY_SWEEP;
    o->drive = c->drive = text_dup(store_column_text(s, SWEEP_DRIVE));
    o->health = c->health = text_dup(store_column_text(s, SWEEP_HEALTH));
    o->ready_timeout_ns = (uint64_t)sqlite3_column_int64(s, SWEEP_READY_TIMEOUT_NS);
    o->loop_ns = (uint64_t)sqlite3_column_int64(s, SWEEP_LOOP_NS);
    c->earlier = sqlite3_column_int64(s, SWEEP_ID);
    error_info("by sweep, as before (--how rerun or snapshot for something else)");
    return 0;
}

/* A dry run runs nothing. 'dearth check', which wants no summary, was given the command. */
static int check_trust(const struct command *c, struct store *store,
                       const char *stranger) {
    const struct replay_options *o = &c->options;
    int64_t recording = store_recording(store, o->recording_id);
    const struct trust trust = {.store = store,
                                .stranger = stranger,
                                .recording_id = recording,
                                .replay_id = c->earlier,
                                .drive = c->drive,
                                .health = c->health,
                                .argv = o->argv,
                                .trusted = c->faults.trust,
                                .silent = !o->summary};
    if (recording < 0)
        return (int)recording;
    return o->dry_run ? 0 : trust_check(&trust);
}

/* A glob that names nothing is a mistake. Of a suite's units that was asked before. */
static int check_scope(const struct command *c, struct store *store) {
    const struct fault_options *f = &c->faults;
    if (c->options.proof)
        return 0;
    int r = store_scope_check(store, "--own", f->own.items, f->own.n);
    if (r == 0)
        r = store_scope_check(store, "--not-own", f->not_own.items, f->not_own.n);
    return r < 0 ? r : store_scope_check(store, "--in", f->in.items, f->in.n);
}

static int run_command(struct command *c, const char *path, char *const *argv) {
    AUTO_STORE struct store *store = NULL;
    AUTO_FREE char *stranger = access(path, F_OK) == 0 ? store_stranger(path) : NULL;
    c->options.argv = argv;
    int err = take_options(c);
    if (err == 0)
        err = store_new(path, STORE_WRITE, &store);
    if (err == 0)
        err = check_scope(c, store);
    if (err == 0)
        err = inherit_sweep(c, store);
    if (err == 0)
        err = take_sweep(&c->options);
    if (err == 0)
        err = check_quick(&c->options);
    if (err == 0)
        err = check_trust(c, store, stranger);
    if (err == 0)
        err = keep_catalogue(c, store);
    if (err == 0)
        err = replay_run(&c->options, store, NULL);
    return err < 0 ? EXIT_CANNOT : err == REPLAY_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_OK;
}

/* What the options say, with nothing in the database yet to say it to. */
static int only_look(struct command *c, const char *path, char *const *argv) {
    (void)argv;
    if (take_options(c) < 0 || take_sweep(&c->options) < 0 ||
        check_quick(&c->options) < 0)
        return EXIT_CANNOT;
    AUTO_FREE char *stranger = c->faults.trust ? NULL : store_stranger(path);
    if (!stranger)
        return EXIT_OK;
    error_print(
        -EPERM,
        "%s: %s: who can write to it can change what is run; name another file, or "
        "say --trust",
        path, stranger);
    return EXIT_CANNOT;
}

static const struct replay_unit *asked_unit; /* command_replay_unit()'s */

/* Read the command line, then go on with it as @go_on says. */
static int read_line(int argc, char **argv,
                     int (*go_on)(struct command *c, const char *path,
                                  char *const *argv)) {
    struct command c = {0};
    options_init(&c.options);
    struct replay_options *o = &c.options;
    if (asked_unit) {
        o->proof = asked_unit->proof;
        o->scope = *asked_unit->lasting;
        o->shared = asked_unit->shared;
    }
    c.faults = (struct fault_options){.mode = -1,
                                      .depth = 1,
                                      .repeat = o->repeat,
                                      .ready_timeout_ns = o->ready_timeout_ns,
                                      .loop_ns = o->loop_ns};
    c.baseline_runs = o->baseline_runs;
    const struct cli_option options[] = {
        {0, "recording", CLI_INT, &o->recording_id, "ID", "recording to replay (newest)"},
        {0, "site", CLI_LIST, &c.sites, "KEY",
         "only this site; a unique beginning will do"},
        {0, "untested", CLI_FLAG, &o->plan.untested, NULL,
         "only sites at which no fault has fired yet"},
        {0, "own", CLI_LIST, &c.faults.own, "GLOB", OWN_HELP},
        {0, "not-own", CLI_LIST, &c.faults.not_own, "GLOB", NOT_OWN_HELP},
        {0, "quick", CLI_FLAG, &c.faults.quick, NULL, QUICK_HELP},
#define FAULTS c.faults
#include "fault_options.def"
#undef FAULTS
        TERMINAL_COLOR_OPTION,
        {0, "baseline-runs", CLI_INT, &c.baseline_runs, "N", "runs without a fault (3)"},
        {0, "trace", CLI_FLAG, &o->traced, NULL,
         "look at signals through ptrace for crash stacks; --no-trace turns it off", NULL,
         true},
        {0, "retest", CLI_FLAG, &o->plan.retest, NULL, "do again what was done before"},
        {0, "reuse", CLI_FLAG, &o->reuse, NULL,
         "what was done of earlier recordings counts, too, when their program, arguments, "
         "environment, input and builds were the same"},
        {0, "summary", CLI_FLAG, &o->summary, NULL,
         "say at the end what was found (the default); --no-summary leaves it to 'dearth "
         "report'",
         NULL, true},
        {'n', "dry-run", CLI_FLAG, &o->dry_run, NULL, "print the plan, run nothing"},
        {0},
    };
    const struct cli_command command = {
        "replay", "[OPTIONS] [FILE] [-- PROGRAM ARGUMENTS]",
        "Run the recorded program again and again, each time with one failing "
        "allocation, and judge what happens.",
        "FILE is dearth.db when it is not given. PROGRAM ARGUMENTS are needed only when "
        "the recording was made with --no-argv. Attempts are stored when they end: a "
        "replay that was interrupted goes on where it stopped.\n\n"
        "Exit status: 0 done, whatever was found; 2 dearth could not do its job; 130 "
        "interrupted.",
        options};
    int n_operands, outcome = cli_parse(&command, argc, argv, false, &n_operands);
    int status = outcome < 0 ? EXIT_CANNOT : EXIT_OK;
    if (outcome == CLI_RUN)
        status = go_on(&c, n_operands ? argv[1] : STORE_DEFAULT_PATH,
                       n_operands > 1 ? argv + 2 : NULL);
    catalogue_free(c.options.catalogue);
    free(c.drive);
    free(c.health);
    cli_list_deinit(&c.sites);
    fault_options_deinit(&c.faults);
    return status;
}

int command_replay_unit(int argc, char **argv, const struct replay_unit *unit) {
    asked_unit = unit;
    int status = read_line(argc, argv, run_command);
    asked_unit = NULL;
    return status;
}

int command_replay(int argc, char **argv) {
    return read_line(argc, argv, run_command);
}

int command_replay_options(int argc, char **argv) {
    return read_line(argc, argv, only_look);
}
