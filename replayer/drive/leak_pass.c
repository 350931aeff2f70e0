/* SPDX-License-Identifier: Apache-2.0 */
/* The look for leaks at work: see leak_pass.h. */
#include "leak_pass.h"

#include <stdlib.h>

#include "leaks.h"
#include "open_runs.h"
#include "task.h"
#include "text.h"
#include "usual.h"

bool leak_pass_is_ordinary(enum verdict v) {
    return v == VERDICT_HANDLED || v == VERDICT_REPORTED || v == VERDICT_DEGRADED;
}

struct order leak_pass_order(const struct pass *p, const struct look *look) {
    struct order order = task_order_at(&p->replay->sites.list[look->site]);
    order.occurrence = (uint64_t)look->occurrence;
    order.mode = look->mode;
    order.burst = look->burst;
    order.repeat = look->repeat;
    order.thread = look->thread;
    order.call = look->call;
    order.leaks = true;
    return order;
}

struct judgement leak_pass_judge(const struct pass *p, struct observation *seen) {
    const struct replay *r = p->replay;
    struct baseline baseline = r->baseline;
    baseline.leaks_known = r->watch.baseline.leaks_known;
    baseline.leaks = r->watch.baseline.leaks;
    baseline.n_leaks = r->watch.baseline.n_leaks;
    usual_set_aside(&baseline, seen);
    struct judgement j = verdict_judge(&baseline, NULL, seen, r->options->catalogue);
    if (leak_pass_is_ordinary(j.verdict) && seen->leaks.known)
        seen->leaks.n = leaks_excess(&baseline, seen->leaks.sites, seen->leaks.n);
    return j;
}

void leak_pass_deinit(struct replay *r) {
    baseline_deinit(&r->watch.baseline);
    free(r->watch.first);
    r->watch = (struct leak_watch){0};
}

static void take_runs(struct replay *r, const struct observation *runs, uint32_t n) {
    struct leak_watch *w = &r->watch;
    w->tried = true;
    leaks_fold(runs, n, &w->baseline);
    open_runs_usual(r, runs, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!runs[i].leaks.known)
            w->state = runs[i].leaks.state;
        w->cpu_ns = runs[i].end.cpu_ns > w->cpu_ns ? runs[i].end.cpu_ns : w->cpu_ns;
    }
}

/* What was submitted is waited for to its end: tags are used again. Return: as leak_pass_watch(). */
static int run_watched(struct replay *r, struct observation *runs, uint32_t wanted,
                       uint32_t *n) {
    const struct order order = {.leaks = true};
    uint32_t submitted = 0, ended = 0;
    int err = 0, lost = 0;
    while (err == 0 && (ended < submitted || (submitted < wanted && !lost))) {
        while (!lost && submitted < wanted && runner_ready(r->runner)) {
            lost = runner_submit(r->runner, &order, submitted);
            submitted += lost == 0;
        }
        const struct session *session;
        uint64_t tag = UINT64_MAX;
        int got = ended < submitted
                      ? runner_wait(r->runner, 200, &tag, &runs[*n], &session)
                      : 0;
        *n += got > 0;
        ended += got > 0 || (got < 0 && tag != UINT64_MAX);
        lost = lost < 0 ? lost : got < 0 ? got : 0;
        err = got < 0 && tag == UINT64_MAX ? got
              : interrupt_wanted()         ? REPLAY_INTERRUPTED
              : replay_time_is_up(r)       ? REPLAY_BUDGET
                                           : 0;
    }
    return err ? err : lost;
}

int leak_pass_watch(struct replay *r) {
    if (r->watch.tried)
        return 0;
    uint32_t wanted = (uint32_t)r->options->baseline_runs, n = 0;
    struct observation *runs = text_alloc((wanted + 1ull) * sizeof *runs);
    runner_set_time_limit(r->runner, r->time_limit_ns + LEAK_SEARCH_NS);
    int err = run_watched(r, runs, wanted, &n);
    if (err == 0)
        take_runs(r, runs, n);
    for (uint32_t i = 0; i < n; i++)
        observation_deinit(&runs[i]);
    free(runs);
    return err < 0 ? 0 : err; /* a worker died: nothing is known */
}
