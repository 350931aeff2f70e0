/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a replay: orders out, observations in, one attempt row each.
 *
 *   snapshots  faults that copies of a running program may get   first, if asked for: batch.c
 *   urgent   repeats of bad verdicts, retries        next: a finding is whole early
 *            reruns that confirm what copies showed: confirm_runs.c; these come before
 *            further copies when a time budget leaves no more than they need
 *   plan     the faults, in their order              next; a call that fails with all that come after it waits for
 *            the end of the run in which it fails alone: often they are the same (task.h, twin)
 *   guarded  what looked suspicious, once more with guarded blocks: guarding_runs.c
 *   late     attempts that passed their time limit   last, when nothing else runs, with a
 *            longer limit: a busy machine is no hang; if it ends now, that counts
 *   doubted  other output than the baseline's        until a run without a fault, made
 *            after them, says that it is not the clock which has moved on: control.c
 *
 * With --depth 2 the pairs come after the plan, in the same loop.
 *
 *   queue.c    what comes next         settle.c   what a result means
 *
 * Invariant: each task is in one of the lists, with the runner, or settled; `done` counts
 * the plan's faults whose series of executions is settled.
 */
#include "drive.h"

#include <stdlib.h>

#include "batch.h"
#include "clock.h"
#include "confirm_runs.h"
#include "control.h"
#include "error.h"
#include "outcomes.h"
#include "queue.h"
#include "settle.h"
#include "task.h"
#include "text.h"

/* What copies showed counts when their original has ended well. A replay that is to stop waits for
 * that, with no more copies: for twice what a run takes, at most so long, and a second. */
#define STOP_MOST_NS  5000000000u
#define STOP_EXTRA_NS 1000000000u
#define LANDING_PART  4u /* of a time budget, at most, for what is in the air at its end */

static int submit_all(struct drive *d) {
    int err = 0;
    while (err == 0 && runner_ready(d->replay->runner)) {
        err = batch_next(d);
        if (err) {
            err = err < 0 ? err : 0;
            continue;
        }
        struct task *task = queue_next(d);
        if (!task)
            break;
        err = queue_fly(d, task);
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
    struct task *task = queue_land(d, tag);
    if (!task) {
        observation_deinit(&seen);
        return err < 0 ? error_print_errno(err, "waiting for an attempt") : 0;
    }
    if (task_is_control(task)) {
        task_free(task);
        err = control_take(d, &seen, err > 0 ? session : NULL);
    } else {
        err = err > 0 ? settle_take(d, task, &seen, (struct session *)session)
                      : settle_lost(d, task, err);
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

/* So much of the budget belongs to what is in the air: that it may land. */
static uint64_t landing_ns(const struct replay *r) {
    uint64_t runs = 2 * r->baseline.duration_ns,
             part = r->options->time_budget_ns / LANDING_PART;
    runs = runs < STOP_MOST_NS ? runs : STOP_MOST_NS;
    return runs < part ? runs : part;
}

/* What has not landed when the budget is over is given up, whatever it is. */
static bool is_budget_spent(struct drive *d) {
    uint64_t end = replay_end_ns(d->replay), now = clock_mono_ns();
    if (!end || d->stopping || now + landing_ns(d->replay) < end)
        return false;
    stop(d);
    d->give_up_ns = end > now ? end : now;
    return true;
}

static bool is_time_to_confirm(const struct drive *d, uint64_t started_ns) {
    const struct replay *r = d->replay;
    uint64_t now = clock_mono_ns(), end = replay_end_ns(r);
    return end && started_ns < end && now < end &&
           confirm_is_pressing(confirm_runs_wanted_ns(d), r->baseline.duration_ns,
                               end - now, end - started_ns);
}

/* Copies go on when every finding has had a rerun. */
static void share_time(struct drive *d, uint64_t started_ns) {
    if (d->n_flying_batches)
        d->confirming = d->confirming || is_time_to_confirm(d, started_ns);
    else if (!confirm_runs_wanted_ns(d) ||
             (!d->n_flying && task_list_is_empty(&d->urgent)))
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
        if (d->stopping && clock_mono_ns() >= d->give_up_ns)
            return outcome;
        if ((err = wait_one(d)) < 0)
            return err;
        if (interrupt_wanted()) {
            outcome = REPLAY_INTERRUPTED;
            if (!d->n_flying_batches)
                return outcome;
            stop(d);
        }
        if (is_budget_spent(d))
            outcome = REPLAY_BUDGET;
        if ((d->stopping || d->confirming) && d->n_flying_batches)
            runner_stop_snapshots(r->runner);
        progress_show(&r->progress);
    }
}

static void say_unfired(const struct drive *d) {
    if (d->n_unfired)
        error_info("in %u of the executions no call failed by chance; they say nothing",
                   d->n_unfired);
}

static uint32_t n_faults(const struct drive *d) {
    const struct replay *r = d->replay;
    return d->source == DRIVE_CHANCE  ? (uint32_t)r->options->runs
           : d->source == DRIVE_PAIRS ? r->pairs.n
                                      : r->plan.n_faults;
}

/* Is nothing left to do? */
static bool is_done(const struct drive *d) {
    const struct task_list *const lists[] = {&d->urgent,    &d->late,    &d->doubted,
                                             &d->reruns,    &d->guarded, &d->snapshots,
                                             &d->survivors, &d->twins};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!task_list_is_empty(lists[i]))
            return false;
    return outcomes_are_settled(d) && d->next_fault == n_faults(d) &&
           !d->n_flying_batches && !d->n_flying;
}

static void drive_deinit(struct drive *d) {
    task_list_free(&d->urgent);
    task_list_free(&d->late);
    task_list_free(&d->doubted);
    task_list_free(&d->reruns);
    task_list_free(&d->twins);
    task_list_free(&d->guarded);
    task_list_free(&d->snapshots);
    task_list_free(&d->survivors);
    for (uint32_t i = 0; i < d->n_tags; i++)
        task_free(d->flying[i]);
    free(d->flying);
    free(d->unreached);
    free(d->taken);
    confirm_deinit(&d->confirm);
    guarding_deinit(&d->guarding);
    batch_free_all(d);
    outcomes_free_all(d);
}

static int drive(struct replay *r, enum drive_source source) {
    struct drive d = {
        .replay = r,
        .source = source,
        .control_ns = clock_mono_ns(),
        .guarding = {.mode = r->guarding,
                     .most_well = GUARDED_WELL +
                                  r->progress.planned * GUARDED_WELL_PER_HUNDRED / 100}};
    d.unreached = text_alloc((r->sites.input.n_sites + 1) * sizeof *d.unreached);
    d.taken = text_alloc(r->plan.n_faults + 1);
    int outcome = batch_collect(&d);
    if (outcome == 0)
        outcome = loop(&d);
    batch_note(&d);
    int err = ledger_flush(r->ledger);
    if (err < 0 && outcome >= 0)
        outcome = err;
    if (outcome == REPLAY_BUDGET && is_done(&d))
        outcome = REPLAY_DONE; /* it was just enough */
    progress_clear(&r->progress);
    if (d.guarded_hung)
        error_info("%u guarded executions passed their time limit and were not judged",
                   d.guarded_hung);
    say_unfired(&d);
    drive_deinit(&d);
    return outcome;
}

int drive_run(struct replay *r) {
    return drive(r, DRIVE_PLAN);
}

int drive_pairs(struct replay *r) {
    return drive(r, DRIVE_PAIRS);
}

int drive_chance(struct replay *r) {
    return drive(r, DRIVE_CHANCE);
}
