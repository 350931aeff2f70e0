/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the result of an execution means for its task: stored, run again, or settled. See settle.h.
 */
#include "settle.h"

#include <errno.h>

#include "batch.h"
#include "confirm_runs.h"
#include "drive.h"
#include "error.h"
#include "guarding_runs.h"
#include "leak_first.h"
#include "next_runs.h"
#include "outcomes.h"
#include "queue.h"
#include "remain_runs.h"
#include "session.h"
#include "task.h"
#include "text.h"
#include "tracing.h"
#include "usual.h"

#define SPIN_FACTOR   10u /* times the baseline's processor time */
#define SPIN_EXTRA_NS 200000000u

int settle_done(struct drive *d, struct task *task) {
    queue_release(d, task);
    d->replay->progress.done++;
    task_free(task);
    return 0;
}

int settle_store(struct drive *d, struct task *task, const struct observation *seen,
                 const struct judgement *j, struct session *session,
                 int64_t *attempt_id) {
    struct replay *r = d->replay;
    r->progress.executions += !seen->inferred;
    if (seen->how != HOW_SNAPSHOT) /* that is confirmed by a run of its own, or is not */
        progress_found(&r->progress, j->verdict,
                       task->order.site_id == ORDER_BY_CHANCE
                           ? 0
                           : sites_location(&r->sites.list[task->site]));
    next_runs_consider(r, task, seen, j);
    remain_runs_consider(r, task, seen, j);
    int err = ledger_attempt(r->ledger, &task->order, seen, j, attempt_id);
    if (err < 0 || !session || !task->order.explore || !seen->proof.fired ||
        seen->proof.overwritten || !plan_is_explorable(j->verdict))
        return err;
    task->order.explore = false;
    return ledger_explored(r->ledger, *attempt_id, session);
}

static bool was_planned(const struct replay *r, uint32_t site, uint64_t occurrence,
                        enum fault_mode mode) {
    for (uint32_t i = 0; i < r->sites.input.n_attempts; i++) {
        const struct plan_attempt *a = &r->sites.attempts[i];
        if (!a->survived && a->site_id == r->sites.list[site].id &&
            a->occurrence == occurrence && a->mode == mode)
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
            return settle_done(d, task);
        return queue_again(d, task);
    }
    if (task->retries == 0 && task->order.occurrence > 1 &&
        !was_planned(r, task->site, 1, task->order.mode)) {
        task->retries++;
        task->order.occurrence = 1;
        task->order.repeat = 0;
        task_push(&d->urgent, task);
        return task_move(task, TASK_REPEATS);
    }
    if ((task->order.occurrence == 1 || r->sites.input.windows) &&
        task->retries < chances) {
        task->retries++;
        return queue_again(d, task);
    }
    d->unreached[task->site] = task->order.occurrence;
    return settle_done(d, task);
}

/* A hang is settled by the longer limit: both executions count, or only the second. */
static int take_late(struct drive *d, struct task *task, const struct judgement *j) {
    int err = 0;
    int64_t attempt;
    if (j->verdict == VERDICT_HUNG) {
        err = settle_store(d, task, &task->first, &task->first_judgement, NULL, &attempt);
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
        cpu = r->runs[i].end.cpu_ns > cpu ? r->runs[i].end.cpu_ns : cpu;
    bool runaway = seen->end.duration_ns < task->limit_ns;
    return runaway || seen->end.endless || seen->end.hang == HANG_DEADLOCK ||
           seen->end.cpu_ns >= SPIN_FACTOR * cpu + SPIN_EXTRA_NS;
}

static int postpone(struct task_list *list, struct task *task, struct observation *seen,
                    const struct judgement *j) {
    task->first = *seen;
    task->first_judgement = *j;
    *seen = (struct observation){0};
    task_push(list, task);
    return task_move(task, TASK_PASSES);
}

/* The last of a series that is over, or one more of it. */
static int settle_series(struct drive *d, struct task *task,
                         const struct observation *seen, enum verdict verdict) {
    if (verdict == VERDICT_UNREACHED && !task->bad)
        return retry_unreached(d, task);
    task->bad |= plan_is_bad(verdict);
    bool more = task->bad && task->order.repeat < (uint32_t)d->replay->options->repeat;
    bool hung_enough =
        verdict == VERDICT_HUNG && task->order.repeat + 1 >= HUNG_EXECUTIONS;
    d->n_hung += hung_enough;
    task->disagrees |= task->last && task->last != verdict;
    task->last = verdict;
    if (more && !hung_enough)
        return queue_again(d, task);
    guarding_runs_consider(d, task, seen, verdict);
    return settle_done(d, task);
}

/* Has nothing asked for memory since the failure, and would nobody see it again? Then the run is one in which all that
 * comes after fails, too. */
static bool is_twins_run(const struct task *task, const struct observation *seen,
                         const struct judgement *j, const struct session *session) {
    return session && !task_is_late(task) && seen->proof.fired &&
           !seen->proof.overwritten && !seen->end.timed_out && !plan_is_bad(j->verdict) &&
           j->verdict != VERDICT_UNREACHED && session->arena->progress.calls == 0;
}

/* What was held back is settled by the same run, or runs by itself. */
static int settle_twin(struct drive *d, struct task *task, const struct observation *seen,
                       const struct judgement *j, const struct session *session) {
    struct task *twin = task->twin;
    if (!twin || j->verdict == VERDICT_UNREACHED)
        return 0;
    if (!is_twins_run(task, seen, j, session)) {
        queue_release(d, task);
        return 0;
    }
    struct observation same = *seen; /* what it points to stays */
    same.inferred = true;
    task->twin = NULL;
    const struct judgement judged = replay_judge(d->replay, &twin->order, &same);
    int64_t attempt;
    int err = settle_store(d, twin, &same, &judged, NULL, &attempt);
    settle_done(d, twin);
    return err;
}

/* It is stored, and the execution that passed its limit before it. */
static int settle_stored(struct drive *d, struct task *task,
                         const struct observation *seen, const struct judgement *j,
                         struct session *session) {
    int64_t attempt;
    int err = task_is_late(task) ? take_late(d, task, j) : 0;
    if (err == 0)
        err = settle_store(d, task, seen, j, session, &attempt);
    if (err == 0)
        err = settle_twin(d, task, seen, j, session);
    if (err == 0 && task->outcome)
        err = outcomes_shown(d, task, seen, j);
    if (err == 0 && task->group)
        err = confirm_runs_take(d, &task, seen, j->verdict);
    if (err < 0)
        task_free(task);
    return err < 0 || !task ? err : settle_series(d, task, seen, j->verdict);
}

int settle_judged(struct drive *d, struct task *task, struct observation *seen,
                  const struct judgement *j, struct session *session) {
    struct replay *r = d->replay;
    if (task->order.under == UNDER_GUARDED)
        return guarding_runs_take(d, task, seen, j);
    if (task->life == TASK_COPYING)
        return batch_take(d, task, seen, j);
    if (task->order.mode == MODE_CHANCE && !seen->proof.fired) {
        d->n_unfired++;
        return settle_done(d, task);
    }
    bool hung = j->verdict == VERDICT_HUNG, late = task_is_late(task);
    if (hung && !late && !is_own_doing(r, task, seen))
        return postpone(&d->late, task, seen, j);
    if (hung && !late && !seen->end.endless && task->limit_ns < r->time_limit_ns)
        return postpone(&d->urgent, task, seen, j);
    d->early_wrong |= late && !hung && !d->late_phase;
    return settle_stored(d, task, seen, j, session);
}

/* An address was in use that no run without a fault has found so. */
static bool is_refused(const struct replay *r, const struct observation *seen) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < r->n_runs; i++)
        most = r->runs[i].addresses_refused > most ? r->runs[i].addresses_refused : most;
    return seen->addresses_refused > most;
}

int settle_take(struct drive *d, struct task *task, struct observation *seen,
                struct session *session) {
    struct replay *r = d->replay;
    usual_set_aside(&r->baseline, seen);
    int met = tracing_take(r, seen);
    if (met == 0)
        met = replay_one_at_a_time(r, seen);
    if (met < 0) {
        task_free(task);
        return met;
    }
    /* on a path that runs without a fault do not take, beside one of its kind */
    bool copy = task->life == TASK_COPYING;
    if ((met || is_refused(r, seen)) && !copy && !task->met) {
        task->met = true;
        task_push(&d->urgent, task);
        return task_move(task, TASK_RETURNS);
    }
    if (seen->end.start_error) {
        task_free(task);
        return error_print_errno(-seen->end.start_error, "%s: cannot be started again",
                                 r->conditions.exe);
    }
    if (seen->output.checked && seen->output.check != 0 && seen->output.check != 1) {
        task_free(task);
        return -EINVAL; /* the worker has said why */
    }
    int err = !session ? 0
              : task->order.mode == MODE_CHANCE
                  ? ledger_failed_sites(r->ledger, seen, session)
                  : ledger_end_sites(r->ledger, seen, session);
    if (err < 0) {
        task_free(task);
        return err;
    }
    struct judgement j = replay_judge(d->replay, &task->order, seen);
    if (copy)
        leak_first_take(r, &task->order, seen, &j);
    if (j.verdict != VERDICT_DEGRADED || seen->output.checked || copy)
        return settle_judged(d, task, seen, &j, session);
    task->doubted = *seen;
    task->doubted_judgement = j;
    *seen = (struct observation){0};
    task_push(&d->doubted, task);
    return task_move(task, TASK_DOUBTS);
}

int settle_lost(struct drive *d, struct task *task, int err) {
    if (++task->lost < RUNNER_MAX_LOST) {
        task_push(&d->urgent, task);
        return task_move(task, TASK_RETURNS);
    }
    char key[DEARTH_KEY_HEX + 1];
    text_key(task->order.site, key);
    task_free(task);
    return error_print_errno(err, "site %.16s: the attempt could not be run", key);
}
