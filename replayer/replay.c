/*
 * `dearth replay`: see replay.h, and replay_private.h for the parts.
 *
 *   recording ─► conditions ─► trial (baseline runs) ─► sites ─► plan ─► drive ─► symbols
 * of crash stacks ─► findings
 */
#include "replay.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "changed.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "finding.h"
#include "recorder/session.h"
#include "replay_private.h"
#include "store.h"
#include "text.h"
#include "under.h"

void replay_options_init(struct replay_options *o) {
    *o = (struct replay_options){.baseline_runs = 3,
                                 .repeat = 2,
                                 .isolation = ISOLATION_AUTO,
                                 .traced = true,
                                 .summary = true};
    o->plan.mode = PLAN_BOTH;
    o->plan.occurrence = PLAN_FIRST;
    o->ready_timeout_ns = 30000000000u;
    o->loop_ns = 1000000000u;
}

const char *replay_leaks_name(enum replay_leaks leaks) {
    static const char *const names[] = {"location", "site", "off"};
    return names[leaks];
}

/* --- steps --- */

/* Symbols of everything not yet resolved, with the wrappers named when it was recorded.
 */
static int resolve(struct replay *r, bool progress) {
    AUTO_FREE char *sql = text_format("SELECT wrappers FROM recording WHERE id = %lld",
                                      (long long)r->recording_id);
    AUTO_STMT sqlite3_stmt *s = NULL;
    int err = store_prepare(r->store, sql, &s);
    if (err < 0)
        return err;
    cJSON *list =
        sqlite3_step(s) == SQLITE_ROW ? cJSON_Parse(store_column_text(s, 0)) : NULL;
    sqlite3_reset(s);
    uint32_t n = 0;
    const char **wrappers =
        text_alloc(((size_t)cJSON_GetArraySize(list) + 1) * sizeof *wrappers);
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (cJSON_IsString(item)) wrappers[n++] =
        item->valuestring;
    err = session_resolve(r->store, wrappers, n, progress && !error_quiet());
    free(wrappers);
    cJSON_Delete(list);
    return err;
}

static int load_sites(struct replay *r) {
    const struct plan_options *p = &r->options->plan;
    sites_deinit(&r->sites);
    int err = sites_load(
        r->store, r->recording_id, r->ledger ? ledger_replay_id(r->ledger) : 0,
        p->n_in || p->n_not_in || p->changed_since || p->from_symbol || p->until_symbol,
        &r->sites);
    if (err == 0 && p->changed_since)
        err = changed_mark(p->changed_since, p->repository, &r->sites);
    if (err == 0 && calls_wanted(p))
        err = calls_choose(r->store, r->recording_id, p, &r->sites);
    if (err < 0)
        return err;
    if (!r->sites.input.n_sites)
        return error_print(-ENODATA,
                           "%s: recording %lld holds no allocation site to fail; 'dearth "
                           "report' says why",
                           r->store->path, (long long)r->recording_id);
    return 0;
}

static int make_plan(struct replay *r) {
    struct plan_options options = r->options->plan;
    AUTO_FREE char *error = NULL;
    options.repeat = (uint32_t)r->options->repeat;
    options.under = r->under;
    plan_deinit(&r->plan);
    if (plan_make(&r->sites.input, &options, &r->plan, &error) < 0)
        return error_print(-EINVAL, "%s", error);
    return 0;
}

static int note(struct replay *r, const char *kind, const char *subject,
                const char *text) {
    error_warn("%s", text);
    return ledger_note(r->ledger, kind, subject, text);
}

/* What may make attempts miss: said before hours are spent. */
static int say_changes(struct replay *r) {
    AUTO_FREE char *path = NULL;
    int n = conditions_changed(r->store, r->recording_id, &path);
    if (n > 0) {
        bool program = strcmp(path, r->conditions.exe) == 0;
        AUTO_FREE char *text = text_format("%s is not the file that was recorded%s; "
                                           "sites in it may stay unreached: record "
                                           "again",
                                           path,
                                           n > 1     ? " (nor are others)"
                                           : program ? ""
                                                     : ", a library of the program");
        n = note(r, "changed_module", path, text);
    }
    if (n >= 0 && r->conditions.note)
        n = note(r, "conditions", NULL, r->conditions.note);
    if (n >= 0 && r->isolation == ISOLATION_SHARED)
        n = note(
            r, "shared_tree", r->conditions.cwd,
            "attempts run in the real folder: what the program writes there is written, "
            "and attempts can disturb each other");
    return n < 0 ? n : 0;
}

static int say_coverage(struct replay *r) {
    uint32_t missed = 0;
    for (uint32_t i = 0; i < r->sites.input.n_sites; i++)
        missed += r->sites.list[i].failable && !r->sites.in_baseline[i];
    uint32_t added = r->sites.input.n_sites - r->sites.n_recorded;
    if (!missed && !added)
        return 0;
    AUTO_FREE char *text = text_format(
        "runs differ: of %u sites %u were recorded but reached by no baseline "
        "run, %u were reached there but not recorded",
        r->sites.input.n_sites, missed, added);
    error_info("%s", text);
    return ledger_note(r->ledger, "sites_differ", NULL, text);
}

/* Sites without any attempt carry the reason in this replay. */
static int store_left_out(struct replay *r, enum replay_outcome outcome) {
    int err = store_begin(r->store);
    for (uint32_t i = 0; i < r->plan.n_left_out && err == 0; i++)
        err = ledger_skip(r->ledger, r->sites.list[r->plan.left_out[i].site].id,
                          r->plan.left_out[i].reason);
    if (err == 0)
        err = store_commit(r->store);
    if (err < 0)
        store_rollback(r->store);
    if (err < 0 || outcome != REPLAY_BUDGET)
        return err;
    AUTO_FREE char *sql = text_format(
        "INSERT OR IGNORE INTO skipped (replay_id, site_id, reason) SELECT %1$lld, "
        "site_id, "
        "'budget' FROM site_stat WHERE recording_id = %2$lld AND site_id NOT IN (SELECT "
        "a.site_id FROM attempt a JOIN replay r ON r.id = a.replay_id WHERE "
        "r.recording_id = "
        "%2$lld) GROUP BY site_id",
        (long long)ledger_replay_id(r->ledger), (long long)r->recording_id);
    return store_exec(r->store, sql);
}

static int finish(struct replay *r, enum replay_outcome outcome) {
    static const char *const states[] = {"complete", "budget", "interrupted"};
    r->runner = runner_free(r->runner);
    int err = resolve(r, false);
    if (err == 0)
        err = finding_derive(r->store, ledger_replay_id(r->ledger));
    if (err == 0)
        err = store_left_out(r, outcome);
    int end = ledger_end(r->ledger, states[outcome], r->progress.done,
                         progress_clock() - r->started_ns);
    return err < 0 ? err : end;
}

/* Failures while a failure is handled: known only now. */
static int drive_second(struct replay *r) {
    const struct plan_options *o = &r->options->plan;
    uint64_t left = o->limit ? o->limit - r->plan.n_faults : 0;
    int err = resolve(r, false); /* the error path's locations */
    if (err == 0)
        err = pairs_load(r->store, r->recording_id, r->sites.list, r->sites.input.n_sites,
                         r->plan.passed, &r->pairs);
    if (err < 0 || (o->limit && !left))
        return err < 0 ? err : REPLAY_DONE;
    pairs_plan(&r->pairs, (uint32_t)r->options->repeat, o->retest, left);
    error_info(r->pairs.n ? "%u second failures to try, each after a first"
                          : "no second failures to try",
               r->pairs.n);
    err = ledger_planned(r->ledger, r->pairs.n);
    if (err < 0 || !r->pairs.n)
        return err < 0 ? err : REPLAY_DONE;
    r->progress.planned += r->pairs.n;
    return drive_pairs(r);
}

static int plan_and_drive(struct replay *r) {
    int err = resolve(r, false); /* sites that only a baseline run reached */
    if (err == 0)
        err = load_sites(r);
    if (err == 0)
        err = make_plan(r);
    if (err == 0)
        err = say_coverage(r);
    if (err == 0)
        err = ledger_folded(r->ledger, &r->baseline, r->time_limit_ns,
                            r->chance.probability > 0 ? r->options->runs
                                                      : r->plan.n_faults);
    if (err < 0)
        return err;
    summary_announce(r);
    progress_init(&r->progress, r->plan.n_faults);
    if (r->chance.probability > 0) {
        progress_init(&r->progress, (uint32_t)r->options->runs);
        return drive_chance(r);
    }
    if (r->options->how == REPLAY_SWEEP)
        return sweep_run(r);
    int outcome = drive_run(r);
    if (outcome == REPLAY_DONE && r->options->plan.depth > 1)
        outcome = drive_second(r);
    return outcome == REPLAY_DONE ? leak_pass_run(r) : outcome;
}

/* Once there is a row, it is closed whatever happens. */
static int run(struct replay *r) {
    AUTO_FREE char *under = NULL;
    int outcome =
        conditions_init(&r->conditions, r->store, r->recording_id, r->options->argv);
    if (outcome == 0)
        outcome = under_apply(&r->conditions, r->under, &under);
    if (under)
        error_info("%s", under);
    if (outcome == 0)
        outcome = trial_run(r);
    if (outcome == 0 && under)
        outcome = ledger_note(r->ledger, "under", r->conditions.exe, under);
    if (outcome == 0)
        outcome = say_changes(r);
    if (outcome == 0)
        outcome = plan_and_drive(r);
    if (!r->ledger)
        return outcome;
    int err = finish(r, outcome < 0 ? REPLAY_INTERRUPTED : (enum replay_outcome)outcome);
    if (err == 0 && outcome >= 0 && r->options->summary)
        err = summary_print(r, (enum replay_outcome)outcome);
    return outcome < 0 ? outcome : err < 0 ? err : outcome;
}

static void replay_deinit(struct replay *r) {
    runner_free(r->runner);
    ledger_free(r->ledger);
    baseline_deinit(&r->baseline);
    for (uint32_t i = 0; i < r->n_runs; i++)
        observation_deinit(&r->runs[i]);
    free(r->runs);
    plan_deinit(&r->plan);
    pairs_deinit(&r->pairs);
    sites_deinit(&r->sites);
    conditions_deinit(&r->conditions);
    reach_deinit(&r->reach);
    free(r->chance_sites);
}

static int prepare(struct replay *r) {
    int err = ledger_bury(r->store);
    if (err < 0)
        return err;
    r->recording_id = store_recording(r->store, r->options->recording_id);
    if (r->recording_id < 0)
        return (int)r->recording_id;
    r->under = r->options->under;
    if (r->under == UNDER_PLAIN)
        err = under_find_sanitizer(r->store, r->recording_id, &r->under);
    if (r->under != UNDER_PLAIN)
        r->guarding = GUARDING_OFF; /* these have better guards of their own */
    if (err == 0)
        err = resolve(r, true);
    if (err == 0)
        err = load_sites(r);
    if (err == 0)
        err = make_plan(r); /* a wrong filter is said before anything runs */
    if (err == 0 && r->options->chance.probability > 0)
        err = chance_prepare(r);
    return err;
}

int replay_run(const struct replay_options *options, struct store *store,
               int64_t *replay_id) {
    struct replay r = {.options = options,
                       .store = store,
                       .jobs = options->jobs,
                       .guarding = options->guarding};
    if (r.jobs <= 0)
        r.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (r.jobs <= 0)
        r.jobs = 1;
    r.started_ns = progress_clock();
    if (replay_id)
        *replay_id = 0;
    interrupt_install();
    int outcome = prepare(&r);
    if (outcome == 0 && interrupt_wanted())
        outcome = REPLAY_INTERRUPTED;
    if (outcome == 0 && options->dry_run) {
        summary_plan(&r);
    } else if (outcome == 0) {
        outcome = run(&r);
        if (replay_id && r.ledger)
            *replay_id = ledger_replay_id(r.ledger);
    }
    interrupt_restore();
    if (outcome == REPLAY_INTERRUPTED &&
        (!r.ledger || !options->summary || error_quiet()))
        summary_go_on(&r);
    replay_deinit(&r);
    return outcome;
}

/* --- the command --- */

struct command {
    struct replay_options options;
    struct cli_list in, not_in, sites, policies;
    const char *occurrence, *nth, *shard;
    int mode, isolation, how, leaks, guarding, under; /* mode: -1 = not given */
    int thread;
    int64_t jobs, repeat, baseline_runs, limit, burst, depth;
    const char *seed;
    double probability;
    int64_t runs, interval, times;
    struct policy *parsed;
    char *drive, *health; /* of an earlier replay; else NULL */
};

static int take_lists(struct command *c) {
    struct plan_options *p = &c->options.plan;
    p->in = c->in.items;
    p->n_in = (uint32_t)c->in.n;
    p->not_in = c->not_in.items;
    p->n_not_in = (uint32_t)c->not_in.n;
    p->sites = c->sites.items;
    p->n_sites = (uint32_t)c->sites.n;
    c->parsed = text_alloc((c->policies.n + 1) * sizeof *c->parsed);
    c->options.policies = c->parsed;
    for (size_t i = 0; i < c->policies.n; i++) {
        if (policy_parse(c->policies.items[i], &c->parsed[i]) < 0)
            return error_print(
                -EINVAL,
                "--policy takes NAME=GLOB, for example 'pool=pool_die*', not "
                "'%s'",
                c->policies.items[i]);
        c->options.n_policies++;
    }
    return 0;
}

static int take_kind(struct command *c) {
    struct plan_options *p = &c->options.plan;
    if (c->depth < 1 || c->depth > 2)
        return error_print(-EINVAL,
                           "--depth takes 1, a failure, or 2, a second one while "
                           "the first is handled");
    if (c->burst < 0 || c->burst > UINT32_MAX)
        return error_print(-EINVAL, "--burst takes the number of calls that fail");
    if (c->burst && c->mode >= 0)
        return error_print(-EINVAL, "--burst is a mode of its own: without --mode");
    if (c->depth > 1 && (c->burst || c->mode == PLAN_STICKY))
        return error_print(-EINVAL, "--depth 2 begins with a single failure: --mode once "
                                    "or both, without --burst");
    if (c->depth > 1 && c->thread != THREAD_ANY)
        return error_print(-EINVAL, "--depth 2 and --thread exclude each other");
    p->burst = (uint32_t)c->burst;
    p->depth = (uint32_t)c->depth;
    p->thread = (enum thread_role)c->thread;
    return 0;
}

/* Which calls. The N-th of the run fails once, as the torture tests that count so do it. */
static int take_calls(struct command *c) {
    struct plan_options *p = &c->options.plan;
    if (p->repository && !p->changed_since)
        return error_print(-EINVAL, "--repository is for --changed-since");
    if (!c->nth)
        return 0;
    if (c->occurrence)
        return error_print(-EINVAL, "--nth and --occurrence exclude each other: both say "
                                    "which call fails");
    if (plan_parse_calls(c->nth, p) < 0)
        return error_print(
            -EINVAL, "--nth takes a number from 1 or a range FROM-TO, not '%s'", c->nth);
    if (c->mode < 0)
        p->mode = PLAN_ONCE;
    return 0;
}

static int take_chance(struct command *c) {
    struct replay_options *o = &c->options;
    const struct plan_options *p = &o->plan;
    char *end = NULL;
    bool given = c->probability != 0;
    if (!given && (c->seed || c->runs || c->interval || c->times || o->chance.space))
        return error_print(-EINVAL, "--seed, --runs, --interval, --times and --space are "
                                    "for --probability");
    if (!given)
        return 0;
    if (!(c->probability > 0 && c->probability <= 1))
        return error_print(-EINVAL, "--probability takes a number above 0, up to 1");
    if (c->occurrence || c->nth || p->from_symbol || p->until_symbol || c->thread ||
        c->mode >= 0 || c->burst || c->depth > 1 || c->limit || o->dry_run ||
        c->how == REPLAY_SNAPSHOT || o->guarding == GUARDING_ALL)
        return error_print(-EINVAL,
                           "--probability chooses calls while the program runs: without "
                           "--occurrence, --nth, --from-symbol, --until-symbol, "
                           "--thread, --mode, --burst, --depth, --limit, --dry-run, "
                           "--how snapshot and --guard all");
    if (c->runs < 0 || c->runs > 1000000 || c->interval < 0 || c->times < 0)
        return error_print(-EINVAL, "--runs takes 1 to 1000000, --interval and --times "
                                    "a number of calls");
    errno = 0;
    o->chance.seed = c->seed ? strtoull(c->seed, &end, 10) : 1;
    if (c->seed && (end == c->seed || *end || errno || *c->seed == '-'))
        return error_print(-EINVAL, "--seed takes a number, not '%s'", c->seed);
    o->chance.probability = c->probability;
    o->chance.interval = (uint64_t)c->interval;
    o->chance.times = (uint64_t)c->times;
    o->runs = c->runs ? (uint64_t)c->runs : 10;
    return 0;
}

static int take_numbers(struct command *c) {
    struct replay_options *o = &c->options;
    if (c->baseline_runs < 2 || c->baseline_runs > 100)
        return error_print(-EINVAL,
                           "--baseline-runs takes 2 to 100: what differs between "
                           "runs shows in two at least");
    if (c->repeat < 0 || c->repeat > 1000)
        return error_print(-EINVAL, "--repeat takes 0 to 1000");
    if (c->limit < 0)
        return error_print(-EINVAL, "--limit takes a number of faults");
    if (c->jobs < 0 || c->jobs > 1024)
        return error_print(-EINVAL, "--jobs takes 1 to 1024");
    o->baseline_runs = (int)c->baseline_runs;
    o->repeat = (int)c->repeat;
    o->jobs = (int)c->jobs;
    o->plan.limit = (uint64_t)c->limit;
    o->plan.mode = c->mode < 0 ? PLAN_BOTH : (enum plan_mode)c->mode;
    o->isolation = (enum isolation)c->isolation;
    o->how = (enum replay_how)c->how;
    o->leaks = (enum replay_leaks)c->leaks;
    o->guarding = (enum guarding_mode)c->guarding;
    o->under = c->under ? UNDER_VALGRIND : UNDER_PLAIN;
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

static int take_occurrence(struct command *c) {
    if (plan_parse_occurrence(c->occurrence, &c->options.plan) < 0)
        return error_print(
            -EINVAL,
            "--occurrence takes first, last, all, log2 or a number from 1, "
            "not '%s'",
            c->occurrence);
    return 0;
}

static int take_options(struct command *c) {
    int err = take_lists(c);
    if (err == 0)
        err = take_numbers(c);
    if (err == 0)
        err = take_kind(c);
    if (err == 0)
        err = take_calls(c);
    if (err == 0)
        err = take_chance(c);
    if (err == 0)
        err = c->occurrence ? take_occurrence(c) : 0;
    if (err < 0)
        return err;
    if (c->shard && plan_parse_shard(c->shard, &c->options.plan) < 0)
        return error_print(-EINVAL, "--shard takes I/N with 1 <= I <= N, not '%s'",
                           c->shard);
    return 0;
}

/* A recording that was replayed by sweep is so again, unless something else is asked for: the
 * commands that were printed, and one that goes on, need not repeat how the program is driven. */
static int inherit_sweep(struct command *c, struct store *store) {
    struct replay_options *o = &c->options;
    AUTO_STMT sqlite3_stmt *s = NULL;
    int64_t recording = store_recording(store, o->recording_id);
    if (recording < 0)
        return (int)recording;
    if (o->how != REPLAY_AUTO || o->drive || o->health)
        return 0;
    int err =
        store_prepare(store,
                      "SELECT json_extract(options, '$.drive'), json_extract(options, "
                      "'$.health'), json_extract(options, '$.ready_timeout_ns'), "
                      "json_extract(options, '$.loop_ns') FROM replay WHERE id = "
                      "(SELECT max(id) FROM replay WHERE recording_id = ?1) AND how = "
                      "'sweep'",
                      &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, recording);
    if (sqlite3_step(s) != SQLITE_ROW)
        return 0;
    o->how = REPLAY_SWEEP;
    o->drive = c->drive = text_dup(store_column_text(s, 0));
    o->health = c->health = text_dup(store_column_text(s, 1));
    o->ready_timeout_ns = (uint64_t)sqlite3_column_int64(s, 2);
    o->loop_ns = (uint64_t)sqlite3_column_int64(s, 3);
    error_info("by sweep, as before (--how rerun or snapshot for something else)");
    return 0;
}

static int run_command(struct command *c, const char *path, char *const *argv) {
    AUTO_STORE struct store *store = NULL;
    c->options.argv = argv;
    int err = take_options(c);
    if (err == 0)
        err = store_new(path, STORE_WRITE, &store);
    if (err == 0)
        err = inherit_sweep(c, store);
    if (err == 0)
        err = take_sweep(&c->options);
    if (err == 0)
        err = replay_run(&c->options, store, NULL);
    return err < 0 ? EXIT_CANNOT : err == REPLAY_INTERRUPTED ? 130 : EXIT_OK;
}

/* What the options say, with no database to say it to. */
static int only_look(struct command *c, const char *path, char *const *argv) {
    (void)path;
    (void)argv;
    return take_options(c) < 0 || take_sweep(&c->options) < 0 ? EXIT_CANNOT : EXIT_OK;
}

/* Read the command line, then go on with it as @go_on says. */
static int read_line(int argc, char **argv,
                     int (*go_on)(struct command *c, const char *path,
                                  char *const *argv)) {
    struct command c = {0};
    replay_options_init(&c.options);
    c.mode = -1;
    c.depth = 1;
    c.repeat = c.options.repeat;
    c.baseline_runs = c.options.baseline_runs;
    struct replay_options *o = &c.options;
    const struct cli_option options[] = {
        {0, "recording", CLI_INT, &o->recording_id, "ID", "recording to replay (newest)"},
        {0, "in", CLI_LIST, &c.in, "GLOB",
         "only sites with a frame whose function, module or source file matches"},
        {0, "not-in", CLI_LIST, &c.not_in, "GLOB", "no sites with such a frame"},
        {0, "changed-since", CLI_TEXT, &o->plan.changed_since, "REV",
         "only sites with a frame in a function that 'git diff REV' shows as changed"},
        {0, "repository", CLI_TEXT, &o->plan.repository, "DIR",
         "the git work tree of --changed-since (the current folder)"},
        {0, "from-symbol", CLI_TEXT, &o->plan.from_symbol, "GLOB",
         "only calls from the first on that was made below this function"},
        {0, "until-symbol", CLI_TEXT, &o->plan.until_symbol, "GLOB",
         "only calls before the first that was made below this function"},
        {0, "thread", CLI_CHOICE, &c.thread, NULL,
         "only calls of their process's main thread, or of its other threads (any)",
         "any|main|other"},
        {0, "site", CLI_LIST, &c.sites, "KEY",
         "only this site; a unique beginning will do"},
        {0, "untested", CLI_FLAG, &o->plan.untested, NULL,
         "only sites at which no fault has fired yet"},
        {0, "min-size", CLI_BYTES, &o->plan.min_size, "BYTES",
         "only sites that asked for as much at once"},
        {0, "occurrence", CLI_TEXT, &c.occurrence, "first|last|all|log2|N",
         "which call of a site fails (first)"},
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
        {0, "space", CLI_BYTES, &o->chance.space, "BYTES",
         "--probability: none fails before so many bytes were asked for"},
        {0, "mode", CLI_CHOICE, &c.mode, NULL,
         "one call fails, or it and every later allocation, or each in turn (both)",
         "once|sticky|both"},
        {0, "burst", CLI_INT, &c.burst, "N",
         "instead of --mode: a call and the next N - 1 allocations of its process fail"},
        {0, "depth", CLI_INT, &c.depth, "1|2",
         "2: then also fail what allocates only while a failure is handled (1)"},
        {0, "limit", CLI_INT, &c.limit, "N", "at most N faults"},
        {0, "shard", CLI_TEXT, &c.shard, "I/N",
         "the I-th of N parts of the sites, the same on every machine"},
        {'j', "jobs", CLI_INT, &c.jobs, "N", "attempts at a time (online processors)"},
        {0, "timeout", CLI_DURATION, &o->time_limit_ns, "TIME",
         "limit of one attempt (10 times the slowest baseline run, 2 s at least)"},
        {0, "time-budget", CLI_DURATION, &o->time_budget_ns, "TIME",
         "stop after this time; a later replay goes on"},
        {0, "baseline-runs", CLI_INT, &c.baseline_runs, "N", "runs without a fault (3)"},
        {0, "repeat", CLI_INT, &c.repeat, "N", "further executions of a bad verdict (2)"},
        {0, "how", CLI_CHOICE, &c.how, NULL,
         "each fault in a new run of the program (rerun), in a copy of a running one "
         "where that "
         "is sound (snapshot), so where it saves time (auto), or many, one after "
         "another, in "
         "one program that serves (sweep: auto with --drive or --health)",
         "auto|rerun|snapshot|sweep"},
        {0, "drive", CLI_TEXT, &o->drive, "COMMAND",
         "sweep: shell command, a client, that uses the program once; without it the "
         "program "
         "is a loop that works by itself"},
        {0, "health", CLI_TEXT, &o->health, "COMMAND",
         "sweep: shell command that ends with 0 when the program serves"},
        {0, "ready-timeout", CLI_DURATION, &o->ready_timeout_ns, "TIME",
         "sweep: from the start of the program until --health succeeds (30 s)"},
        {0, "loop-time", CLI_DURATION, &o->loop_ns, "TIME",
         "sweep without --drive: how long the loop is watched; longer than one round (1 "
         "s)"},
        {0, "isolation", CLI_CHOICE, &c.isolation, NULL,
         "how an attempt's files are kept apart (auto: the first that works)",
         "auto|overlay|copy|shared"},
        {0, "guard", CLI_CHOICE, &c.guarding, NULL,
         "run again with canaries and poison around every block: what looked suspicious, "
         "once "
         "for each location and verdict (auto), every fault, or nothing",
         "auto|all|off"},
        {0, "under", CLI_CHOICE, &c.under, NULL,
         "run every attempt as it is, or under Valgrind's memcheck, 20 to 50 times "
         "slower",
         "plain|valgrind"},
        {0, "trace", CLI_FLAG, &o->traced, NULL,
         "look at signals through ptrace for crash stacks; --no-trace turns it off", NULL,
         true},
        {0, "policy", CLI_LIST, &c.policies, "NAME=GLOB",
         "an abort with such a function on its stack is deliberate"},
        {0, "output-check", CLI_TEXT, &o->output_check, "COMMAND",
         "shell command that says whether an attempt's output is as usual (0) or not "
         "(1): "
         "dearth-replay(1)"},
        {0, "leaks", CLI_CHOICE, &c.leaks, NULL,
         "run what ended in order once more and look for leaked blocks: a few faults of "
         "each location, or each fault (location)",
         "location|site|off"},
        {0, "retest", CLI_FLAG, &o->plan.retest, NULL, "do again what was done before"},
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
        "allocation, "
        "and judge what happens.",
        "FILE is dearth.db when it is not given. PROGRAM ARGUMENTS are needed only when "
        "the "
        "recording was made with --no-argv. Attempts are stored when they end: a replay "
        "that was interrupted goes on where it stopped.\n\n"
        "Exit status: 0 done, whatever was found; 2 dearth could not do its job; 130 "
        "interrupted.",
        options};
    int n_operands, outcome = cli_parse(&command, argc, argv, false, &n_operands);
    int status = outcome < 0 ? EXIT_CANNOT : EXIT_OK;
    if (outcome == CLI_RUN)
        status = go_on(&c, n_operands ? argv[1] : STORE_DEFAULT_PATH,
                       n_operands > 1 ? argv + 2 : NULL);
    for (uint32_t i = 0; i < c.options.n_policies; i++)
        free((char *)c.parsed[i].name);
    free(c.parsed);
    free(c.drive);
    free(c.health);
    cli_list_deinit(&c.in);
    cli_list_deinit(&c.not_in);
    cli_list_deinit(&c.sites);
    cli_list_deinit(&c.policies);
    return status;
}

int command_replay(int argc, char **argv) {
    return read_line(argc, argv, run_command);
}

int command_replay_options(int argc, char **argv) {
    return read_line(argc, argv, only_look);
}
