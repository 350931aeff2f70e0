/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions with guarded blocks: the trial whether the program bears them, then what waits for it.
 * Which faults get one is judged by guarding.c; the blocks are the preload library's.
 *
 *   UNKNOWN ─ first wanted ─► ON_TRIAL ─ GUARDED_RUNS runs without a fault ─► FIT
 *                                     └─ one of them goes wrong ─► REFUSED, and said so
 */
#include "guarding_runs.h"

#include "drive.h"
#include "error.h"
#include "queue.h"
#include "settle.h"
#include "task.h"
#include "text.h"

#define GUARDED_RUNS 2u /* without a fault, before the first guarded attempt */

struct task *guarding_runs_next(struct drive *d) {
    if (task_list_is_empty(&d->guarded))
        return NULL;
    if (d->guarding_state == GUARDING_FIT)
        return task_pop(&d->guarded);
    if (d->guarding_state != GUARDING_UNKNOWN)
        return NULL;
    d->guarding_state = GUARDING_ON_TRIAL;
    for (uint32_t i = 0; i < GUARDED_RUNS; i++) {
        struct task *task = text_alloc(sizeof *task);
        task->order.under = UNDER_GUARDED;
        task_push(&d->urgent, task);
    }
    return task_pop(&d->urgent);
}

void guarding_runs_consider(struct drive *d, const struct task *task,
                            const struct observation *seen, enum verdict verdict) {
    const struct plan_site *site = &d->replay->sites.list[task->site];
    if (d->guarding_state == GUARDING_REFUSED || task->order.under != UNDER_PLAIN ||
        task->order.mode == MODE_CHANCE)
        return;
    bool ordinary = verdict == VERDICT_HANDLED || verdict == VERDICT_REPORTED;
    const struct guarding_case c = {.location = sites_location(site),
                                    .verdict = verdict,
                                    .disagrees = task->disagrees,
                                    .caught = ordinary && seen->crash.signal &&
                                              seen->crash.code > 0};
    if (!guarding_wants(&d->guarding, &c))
        return;
    struct task *guarded = text_alloc(sizeof *guarded);
    guarded->site = task->site;
    guarded->order = task->order;
    guarded->order.repeat = 0;
    guarded->order.under = UNDER_GUARDED;
    guarded->plain_end = guarding_end(verdict, seen);
    guarded->well =
        d->guarding.mode == GUARDING_AUTO && ordinary && !c.disagrees && !c.caught;
    task_push(&d->guarded, guarded);
}

/* A guarded run without a fault. */
static int take_run(struct drive *d, const struct observation *seen) {
    struct replay *r = d->replay;
    char why[160];
    if (d->guarding_state != GUARDING_ON_TRIAL)
        return 0;
    if (!guarding_refusal(&r->baseline, seen, why, sizeof why)) {
        if (++d->guarded_runs == GUARDED_RUNS)
            d->guarding_state = GUARDING_FIT;
        return 0;
    }
    d->guarding_state = GUARDING_REFUSED;
    bool missed = false;
    for (struct task *task; (task = task_pop(&d->guarded));) {
        missed |= !task->well;
        task_free(task);
    }
    if (!missed) /* nothing looked like damage */
        return 0;
    AUTO_FREE char *text = text_format(
        "%s cannot be run with guarded blocks: %s; silent damage to memory is "
        "not looked for",
        r->conditions.exe, why);
    progress_clear(&r->progress);
    error_warn("%s", text);
    return ledger_note(r->ledger, "guard_refused", r->conditions.exe, text);
}

/* Only what the guard shows with proof counts: a fault that did not come up, or a limit that
 * was passed, may be its own doing. */
int guarding_runs_take(struct drive *d, struct task *task, const struct observation *seen,
                       const struct judgement *j) {
    struct replay *r = d->replay;
    if (task->order.site_id == 0) {
        task_free(task);
        return take_run(d, seen);
    }
    d->guarded_hung += j->verdict == VERDICT_HUNG;
    if (j->verdict == VERDICT_HUNG || j->verdict == VERDICT_UNREACHED) {
        task_free(task);
        return 0;
    }
    r->progress.guarded++;
    if (task->well && verdict_severity(j->verdict) < SEVERITY_BUG) {
        task_free(task); /* as it looked: no evidence of anything */
        return 0;
    }
    int err = settle_store(d, task, seen, j, NULL, NULL);
    bool more = plan_is_bad(j->verdict) &&
                guarding_end(j->verdict, seen) != task->plain_end &&
                task->order.repeat < (uint32_t)r->options->repeat;
    if (err == 0 && more)
        return queue_again(d, task);
    task_free(task);
    return err;
}
