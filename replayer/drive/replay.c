/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth replay`: see replay.h, and replay_private.h for the parts.
 *
 *   recording ─► conditions ─► trial (baseline runs) ─► sites ─► plan ─► drive
 *        ─► symbols of crash stacks ─► findings
 */
#include "replay.h"
#include "chance_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abort.h"
#include "asked.h"
#include "calls.h"
#include "changed.h"
#include "clock.h"
#include "drive.h"
#include "error.h"
#include "finding.h"
#include "follow_runs.h"
#include "harness.h"
#include "later_runs.h"
#include "leak_pass.h"
#include "leak_runs.h"
#include "next_runs.h"
#include "open_runs.h"
#include "reach.h"
#include "remain_runs.h"
#include "replay_private.h"
#include "resolve.h"
#include "reuse.h"
#include "scope_words.h"
#include "scoping.h"
#include "session.h"
#include "shared.h"
#include "store.h"
#include "summary.h"
#include "sweep.h"
#include "text.h"
#include "trial.h"
#include "under.h"

/* --- steps --- */

/* Take the choice of sites over from the plan. Return: 0 or -errno after a message. */
static int choose_by_chance(struct replay *r) {
    const struct plan_options *o = &r->options->plan;
    bool chosen = o->n_own || o->n_in || o->n_not_in || o->n_sites || o->untested ||
                  o->min_size || o->n_shards || o->changed_since;
    uint32_t n = 0;
    r->chance = r->options->chance;
    if (!chosen)
        return 0;
    r->chance_sites = text_alloc((r->sites.input.n_sites + 1) * sizeof *r->chance_sites);
    for (uint32_t i = 0; i < r->sites.input.n_sites; i++)
        if (r->plan.passed[i])
            r->chance_sites[n++] = r->sites.list[i].key;
    if (!n)
        return error_print(-ENOENT, "--probability: no recorded site is chosen");
    if (n > SHM_MAX_ORDERS)
        return error_print(-E2BIG,
                           "--probability: %u sites are chosen; it takes at most %u, or "
                           "all without a filter",
                           n, SHM_MAX_ORDERS);
    r->chance.n_sites = n;
    r->chance.sites = chance_row_hash(r->chance_sites, n);
    return 0;
}

/* Symbols of everything not yet resolved. */
static int resolve(struct replay *r, bool progress) {
    return resolve_store(r->store, progress && !error_quiet());
}

static int load_sites(struct replay *r) {
    const struct plan_options *p = &r->options->plan;
    AUTO_TEXT struct text others = {0};
    sites_deinit(&r->sites);
    int err = 0;
    if (r->options->reuse && !p->retest && r->ledger)
        err = reuse_find(r->store, r->recording_id, &others);
    if (err < 0)
        return err;
    err = sites_load(r->store, r->recording_id,
                     r->ledger ? ledger_replay_id(r->ledger) : 0, others.data,
                     !p->n_sites || p->n_own || p->n_in || p->n_not_in ||
                         p->changed_since || p->from_symbol || p->until_symbol,
                     &r->sites);
    if (err == 0 && r->options->quick)
        err = sites_add_survivors(r->store, r->recording_id, &r->sites);
    if (err == 0)
        r->harness = harness_mark(r->options->catalogue, r->conditions.exe, &r->sites);
    if (err == 0 && p->demand)
        err = asked_mark(p->demand, r->store, &r->sites);
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

/* What is not tried again, and why it need not be. */
static int say_reused(struct replay *r) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    const struct sites *s = &r->sites;
    if (!s->n_reused)
        return 0;
    int err = store_prepare(r->store,
                            "SELECT strftime('%Y-%m-%d %H:%M', started_unix_ns / "
                            "1000000000, 'unixepoch') FROM recording WHERE id = ?1",
                            &q);
    if (err < 0)
        return err;
    sqlite3_bind_int64(q, 1, s->reused_from);
    const char *when = sqlite3_step(q) == SQLITE_ROW ? store_column_text(q, 0) : NULL;
    AUTO_FREE char *text = text_format(
        "%u site%s not tried again: verdicts of recording %lld (%s UTC) stand, of the same "
        "program, arguments, environment and builds; --fresh tries all",
        s->n_reused, s->n_reused == 1 ? " is" : "s are", (long long)s->reused_from,
        when ? when : "?");
    sqlite3_reset(
        q); /* what is read is not the newest any more when others write: no write may follow */
    error_info("%s", text);
    return ledger_note(r->ledger, "reused", NULL, text);
}

static int say_harness(struct replay *r) {
    if (!r->plan.n_harness || r->options->proof)
        return 0;
    AUTO_FREE char *text = text_format(
        "%u site%s what a test harness asks for itself (%s): not failed, and no part of "
        "the coverage; --in or --own that names %s does",
        r->plan.n_harness, r->plan.n_harness == 1 ? " is" : "s are", r->harness,
        r->plan.n_harness == 1 ? "it" : "them");
    error_info("%s", text);
    return ledger_note(r->ledger, "harness", NULL, text);
}

static int make_plan(struct replay *r) {
    struct plan_options options = r->options->plan;
    AUTO_FREE char *error = NULL;
    options.repeat = (uint32_t)r->options->repeat;
    options.under = r->under;
    options.scope = scope_key(r->scope_text);
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
    if (n >= 0 && r->conditions.no_backtrace) {
        static const char text[] =
            "RUST_BACKTRACE is not passed to attempts, which would look up names for as long as "
            "they take themselves, many times over: record with --env RUST_BACKTRACE if it "
            "matters";
        error_info("%s", text);
        n = ledger_note(r->ledger, "backtrace", NULL, text);
    }
    return n < 0 ? n : 0;
}

uint64_t replay_end_ns(const struct replay *r) {
    uint64_t budget = r->options->time_budget_ns;
    return budget ? r->started_ns + budget : 0;
}

bool replay_time_is_up(const struct replay *r) {
    uint64_t end = replay_end_ns(r);
    return end && clock_mono_ns() >= end;
}

struct judgement replay_judge(const struct replay *r, const struct order *order,
                              const struct observation *seen) {
    struct failed_stacks failed = {0};
    ledger_failed_stacks(r->ledger, order, seen, &failed);
    struct judgement j =
        verdict_judge(&r->baseline, &failed, seen, r->options->catalogue);
    abort_stacks_deinit(&failed);
    return j;
}

int replay_one_at_a_time(struct replay *r, const struct observation *seen) {
    if (r->jobs <= 1 || (!seen->addresses_taken && !seen->addresses_refused))
        return 0;
    AUTO_FREE char *what = seen->address_port
                               ? text_format("port %u", (unsigned)seen->address_port)
                               : text_dup("an abstract socket name");
    AUTO_FREE char *text = text_format(
        "the program takes %s, which attempts beside each other would take from each "
        "other: they run one at a time",
        what);
    AUTO_FREE char *sql = text_format("UPDATE replay SET jobs = 1 WHERE id = %lld",
                                      (long long)ledger_replay_id(r->ledger));
    r->jobs = 1;
    runner_limit_jobs(r->runner, 1);
    int err = store_exec(r->store, sql);
    if (err == 0)
        err = note(r, "one_job", r->conditions.exe, text);
    return err < 0 ? err : 1;
}

/* What attempts may do to other processes: said before the first of them. */
static int say_reach(struct replay *r) {
    static const char *const texts[][2] = {
        {"the kernel gives attempts no processes of their own (a PID namespace: root, or "
         "unprivileged user namespaces, and a /proc of which nothing is hidden): a "
         "kill(-1) of an attempt reaches every process that you may signal",
         "as asked for by --share signals, attempts see every process: a kill(-1) of an "
         "attempt reaches every one that you may signal"},
        {"the kernel gives attempts no IPC namespace of their own: System V IPC objects "
         "and message queues that they leave stay, and attempts can disturb each other",
         "as asked for by --share ipc, attempts see the System V IPC objects and message "
         "queues of this machine: what they leave stays, and they can disturb each "
         "other"},
    };
    struct namespaces apart = runner_apart(r->runner);
    int n = 0;
    if (!apart.pids)
        n = note(r, "shared_signals", r->conditions.exe,
                 texts[0][r->options->share_signals]);
    if (n >= 0 && !apart.ipc)
        n = note(r, "shared_ipc", r->conditions.exe, texts[1][r->options->share_ipc]);
    return n < 0 ? n : 0;
}

/* Runs are not as recorded, and something is hidden from them that the program may use. */
static int say_hidden(struct replay *r, bool missed) {
    static const char sql[] =
        "SELECT count(*) FROM note WHERE kind = 'baseline_differs' AND replay_id = %lld";
    AUTO_FREE char *query = text_format(sql, (long long)ledger_replay_id(r->ledger));
    if (!runner_apart(r->runner).ipc || !namespace_sees_ipc() ||
        (!missed && !store_int(r->store, query, 0)))
        return 0;
    return note(r, "hidden_ipc", r->conditions.exe,
                "attempts do not see the System V IPC objects and message queues that "
                "there are on this machine, and without a fault the program does not do "
                "what it did when it was recorded; if it uses them: --share ipc");
}

static int say_coverage(struct replay *r) {
    uint32_t missed = 0;
    for (uint32_t i = 0; i < r->sites.input.n_sites; i++)
        missed += r->sites.list[i].failable && !r->sites.in_baseline[i];
    int err = say_hidden(r, missed > 0);
    if (err < 0)
        return err;
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

/* A change of the documentation, say: there is nothing to fail, and that is no mistake of a filter. */
static int say_unchanged(struct replay *r) {
    const char *revision = r->options->plan.changed_since;
    if (!revision || r->sites.n_changed)
        return 0;
    AUTO_FREE char *text = text_format(
        "no function on the stack of a recorded allocation was changed since %s: there is "
        "nothing to fail",
        revision);
    int n = note(r, "nothing_changed", r->conditions.exe, text);
    return n < 0 ? n : 0;
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
        "site_id, 'budget' FROM site_stat WHERE recording_id = %2$lld AND site_id NOT IN "
        "(SELECT a.site_id FROM attempt a JOIN replay r ON r.id = a.replay_id WHERE "
        "r.recording_id = %2$lld) GROUP BY site_id",
        (long long)ledger_replay_id(r->ledger), (long long)r->recording_id);
    return store_exec(r->store, sql);
}

/* Where attempts were compared with less than all that the program shows. */
static int say_masks(const struct replay *r) {
    struct text text = {0};
    int err = 0;
    if (!r->options->output_check && r->n_runs)
        baseline_describe_masks(&r->baseline, &text);
    if (text.n)
        err = ledger_note(r->ledger, "compared_without", r->conditions.exe, text.data);
    text_deinit(&text);
    return err;
}

#define SCOPE_COLUMNS(X)                                                                 \
    X(SCOPE_FAILED, "coalesce(sum(also_failed), 0)")                                     \
    X(SCOPE_SPARED, "coalesce(sum(spared), 0)")                                          \
    X(SCOPE_UNSURE, "coalesce(sum(unsure), 0)")                                          \
    X(SCOPE_ATTEMPTS, "count(*)")
enum { SCOPE_COLUMNS(STORE_COLUMN_ENUM) };

/* Which later calls failed is not what it is without a scope, and not all of it is sure. */
static int say_scope(const struct replay *r) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_TEXT struct text text = {0};
    if (!r->scope)
        return 0;
    int err =
        store_prepare(r->store,
                      STORE_SELECT(SCOPE_COLUMNS) "FROM attempt WHERE replay_id = ?1 "
                                                  "AND scope IS NOT NULL AND fired",
                      &q);
    if (err < 0)
        return err;
    sqlite3_bind_int64(q, 1, ledger_replay_id(r->ledger));
    if (sqlite3_step(q) != SQLITE_ROW)
        return store_error(r->store, "reading attempts");
    int64_t failed = sqlite3_column_int64(q, SCOPE_FAILED),
            spared = sqlite3_column_int64(q, SCOPE_SPARED),
            unsure = sqlite3_column_int64(q, SCOPE_UNSURE);
    text_add(&text, "where a failure lasts, later calls");
    scope_words_add(r->scope_text, &text);
    text_addf(&text, " fail, no others: %lld did, %lld got memory", (long long)failed,
              (long long)spared);
    if (unsure)
        text_addf(
            &text,
            "; of these %lld were decided though not all of their stack is known: a return address that the "
            "recording has not is known by its function alone, not by what is inlined there, and of a module "
            "that it has not nothing is known",
            (long long)unsure);
    bool any = sqlite3_column_int64(q, SCOPE_ATTEMPTS) > 0;
    sqlite3_reset(q);
    return any ? ledger_note(r->ledger, "scope", r->conditions.exe, text.data) : 0;
}

static int finish(struct replay *r, enum replay_outcome outcome) {
    static const char *const states[] = {"complete", "budget", "interrupted", "complete"};
    r->runner = runner_free(r->runner);
    int err = interrupt_pressing() ? 0 : resolve(r, false);
    if (err == 0 &&
        !r->options->proof) /* a suite's are derived once, of all its programs */
        err = finding_derive(r->store, ledger_replay_id(r->ledger));
    if (err == 0)
        err = store_left_out(r, outcome);
    if (err == 0)
        err = say_masks(r);
    if (err == 0)
        err = say_scope(r);
    int end = ledger_end(r->ledger, states[outcome], r->progress.done,
                         clock_mono_ns() - r->started_ns);
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

/* Does it reach what it reached in the suite? Return: 0 or REPLAY_REFUSED. */
static int prove(struct replay *r) {
    struct replay_proof *proof = r->options->proof;
    if (!proof)
        return 0;
    proof->looked = true;
    /* both are in the order of their keys */
    for (uint32_t i = 0, k = 0; i < r->sites.input.n_sites && k < proof->n_sites;) {
        int order = key_compare(r->sites.list[i].key, proof->sites[k]);
        if (order == 0 && r->sites.in_baseline[i]) {
            proof->is_reached[k] = true;
            proof->reached++;
        }
        i += order <= 0;
        k += order >= 0;
    }
    return (uint64_t)proof->reached * 100 <
                   (uint64_t)proof->n_sites * REPLAY_PROOF_PERCENT
               ? REPLAY_REFUSED
               : 0;
}

static int plan_and_drive(struct replay *r) {
    int err = resolve(r, false); /* sites that only a baseline run reached */
    if (err == 0)
        err = load_sites(r);
    if (err == 0 && (err = prove(r)) > 0)
        return err;
    if (err == 0)
        err = say_reused(r);
    if (err == 0)
        err = make_plan(r);
    if (err == 0)
        err = say_harness(r);
    if (err == 0)
        err = say_coverage(r);
    if (err == 0)
        err = say_unchanged(r);
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
    if (outcome == REPLAY_DONE)
        outcome = later_runs(r);
    if (outcome == REPLAY_DONE)
        outcome = follow_runs(r);
    if (outcome == REPLAY_DONE)
        outcome = next_runs(r);
    if (outcome == REPLAY_DONE)
        outcome = remain_runs(r);
    if (outcome == REPLAY_DONE)
        outcome = leak_runs(r);
    return outcome == REPLAY_DONE ? open_runs(r) : outcome;
}

static bool something_lasts(const struct replay_options *o) {
    return (o->plan.burst || o->plan.mode != PLAN_ONCE) && !(o->chance.probability > 0);
}

/* What is not known of it is said when there is a row to say it of. @unknown: modules; out */
static int make_scope(struct replay *r, char **unknown) {
    struct replay_shared *shared = r->options->shared;
    const struct scoping scoping = {.store = r->store,
                                    .recording_id = r->recording_id,
                                    .rule = &r->options->scope,
                                    .catalogue = r->options->catalogue,
                                    .exe = r->conditions.exe,
                                    .modules = shared ? &shared->modules : NULL};
    return something_lasts(r->options) ? scoping_make(&scoping, &r->scope, unknown) : 0;
}

static int say_unknown(struct replay *r, const char *unknown) {
    AUTO_FREE char *text = text_format(
        "what the functions are called could not be read of %s: where a failure lasts, later calls from there are "
        "decided by what the recording has of it alone",
        unknown);
    int n = note(r, "scope_unknown", NULL, text);
    return n < 0 ? n : 0;
}

/* Once there is a row, it is closed whatever happens. */
static int run(struct replay *r) {
    AUTO_FREE char *under = NULL;
    AUTO_FREE char *unknown = NULL;
    int outcome =
        conditions_init(&r->conditions, r->store, r->recording_id, r->options->argv);
    if (outcome == 0)
        outcome = under_apply(&r->conditions, r->under, &under);
    if (under)
        error_info("%s", under);
    if (outcome == 0)
        outcome = make_scope(r, &unknown);
    if (outcome == 0)
        outcome = trial_run(r);
    if (outcome == 0 && unknown)
        outcome = say_unknown(r, unknown);
    if (outcome == 0 && under)
        outcome = ledger_note(r->ledger, "under", r->conditions.exe, under);
    if (outcome == 0)
        outcome = say_changes(r);
    if (outcome == 0)
        outcome = say_reach(r);
    if (outcome == 0)
        outcome = plan_and_drive(r);
    if (outcome < 0 && interrupt_wanted()) /* a wait that was broken off */
        outcome = REPLAY_INTERRUPTED;
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
    next_runs_deinit(r);
    remain_runs_deinit(r);
    open_runs_deinit(r);
    leak_pass_deinit(r);
    progress_deinit(&r->progress);
    free(r->chance_sites);
    free(r->scope_text);
    free(r->scope);
}

static int prepare(struct replay *r) {
    int err = ledger_bury(r->store);
    if (err < 0)
        return err;
    r->recording_id = store_recording(r->store, r->options->recording_id);
    if (r->recording_id < 0)
        return (int)r->recording_id;
    r->scope_text = scope_text(&r->options->scope);
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
        err = choose_by_chance(r);
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
    r.started_ns = clock_mono_ns();
    if (replay_id)
        *replay_id = 0;
    interrupt_install();
    int outcome = prepare(&r);
    if (outcome <= 0 && interrupt_wanted())
        outcome = REPLAY_INTERRUPTED;
    if (outcome == 0 && options->dry_run) {
        summary_plan(&r);
    } else if (outcome == 0) {
        outcome = run(&r);
        if (replay_id && r.ledger)
            *replay_id = ledger_replay_id(r.ledger);
    }
    if (outcome == REPLAY_INTERRUPTED &&
        (!r.ledger || !options->summary || error_quiet()))
        summary_go_on(&r);
    replay_deinit(&r);
    return outcome;
}
