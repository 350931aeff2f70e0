/* SPDX-License-Identifier: Apache-2.0 */
/* The lists in the order of drive.c's picture, and the limits with which tasks fly: see queue.h. */
#include "queue.h"

#include "chance_row.h"
#include "control.h"
#include "drive.h"
#include "guarding_runs.h"
#include "survivors.h"
#include "task.h"
#include "text.h"

#define LATE_LIMIT_FACTOR 3u
#define EARLY_AFTER                                                                      \
    4u /* hangs settled by the whole limit before a shorter one is tried */
#define EARLY_SURE 16u /* and before the shorter one may settle a hang by itself */
#define EARLY_FACTOR                                                                     \
    12u /* enough to use ten times the baseline's processor time, which settles a hang */
#define EARLY_EXTRA_NS 500000000u
#define GUARDED_FACTOR 5u /* times the limit: every stack is walked, every block filled */

enum { DONE_RECORDING_ID = 1, DONE_CHANCE, DONE_UNDER };

/* Was the execution with this chance stored by an earlier replay? */
static int is_done_by_chance(const struct replay *r, const struct chance *chance) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *text = chance_row_text(chance);
    if (r->options->plan.retest)
        return 0;
    int err = store_prepare(r->store,
                            "SELECT 1 FROM attempt a JOIN replay r ON r.id = a.replay_id "
                            "WHERE r.recording_id = ? AND a.chance = ? AND a.under = ? "
                            "LIMIT 1",
                            &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, DONE_RECORDING_ID, r->recording_id);
    sqlite3_bind_text(s, DONE_CHANCE, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, DONE_UNDER, under_name(r->under), -1, SQLITE_STATIC);
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
    if (d->source == DRIVE_CHANCE)
        return next_chance(d);
    if (d->source == DRIVE_PAIRS)
        return d->next_fault < r->pairs.n
                   ? task_of_pair(r, &r->pairs.list[d->next_fault++])
                   : NULL;
    while (d->next_fault < r->plan.n_faults) {
        const struct plan_fault *f = &r->plan.faults[d->next_fault++];
        if (d->taken[d->next_fault - 1])
            continue;
        if (d->unreached[f->site] == f->occurrence) {
            r->progress.done++; /* the other mode has shown that it never comes up */
            continue;
        }
        return task_of_fault(r, f);
    }
    return NULL;
}

/* Nothing has come of it yet, and nobody waits for what does. */
static bool is_fresh(const struct task *t) {
    return t->life == TASK_WAITING && !t->order.repeat && !t->bad && !t->retries &&
           !t->order.second_site_id && !t->order.explore && !t->confirms && !t->group &&
           !t->outcome && !t->twin && t->order.under == UNDER_PLAIN;
}

static bool is_twin(const struct task *one, const struct task *two) {
    return is_fresh(one) && is_fresh(two) && one->order.mode == MODE_ONCE &&
           two->order.mode == MODE_STICKY && one->site == two->site &&
           one->order.occurrence == two->order.occurrence &&
           one->order.thread == two->order.thread && one->order.call == two->order.call;
}

static struct task *take_twin(struct task_list *list, const struct task *task) {
    for (uint32_t i = list->head; i < list->n; i++) {
        struct task *other = list->items[i];
        if (!is_twin(task, other))
            continue;
        for (; i + 1 < list->n; i++)
            list->items[i] = list->items[i + 1];
        list->n--;
        return other;
    }
    return NULL;
}

/* The same call, failing with all that come after it, is held back while @task's run may show what that would. --how rerun runs
 * everything: it is what the rest is compared with. */
static void hold_twin(struct drive *d, struct task *task) {
    const struct replay *r = d->replay;
    if (r->options->how != REPLAY_AUTO || !r->traced || d->source != DRIVE_PLAN ||
        !is_fresh(task) || task->order.mode != MODE_ONCE)
        return;
    task->twin = take_twin(&d->reruns, task);
    for (uint32_t i = d->next_fault; !task->twin && i < r->plan.n_faults; i++) {
        const struct plan_fault *f = &r->plan.faults[i];
        if (f->site != task->site || f->mode != MODE_STICKY || d->taken[i])
            continue;
        struct task *next = task_of_fault(r, f);
        d->taken[i] = is_twin(task, next);
        if (d->taken[i])
            task->twin = next;
        else
            task_free(next);
    }
}

void queue_release(struct drive *d, struct task *task) {
    struct task *twin = task->twin;
    task->twin = NULL;
    if (!twin)
        return;
    if (d->unreached[twin->site] == twin->order.occurrence) {
        d->replay->progress.done++; /* as in next_planned() */
        task_free(twin);
    } else {
        task_push(&d->twins, twin);
    }
}

static struct task *next_fault(struct drive *d) {
    if (d->stopping)
        return NULL;
    struct task *task = task_pop(&d->urgent);
    if (!task)
        task = task_pop(&d->reruns);
    if (!task)
        task = next_planned(d);
    if (task)
        hold_twin(d, task);
    else
        task = task_pop(&d->twins);
    if (!task && d->confirming)
        return NULL; /* copies go on before the rest */
    if (!task && survivors_sample(d))
        task = task_pop(&d->reruns);
    if (!task)
        task = guarding_runs_next(d);
    if (!task && d->n_flying == 0 && d->n_flying_batches == 0 &&
        !task_list_is_empty(&d->late))
        d->late_phase = true;
    if (!task && d->late_phase)
        task = task_pop(&d->late);
    return task;
}

struct task *queue_next(struct drive *d) {
    struct task *task = control_is_due(d) ? control_make(d) : next_fault(d);
    return task || d->n_flying ? task : control_make(d);
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
    if (d->late_phase || task_is_control(task))
        return LATE_LIMIT_FACTOR * r->time_limit_ns;
    bool early = d->n_hung >= (task_is_late(task) ? EARLY_SURE : EARLY_AFTER);
    uint64_t fastest = r->baseline.duration_ns;
    for (uint32_t i = 0; i < r->n_runs; i++)
        fastest =
            r->runs[i].end.duration_ns < fastest ? r->runs[i].end.duration_ns : fastest;
    uint64_t limit = EARLY_FACTOR * fastest + EARLY_EXTRA_NS;
    if (!early || d->early_wrong || r->options->time_limit_ns || limit > r->time_limit_ns)
        return r->time_limit_ns;
    return limit;
}

uint32_t queue_take_off(struct drive *d, struct task *task) {
    uint32_t tag = d->first_free;
    while (tag < d->n_tags && d->flying[tag])
        tag++;
    if (tag == d->n_tags) {
        d->flying = text_grow(d->flying, d->n_tags, sizeof *d->flying);
        d->n_tags++;
    }
    d->first_free = tag + 1;
    d->flying[tag] = task;
    d->n_flying++;
    return tag;
}

struct task *queue_land(struct drive *d, uint64_t tag) {
    struct task *task = tag < d->n_tags ? d->flying[tag] : NULL;
    if (task) {
        d->flying[tag] = NULL;
        d->n_flying--;
        d->first_free = tag < d->first_free ? (uint32_t)tag : d->first_free;
    }
    return task;
}

int queue_fly(struct drive *d, struct task *task) {
    task->limit_ns = limit_of(d, task);
    int err = task_move(task, TASK_FLIES);
    if (err < 0) {
        task_free(task);
        return err;
    }
    runner_set_time_limit(d->replay->runner, task->limit_ns);
    uint32_t tag = queue_take_off(d, task);
    return runner_submit(d->replay->runner, &task->order, tag);
}

int queue_again(struct drive *d, struct task *task) {
    task->order.repeat++;
    task_push(&d->urgent, task);
    return task_move(task, TASK_REPEATS);
}
