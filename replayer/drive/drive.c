/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a replay: orders out, observations in, one attempt row each.
 *
 *   snapshots  faults that copies of a running program may get   first, if asked for: batch.c
 *   urgent   repeats of bad verdicts, retries        next: a finding is whole early
 *            reruns that confirm what copies showed: confirmation.c; these come before
 *            further copies when a time budget leaves no more than they need
 *   plan     the faults, in their order              next
 *   guarded  what looked suspicious, once more with guarded blocks: guarded.c
 *   late     attempts that passed their time limit   last, when nothing else runs, with a
 *            longer limit: a busy machine is no hang; if it ends now, that counts
 *   doubted  other output than the baseline's        until a run without a fault, made
 *            after them, says that it is not the clock which has moved on: control.c
 *
 * With --depth 2 the pairs come after the plan, in the same loop.
 *
 * Invariant: each task is in one of the lists, with the runner, or settled; `done` counts
 * the plan's faults whose series of executions is settled.
 */
#include <errno.h>
#include <stdlib.h>

#include "chance.h"
#include "clock.h"
#include "drive.h"
#include "error.h"
#include "text.h"

#define LATE_LIMIT_FACTOR 3u
#define SPIN_FACTOR       10u /* times the baseline's processor time */
#define SPIN_EXTRA_NS     200000000u
#define EARLY_AFTER                                                                      \
    4u /* hangs settled by the whole limit before a shorter one is tried */
#define EARLY_SURE 16u /* and before the shorter one may settle a hang by itself */
#define EARLY_FACTOR                                                                     \
    12u /* enough to use SPIN_FACTOR times the baseline's processor time */
#define EARLY_EXTRA_NS 500000000u
#define GUARDED_FACTOR 5u /* times the limit: every stack is walked, every block filled */
/* What copies showed counts when their original has ended well. A replay that is to stop waits for
 * that, with no more copies: for twice what a run takes, at most so long, and a second. */
#define STOP_MOST_NS   5000000000u
#define STOP_EXTRA_NS  1000000000u

/* --- what comes next --- */

struct order drive_order(const struct replay *r, const struct plan_fault *f) {
    const struct plan_site *s = &r->sites.list[f->site];
    return (struct order){.site_id = s->id,
                          .site = s->key,
                          .leaf_module = s->leaf_module,
                          .leaf_offset = s->leaf_offset,
                          .occurrence = f->occurrence,
                          .mode = f->mode,
                          .burst = f->mode == MODE_BURST ? r->options->plan.burst : 1,
                          .repeat = f->done,
                          .explore = f->explore,
                          .thread = r->options->plan.thread,
                          .call = f->call,
                          .under = r->under};
}

/* Was the execution with this chance stored by an earlier replay? */
static int is_done_by_chance(const struct replay *r, const struct chance *chance) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *text = chance_text(chance);
    if (r->options->plan.retest)
        return 0;
    int err =
        store_prepare(r->store,
                      "SELECT 1 FROM attempt a JOIN replay r ON r.id = a.replay_id "
                      "WHERE r.recording_id = ?1 AND a.chance = ?2 AND a.under = ?3 "
                      "LIMIT 1",
                      &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, r->recording_id);
    sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, under_name(r->under), -1, SQLITE_STATIC);
    return sqlite3_step(s) == SQLITE_ROW;
}

/* The next seed that was not tried by an earlier replay. */
static struct task *next_chance(struct drive *d) {
    struct replay *r = d->replay;
    struct chance chance = r->chance;
    while (d->next_fault < r->options->runs) {
        chance.seed = r->chance.seed + d->next_fault++;
        if (is_done_by_chance(r, &chance) > 0) {
            r->progress.done++;
            continue;
        }
        struct task *task = text_alloc(sizeof *task);
        task->order = (struct order){.site_id = ORDER_BY_CHANCE,
                                     .mode = MODE_CHANCE,
                                     .occurrence = 1,
                                     .burst = 1,
                                     .under = r->under,
                                     .chance = chance};
        return task;
    }
    return NULL;
}

static struct task *next_planned(struct drive *d) {
    struct replay *r = d->replay;
    if (d->chance)
        return next_chance(d);
    if (d->pairs)
        return d->next_fault < r->pairs.n
                   ? task_of_pair(r, &r->pairs.list[d->next_fault++])
                   : NULL;
    while (d->next_fault < r->plan.n_faults) {
        const struct plan_fault *f = &r->plan.faults[d->next_fault++];
        if (d->unreached[f->site] == f->occurrence) {
            r->progress.done++; /* the other mode has shown that it never comes up */
            continue;
        }
        return task_of_fault(r, f);
    }
    return NULL;
}

static struct task *next_fault(struct drive *d) {
    if (d->stopping)
        return NULL;
    struct task *task = task_pop(&d->urgent);
    if (!task)
        task = task_pop(&d->reruns);
    if (!task)
        task = next_planned(d);
    if (!task && d->confirming)
        return NULL; /* copies go on before the rest */
    if (!task)
        task = guarded_next(d);
    if (!task && d->n_flying == 0 && d->n_flying_batches == 0 && d->late.head < d->late.n)
        d->late_phase = true;
    if (!task && d->late_phase)
        task = task_pop(&d->late);
    return task;
}

static struct task *next_task(struct drive *d) {
    struct task *task = control_is_due(d) ? control_make(d) : next_fault(d);
    return task ? task : control_make(d);
}

/*
 * A program with hundreds of hanging sites need not wait out the whole limit for each. Once some
 * have hung, first executions get a shorter limit, which is still many times what a run without
 * a fault takes; whoever passes it is run again with the whole limit. After more of them, and
 * never a contradiction, the shorter limit settles it too.
 */
static uint64_t limit_of(const struct drive *d, const struct task *task) {
    const struct replay *r = d->replay;
    if (task->order.under == UNDER_GUARDED)
        return GUARDED_FACTOR * r->time_limit_ns;
    if (d->late_phase || task->is_control)
        return LATE_LIMIT_FACTOR * r->time_limit_ns;
    bool early = d->n_hung >= (task->is_late ? EARLY_SURE : EARLY_AFTER);
    uint64_t fastest = r->baseline.duration_ns;
    for (uint32_t i = 0; i < r->n_runs; i++)
        fastest = r->runs[i].duration_ns < fastest ? r->runs[i].duration_ns : fastest;
    uint64_t limit = EARLY_FACTOR * fastest + EARLY_EXTRA_NS;
    if (!early || d->early_wrong || r->options->time_limit_ns || limit > r->time_limit_ns)
        return r->time_limit_ns;
    return limit;
}

uint32_t drive_take_off(struct drive *d, struct task *task) {
    uint32_t tag = d->first_free;
    while (tag < d->n_tags && d->flying[tag])
        tag++;
    if (tag == d->n_tags) {
        d->flying = text_realloc(d->flying, (d->n_tags + 1) * sizeof *d->flying);
        d->n_tags++;
    }
    d->first_free = tag + 1;
    d->flying[tag] = task;
    d->n_flying++;
    return tag;
}

struct task *drive_land(struct drive *d, uint64_t tag) {
    struct task *task = tag < d->n_tags ? d->flying[tag] : NULL;
    if (task) {
        d->flying[tag] = NULL;
        d->n_flying--;
        d->first_free = tag < d->first_free ? (uint32_t)tag : d->first_free;
    }
    return task;
}

static int fly(struct drive *d, struct task *task) {
    task->limit_ns = limit_of(d, task);
    runner_set_time_limit(d->replay->runner, task->limit_ns);
    uint32_t tag = drive_take_off(d, task);
    return runner_submit(d->replay->runner, &task->order, tag);
}

/* --- results --- */

int drive_settle(struct drive *d, struct task *task) {
    d->replay->progress.done++;
    task_free(task);
    return 0;
}

int drive_store(struct drive *d, struct task *task, const struct observation *seen,
                const struct judgement *j, struct session *session, int64_t *attempt_id) {
    struct replay *r = d->replay;
    r->progress.executions += !seen->inferred;
    r->progress.verdicts[j->verdict]++;
    int err = ledger_attempt(r->ledger, &task->order, seen, j, attempt_id);
    if (err < 0 || !session || !task->order.explore || !seen->fired ||
        seen->overwritten || !plan_is_explorable(j->verdict))
        return err;
    task->order.explore = false;
    return ledger_explored(r->ledger, *attempt_id, session);
}

int drive_again(struct drive *d, struct task *task) {
    task->order.repeat++;
    task_push(&d->urgent, task);
    return 0;
}

static bool was_planned(const struct replay *r, uint32_t site, uint64_t occurrence,
                        enum fault_mode mode) {
    for (uint32_t i = 0; i < r->sites.input.n_attempts; i++) {
        const struct plan_attempt *a = &r->sites.attempts[i];
        if (a->site_id == r->sites.list[site].id && a->occurrence == occurrence &&
            a->mode == mode)
            return true;
    }
    if (r->sites.input.windows) /* only chosen calls may fail */
        return true;
    return r->options->plan.occurrence != PLAN_LAST &&
           r->options->plan.occurrence != PLAN_NTH;
}

/* A fault that never came up gets more chances: at the first occurrence when it was a later one,
 * and because runs differ (hash tables with random seeds grow when they like). */
static int retry_unreached(struct drive *d, struct task *task) {
    struct replay *r = d->replay;
    uint32_t chances = r->sites.in_baseline[task->site] ? MAX_RETRIES : 1;
    if (task->order.second_site_id) {
        if (task->retries++ > 0)
            return drive_settle(d, task);
        return drive_again(d, task);
    }
    if (task->retries == 0 && task->order.occurrence > 1 &&
        !was_planned(r, task->site, 1, task->order.mode)) {
        task->retries++;
        task->order.occurrence = 1;
        task->order.repeat = 0;
        task_push(&d->urgent, task);
        return 0;
    }
    if ((task->order.occurrence == 1 || r->sites.input.windows) &&
        task->retries < chances) {
        task->retries++;
        return drive_again(d, task);
    }
    d->unreached[task->site] = task->order.occurrence;
    return drive_settle(d, task);
}

/* A hang is settled by the longer limit: both executions count, or only the second. */
static int take_late(struct drive *d, struct task *task, const struct judgement *j) {
    int err = 0;
    int64_t attempt;
    if (j->verdict == VERDICT_HUNG) {
        err = drive_store(d, task, &task->first, &task->first_judgement, NULL, &attempt);
        task->order.repeat++;
    }
    observation_deinit(&task->first);
    return err;
}

/* Is this hang the program's own doing, however busy the machine is? */
static bool is_own_doing(const struct replay *r, const struct task *task,
                         const struct observation *seen) {
    uint64_t cpu = 0;
    for (uint32_t i = 0; i < r->n_runs; i++)
        cpu = r->runs[i].cpu_ns > cpu ? r->runs[i].cpu_ns : cpu;
    bool runaway = seen->duration_ns < task->limit_ns;
    return runaway || seen->hang == HANG_DEADLOCK ||
           seen->cpu_ns >= SPIN_FACTOR * cpu + SPIN_EXTRA_NS;
}

static int postpone(struct task_list *list, struct task *task, struct observation *seen,
                    const struct judgement *j) {
    task->first = *seen;
    task->first_judgement = *j;
    *seen = (struct observation){0};
    task->is_late = true;
    task_push(list, task);
    return 0;
}

int drive_settle_result(struct drive *d, struct task *task, struct observation *seen,
                        struct session *session) {
    struct replay *r = d->replay;
    if (task->order.under == UNDER_GUARDED)
        return guarded_take(d, task, seen);
    struct judgement j =
        verdict_judge(&r->baseline, seen, r->options->policies, r->options->n_policies);
    if (task->batch)
        return batch_take(d, task, seen, &j);
    if (task->order.mode == MODE_CHANCE && !seen->fired) {
        d->n_unfired++;
        return drive_settle(d, task);
    }
    bool hung = j.verdict == VERDICT_HUNG;
    if (hung && !task->is_late && !is_own_doing(r, task, seen))
        return postpone(&d->late, task, seen, &j);
    if (hung && !task->is_late && task->limit_ns < r->time_limit_ns)
        return postpone(&d->urgent, task, seen, &j);
    d->early_wrong |= task->is_late && !hung && !d->late_phase;
    int64_t attempt;
    int err = task->is_late ? take_late(d, task, &j) : 0;
    if (err == 0)
        err = drive_store(d, task, seen, &j, session, &attempt);
    if (err < 0) {
        task_free(task);
        return err;
    }
    if (task->group)
        err = confirmation_take(d, &task, seen, j.verdict);
    if (err < 0)
        task_free(task);
    if (err < 0 || !task)
        return err;
    if (j.verdict == VERDICT_UNREACHED && !task->bad)
        return retry_unreached(d, task);
    task->bad |= plan_is_bad(j.verdict);
    bool more = task->bad && task->order.repeat < (uint32_t)r->options->repeat;
    bool hung_enough = hung && task->order.repeat + 1 >= HUNG_EXECUTIONS;
    d->n_hung += hung_enough;
    task->disagrees |= task->last && task->last != j.verdict;
    task->last = j.verdict;
    if (!more || hung_enough) {
        guarded_consider(d, task, seen, j.verdict);
        return drive_settle(d, task);
    }
    task->is_late = false;
    return drive_again(d, task);
}

/* An address was in use that no run without a fault has found so. */
static bool is_refused(const struct replay *r, const struct observation *seen) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < r->n_runs; i++)
        most = r->runs[i].addresses_refused > most ? r->runs[i].addresses_refused : most;
    return seen->addresses_refused > most;
}

static int take_result(struct drive *d, struct task *task, struct observation *seen,
                       struct session *session) {
    struct replay *r = d->replay;
    int met = replay_one_at_a_time(r, seen);
    if (met < 0) {
        task_free(task);
        return met;
    }
    /* on a path that runs without a fault do not take, beside one of its kind */
    if ((met || is_refused(r, seen)) && !task->batch && !task->met) {
        task->met = true;
        task_push(&d->urgent, task);
        return 0;
    }
    if (seen->start_error) {
        task_free(task);
        return error_print_errno(-seen->start_error, "%s: cannot be started again",
                                 r->conditions.exe);
    }
    if (seen->output_checked && seen->output_check != 0 && seen->output_check != 1) {
        task_free(task);
        return -EINVAL; /* the worker has said why */
    }
    int err = task->order.mode == MODE_CHANCE && session
                  ? ledger_failed_sites(r->ledger, seen, session)
                  : 0;
    if (err < 0) {
        task_free(task);
        return err;
    }
    struct judgement j =
        verdict_judge(&r->baseline, seen, r->options->policies, r->options->n_policies);
    if (j.verdict != VERDICT_DEGRADED || seen->output_checked || task->batch)
        return drive_settle_result(d, task, seen, session);
    task->doubted = *seen;
    *seen = (struct observation){0};
    task_push(&d->doubted, task);
    return 0;
}

static int take_lost(struct drive *d, struct task *task, int err) {
    if (++task->lost < MAX_LOST) {
        task_push(&d->urgent, task);
        return 0;
    }
    char key[DEARTH_KEY_HEX + 1];
    text_key(task->order.site, key);
    task_free(task);
    return error_print_errno(err, "site %.16s: the attempt could not be run", key);
}

/* --- the loop --- */

static int submit_all(struct drive *d) {
    int err = 0;
    while (err == 0 && runner_ready(d->replay->runner)) {
        err = batch_next(d);
        if (err) {
            err = err < 0 ? err : 0;
            continue;
        }
        struct task *task = next_task(d);
        if (!task)
            break;
        err = fly(d, task);
    }
    return err;
}

static int wait_one(struct drive *d) {
    struct observation seen = {0};
    const struct session *session = NULL;
    uint64_t tag = UINT64_MAX;
    int due_ms = ledger_due_ms(d->replay->ledger);
    int err =
        runner_wait(d->replay->runner, due_ms < 0 ? 200 : due_ms, &tag, &seen, &session);
    if (err == 0)
        return ledger_due_ms(d->replay->ledger) == 0 ? ledger_flush(d->replay->ledger)
                                                     : 0;
    if (tag != UINT64_MAX && tag & BATCH_TAG) {
        err = err > 0 ? batch_end(d, tag, &seen) : batch_lose(d, tag);
        observation_deinit(&seen);
        return err;
    }
    struct task *task = drive_land(d, tag);
    if (!task) {
        observation_deinit(&seen);
        return err < 0 ? error_print_errno(err, "waiting for an attempt") : 0;
    }
    if (task->is_control) {
        task_free(task);
        err = control_take(d, &seen, err > 0 ? session : NULL);
    } else {
        err = err > 0 ? take_result(d, task, &seen, (struct session *)session)
                      : take_lost(d, task, err);
    }
    observation_deinit(&seen);
    return err;
}

static void stop(struct drive *d) {
    uint64_t runs = 2 * d->replay->baseline.duration_ns;
    if (!d->stopping)
        d->give_up_ns =
            clock_mono_ns() + STOP_EXTRA_NS + (runs < STOP_MOST_NS ? runs : STOP_MOST_NS);
    d->stopping = true; /* what is in the air may land */
    if (interrupt_pressing())
        d->give_up_ns = 0;
}

static bool is_time_to_confirm(const struct drive *d, uint64_t started_ns) {
    const struct replay *r = d->replay;
    uint64_t now = clock_mono_ns(), end = r->started_ns + r->options->time_budget_ns;
    return r->options->time_budget_ns && started_ns < end && now < end &&
           confirm_is_pressing(confirmation_wanted_ns(d), r->baseline.duration_ns,
                               end - now, end - started_ns);
}

/* Copies go on when every finding has had a rerun. */
static void share_time(struct drive *d, uint64_t started_ns) {
    if (d->n_flying_batches)
        d->confirming = d->confirming || is_time_to_confirm(d, started_ns);
    else if (!confirmation_wanted_ns(d) ||
             (!d->n_flying && d->urgent.head == d->urgent.n))
        d->confirming = false;
}

static int loop(struct drive *d) {
    struct replay *r = d->replay;
    int outcome = REPLAY_DONE;
    uint64_t started_ns = clock_mono_ns();
    for (;;) {
        share_time(d, started_ns);
        int err = submit_all(d);
        if (err < 0)
            return err;
        if (d->n_flying == 0 && d->n_flying_batches == 0)
            return outcome;
        if (d->stopping && d->n_flying_batches && clock_mono_ns() >= d->give_up_ns)
            return outcome;
        if ((err = wait_one(d)) < 0)
            return err;
        if (interrupt_wanted()) {
            outcome = REPLAY_INTERRUPTED;
            if (!d->n_flying_batches)
                return outcome;
            stop(d);
        }
        if (r->options->time_budget_ns && !d->stopping &&
            clock_mono_ns() - r->started_ns >= r->options->time_budget_ns) {
            outcome = REPLAY_BUDGET;
            stop(d);
        }
        if ((d->stopping || d->confirming) && d->n_flying_batches)
            runner_stop_snapshots(r->runner);
        progress_show(&r->progress);
    }
}

/* What there is to do, when it is not the plan. */
enum source { SOURCE_PLAN, SOURCE_PAIRS, SOURCE_CHANCE };

static void say_unfired(const struct drive *d) {
    if (d->n_unfired)
        error_info("in %u of the executions no call failed by chance; they say nothing",
                   d->n_unfired);
}

static int drive(struct replay *r, enum source source) {
    bool pairs = source == SOURCE_PAIRS;
    struct drive d = {.replay = r,
                      .pairs = pairs,
                      .chance = source == SOURCE_CHANCE,
                      .guarding = {.mode = r->guarding}};
    uint32_t n = d.chance ? (uint32_t)r->options->runs
                 : pairs  ? r->pairs.n
                          : r->plan.n_faults;
    d.unreached = text_alloc((r->sites.input.n_sites + 1) * sizeof *d.unreached);
    batch_collect(&d);
    int outcome = loop(&d);
    int err = ledger_flush(r->ledger);
    if (err < 0 && outcome >= 0)
        outcome = err;
    if (outcome == REPLAY_BUDGET && d.next_fault == n && d.urgent.head == d.urgent.n &&
        d.late.head == d.late.n && d.reruns.head == d.reruns.n &&
        d.snapshots.head == d.snapshots.n && d.doubted.head == d.doubted.n &&
        !d.n_flying_batches && d.guarded.head == d.guarded.n)
        outcome = REPLAY_DONE; /* it was just enough */
    progress_clear(&r->progress);
    task_list_free(&d.urgent);
    task_list_free(&d.late);
    task_list_free(&d.reruns);
    task_list_free(&d.snapshots);
    confirm_deinit(&d.confirm);
    batch_free_all(&d);
    task_list_free(&d.guarded);
    guarding_deinit(&d.guarding);
    if (d.guarded_hung)
        error_info("%u guarded executions passed their time limit and were not judged",
                   d.guarded_hung);
    say_unfired(&d);
    task_list_free(&d.doubted);
    for (uint32_t i = 0; i < d.n_tags; i++)
        task_free(d.flying[i]);
    free(d.flying);
    free(d.unreached);
    return outcome;
}

int drive_run(struct replay *r) {
    return drive(r, SOURCE_PLAN);
}

int drive_pairs(struct replay *r) {
    return drive(r, SOURCE_PAIRS);
}

int drive_chance(struct replay *r) {
    return drive(r, SOURCE_CHANCE);
}
