/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controls: runs without a fault that are made when attempts have shown other output than the
 * baseline. What a control shows too is no sign of the failure but of time gone by (a date, a
 * growing log): the baseline takes it in, and the attempts that waited are judged by that.
 */
#include "control.h"

#include <stdlib.h>

#include "clock.h"
#include "drive.h"
#include "settle.h"
#include "task.h"
#include "text.h"

#define CONTROL_FACTOR 20u /* of the baseline's duration, from one control to the next */
#define MIN_CONTROL_NS 2000000000u

/* Controls are cheap against what runs between them. What flies now may be doubted next: the same one is to do for it,
 * when that need not be waited for long. */
bool control_is_due(const struct drive *d) {
    uint64_t every = CONTROL_FACTOR * d->replay->baseline.duration_ns;
    every = every > MIN_CONTROL_NS ? every : MIN_CONTROL_NS;
    return !task_list_is_empty(&d->doubted) && !d->control_flying &&
           clock_mono_ns() - d->control_ns >= every;
}

struct task *control_make(struct drive *d) {
    if (task_list_is_empty(&d->doubted) || d->control_flying)
        return NULL;
    struct task *task = text_alloc(sizeof *task);
    d->control_flying = true;
    d->control_ns = clock_mono_ns();
    d->covered = d->doubted.n;
    return task;
}

/* Does a run without a fault show what the baseline does not? */
static bool is_news(const struct replay *r, const struct observation *seen) {
    struct judgement j = {0};
    return !baseline_stdout_same(&r->baseline, seen, &j) ||
           !baseline_files_same(&r->baseline, seen, &j) ||
           (r->baseline.status_stable &&
            (seen->end.exit_code != r->baseline.exit_code ||
             seen->end.exit_signal != r->baseline.exit_signal));
}

/* One more run that an attempt is compared with. @seen is taken over. */
static int widen_baseline(struct replay *r, struct observation *seen,
                          const struct session *session) {
    int err = ledger_baseline(r->ledger, r->n_runs + 1, seen, (struct session *)session);
    if (err < 0)
        return err;
    r->runs = text_realloc(r->runs, (r->n_runs + 1) * sizeof *r->runs);
    r->runs[r->n_runs++] = *seen;
    *seen = (struct observation){0};
    baseline_deinit(&r->baseline);
    baseline_fold(r->runs, r->n_runs, r->options->catalogue, &r->baseline);
    return 0;
}

/* A control that did not end by itself says nothing about output. */
int control_take(struct drive *d, struct observation *seen,
                 const struct session *session) {
    d->control_flying = false;
    bool wider = session && !seen->end.timed_out && !seen->end.start_error &&
                 seen->proof.attached && is_news(d->replay, seen);
    int err = wider ? widen_baseline(d->replay, seen, session) : 0;
    while (err >= 0 && d->doubted.head < d->covered) {
        struct task *task = task_pop(&d->doubted);
        struct observation doubted = task->doubted;
        task->doubted = (struct observation){0};
        const struct judgement j = wider ? replay_judge(d->replay, &task->order, &doubted)
                                         : task->doubted_judgement;
        err = settle_judged(d, task, &doubted, &j, NULL);
        observation_deinit(&doubted);
    }
    return err;
}
