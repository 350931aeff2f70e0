/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot runs: one original runs the program, and a copy of it gets each of its batch's faults.
 *
 *   snapshots ─► batch ─► a copy's result ─► attempt row, confirmation asked for (batch_take)
 *                  │      no copy made    ─► reruns, with the reason
 *                  └─► the original's end ─► as if never copied: the results count
 *                                         ─► diverged, lost: they are void, all to reruns
 */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "confirm_runs.h"
#include "copies.h"
#include "copy_pass.h"
#include "drive.h"
#include "error.h"
#include "guarding_runs.h"
#include "leak_first.h"
#include "outcomes.h"
#include "queue.h"
#include "settle.h"
#include "shared.h"
#include "survivor.h"
#include "survivors.h"
#include "task.h"
#include "text.h"

/* Hash seeds and address layouts make the number of calls vary from run to run (perl: 1243 or 1244)
 * beyond what a few baseline runs show; one in so many is no sign of a disturbed original. */
#define CALLS_VARY     100u
/* A snapshot run costs a run of the whole program: auto wants something to save. */
#define WORTH_A_BATCH  4u
/* Copies whose doings cannot be undone end their original; with fewer results than this for each such end
 * (after a few), a rerun for each fault is as cheap. */
#define WORTH_A_SPOIL  3u
#define SPOILS_ALLOWED 4u

/* One snapshot run. */
struct batch {
    uint32_t n_results;
    struct confirm_member *members; /* [n_results]: void when its original diverges */
};

int batch_leave_to_rerun(struct drive *d, struct task *task, const char *reason) {
    task_push(&d->reruns, task);
    return ledger_refuse(d->replay->ledger, task->order.site_id, reason);
}

/* From a snapshot run, without a result. */
static int come_back(struct task *task) {
    task->batch = NULL;
    return task_move(task, TASK_RETURNS);
}

static int take_refusal(struct drive *d, struct task *task,
                        const struct observation *seen) {
    const struct batch *batch = task->batch;
    int err = come_back(task);
    if (err < 0) {
        task_free(task);
        return err;
    }
    if (d->stopping || d->confirming) { /* no copy may have been made for that alone */
        task_push(&d->snapshots, task);
        return 0;
    }
    const char *reason = refusal_name((enum shm_refusal)seen->proof.refusal);
    if (outcomes_take(d, task, batch, seen))
        return 0;
    if (reason)
        return batch_leave_to_rerun(d, task, reason);
    if (++task->lost >= RUNNER_MAX_LOST)
        return batch_leave_to_rerun(d, task, refusal_name(SHM_REFUSED_FILES));
    task_push(&d->snapshots, task); /* its original had to be ended before it came up */
    return 0;
}

/* A copy keeps no stacks of what fails after its fault; the whole program will. */
static int take_unsure(struct drive *d, struct task *task) {
    int err = come_back(task);
    if (err == 0)
        return batch_leave_to_rerun(d, task, refusal_name(SHM_REFUSED_LAST));
    task_free(task);
    return err;
}

int batch_take(struct drive *d, struct task *task, const struct observation *seen,
               const struct judgement *j) {
    struct batch *batch = task->batch;
    d->n_asked_copies++;
    d->n_threads += !seen->proof.fired && seen->proof.refusal == SHM_REFUSED_THREADS;
    if (!seen->proof.fired)
        return take_refusal(d, task, seen);
    if (seen->end.survived) {
        int err = come_back(task);
        survivors_take(d, task, batch);
        return err;
    }
    if (j->unsure)
        return take_unsure(d, task);
    int64_t id = 0;
    int err = settle_store(d, task, seen, j, NULL, &id);
    const struct confirm_member member = {task->order, task->site, id};
    uint32_t n = batch->n_results++;
    batch->members = text_grow(batch->members, n, sizeof *batch->members);
    batch->members[n] = member;
    d->n_spoilt_results++;
    if (err == 0)
        confirm_runs_ask(d, &member, seen, j);
    /* what is to be confirmed first is asked for then */
    if (j->severity <= SEVERITY_OK || !d->replay->options->repeat ||
        d->guarding.mode == GUARDING_ALL)
        guarding_runs_consider(d, task, seen, j->verdict);
    settle_done(d, task);
    return err;
}

bool batch_has_diverged(const struct replay *r, const struct observation *seen) {
    const struct baseline *b = &r->baseline;
    struct judgement j = {0};
    if (seen->proof.refusal == SHM_REFUSED_FILES) /* ended by us: as far as it came */
        return b->stdout_stable && seen->output.stdout_kept <= b->stdout_kept &&
               seen->output.stdout_kept &&
               memcmp(seen->output.stdout_data, b->stdout_data,
                      seen->output.stdout_kept) != 0;
    if (seen->end.timed_out ||
        (b->status_stable && (seen->end.exit_code != b->exit_code ||
                              seen->end.exit_signal != b->exit_signal)))
        return true;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < r->n_runs; i++) {
        least = r->runs[i].calls < least ? r->runs[i].calls : least;
        most = r->runs[i].calls > most ? r->runs[i].calls : most;
    }
    uint64_t slack = most - least + most / CALLS_VARY + 1;
    return seen->outward & ~b->outward || seen->calls + slack < least ||
           seen->calls > most + slack ||
           (baseline_stdout_same(b, seen, &j) == 0 && !baseline_stdout_alike(b, seen)) ||
           baseline_files_same(b, seen, &j) == 0;
}

/* What its copies showed counts from now on. */
static int check_batch(struct drive *d, const struct batch *batch) {
    int err = 0;
    for (uint32_t i = 0; i < batch->n_results && err == 0; i++)
        err = ledger_check(d->replay->ledger, batch->members[i].attempt_id);
    return err < 0 ? err : ledger_flush(d->replay->ledger);
}

/* What its copies showed is no evidence: their faults are for whole programs. */
static int void_batch(struct drive *d, struct batch *batch, const char *reason) {
    int err = 0;
    for (uint32_t i = 0; i < batch->n_results && err >= 0; i++) {
        const struct confirm_member *m = &batch->members[i];
        err = ledger_forget(d->replay->ledger, m->attempt_id);
        if (err == 0)
            continue; /* contradicted: it has its rerun */
        if (err < 0)
            break;
        struct task *task = confirm_runs_task(m);
        task->order.repeat = 0;
        task->bad = false;
        d->replay->progress.done--;
        err = batch_leave_to_rerun(d, task, reason);
    }
    return err;
}

int batch_end(struct drive *d, uint64_t tag, const struct observation *seen) {
    struct batch *batch = d->batches[tag & ~BATCH_TAG];
    d->n_flying_batches--;
    d->n_spoils += seen->proof.refusal == SHM_REFUSED_FILES;
    bool diverged = batch_has_diverged(d->replay, seen);
    int err = diverged ? void_batch(d, batch, "diverged") : check_batch(d, batch);
    if (err == 0)
        err = survivors_end(d, batch, diverged ? "diverged" : NULL);
    return err < 0 ? err : outcomes_end(d, batch, diverged ? "diverged" : NULL);
}

int batch_lose(struct drive *d, uint64_t tag) {
    struct batch *batch = d->batches[tag & ~BATCH_TAG];
    d->n_flying_batches--;
    error_warn("a snapshot run broke off; its faults are left to rerun");
    int err = void_batch(d, batch, "limit");
    if (err == 0)
        err = survivors_end(d, batch, "limit");
    if (err == 0)
        err = outcomes_end(d, batch, "limit");
    for (uint32_t i = 0; i < d->n_tags && err == 0; i++) {
        struct task *task = d->flying[i];
        if (!task || task->batch != batch || (err = come_back(task)) < 0)
            continue;
        err = batch_leave_to_rerun(d, queue_land(d, i), "limit");
    }
    return err;
}

static int compare_tasks(const void *a, const void *b) {
    const struct order *x = &(*(struct task *const *)a)->order,
                       *y = &(*(struct task *const *)b)->order;
    if (!key_equal(x->site, y->site))
        return memcmp(&x->site, &y->site, sizeof x->site);
    if (x->occurrence != y->occurrence)
        return x->occurrence < y->occurrence ? -1 : 1;
    return (int)x->mode - (int)y->mode;
}

/* The share of a worker of what waits for snapshots: whole sites, every n-th of them. */
static uint32_t draw_share(struct drive *d, uint32_t shares, struct task **out) {
    struct task_list *list = &d->snapshots;
    struct task **left = text_alloc((list->n - list->head + 1) * sizeof *left);
    uint32_t n = 0, n_left = 0, sites = 0;
    for (uint32_t i = list->head; i < list->n; i++) {
        struct task *task = list->items[i];
        sites += i == list->head || task->site != list->items[i - 1]->site;
        if (sites % shares == 1 % shares && n < SHM_MAX_ORDERS)
            out[n++] = task;
        else
            left[n_left++] = task;
    }
    memcpy(list->items, left, n_left * sizeof *left);
    list->head = 0;
    list->n = n_left;
    free(left);
    return n;
}

static int fly_batch(struct drive *d) {
    struct replay *r = d->replay;
    struct task_list *list = &d->snapshots;
    qsort(list->items + list->head, list->n - list->head, sizeof(struct task *),
          compare_tasks);
    struct task **tasks = text_alloc((list->n - list->head + 1) * sizeof(struct task *));
    uint32_t n = draw_share(d, (uint32_t)r->jobs - d->n_flying_batches, tasks);
    struct batch *batch = text_alloc(sizeof *batch);
    struct tagged_order *orders = text_alloc((n + 1) * sizeof *orders);
    int err = 0;
    for (uint32_t i = 0; i < n; i++) {
        int moved = task_move(tasks[i], TASK_COPIES);
        err = moved < 0 ? moved : err;
        tasks[i]->batch = batch;
        tasks[i]->limit_ns = r->time_limit_ns;
        orders[i] = (struct tagged_order){queue_take_off(d, tasks[i]), tasks[i]->order};
        orders[i].order.leaks = leak_first_wants(r, &tasks[i]->order, tasks[i]->site);
    }
    d->batches = text_grow(d->batches, d->n_batches, sizeof(struct batch *));
    d->batches[d->n_batches] = batch;
    d->n_flying_batches++;
    runner_set_time_limit(r->runner, r->time_limit_ns);
    uint64_t tag = BATCH_TAG | d->n_batches++;
    if (err == 0)
        err = runner_submit_snapshots(r->runner, orders, n, tag,
                                      r->time_limit_ns + (uint64_t)n * BATCH_COPIED_NS);
    free(orders);
    free(tasks);
    return err;
}

static bool snapshots_pay(const struct drive *d) {
    return d->n_spoils < SPOILS_ALLOWED ||
           d->n_spoilt_results >= WORTH_A_SPOIL * d->n_spoils;
}

int batch_next(struct drive *d) {
    struct task_list *list = &d->snapshots;
    if (task_list_is_empty(list) || d->stopping || d->confirming)
        return 0;
    int err = 0;
    if (!snapshots_pay(d)) {
        for (struct task *task; err == 0 && (task = task_pop(list));)
            err = batch_leave_to_rerun(d, task, refusal_name(SHM_REFUSED_FILES));
        return err;
    }
    err = fly_batch(d);
    return err < 0 ? err : 1;
}

int batch_collect(struct drive *d) {
    const struct replay *r = d->replay;
    int err = 0;
    enum replay_how how = r->options->how;
    bool wanted = how == REPLAY_SNAPSHOT ||
                  (how == REPLAY_AUTO && r->plan.n_faults >= WORTH_A_BATCH);
    if (d->source != DRIVE_PLAN || !wanted || r->options->plan.thread != THREAD_ANY ||
        !copy_pass_may(r))
        return 0;
    bool in_vain = how == REPLAY_AUTO &&
                   shared_copies_in_vain(r->options->shared, r->conditions.exe);
    if (!in_vain && (err = leak_first_begin(d->replay)) != 0)
        return err;
    for (; err == 0 && d->next_fault < r->plan.n_faults; d->next_fault++) {
        const struct plan_fault *f = &r->plan.faults[d->next_fault];
        struct task *task = task_of_fault(r, f);
        task->order.most = r->options->quick ? SURVIVOR_CALLS : 0;
        if (in_vain && !f->done && !f->explore)
            err = batch_leave_to_rerun(d, task, REFUSAL_ALIKE);
        else
            task_push(f->done || f->explore ? &d->reruns : &d->snapshots, task);
    }
    return err;
}

void batch_note(const struct drive *d) {
    const struct replay *r = d->replay;
    if (d->n_asked_copies)
        shared_note_copies(r->options->shared, r->conditions.exe,
                           d->n_threads == d->n_asked_copies);
}

void batch_free_all(struct drive *d) {
    for (uint32_t i = 0; i < d->n_batches; i++) {
        free(d->batches[i]->members);
        free(d->batches[i]);
    }
    free(d->batches);
}
