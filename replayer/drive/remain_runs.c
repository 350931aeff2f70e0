/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that failures leave, and whether they stay:
 *
 *   attempts (handled, reported; killed for them after a moment) ─► one of each location, few in all
 *        ─► again, as a whole program, with patience ─► still there ─► once more ─► attempt row
 */
#include "remain_runs.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "next_runs.h"
#include "remains.h"
#include "task.h"
#include "text.h"

#define LEAST_LOOKS       4u
#define LOOKS_PER_HUNDRED 2u /* faults: of an execution or two each, with its patience */

void remain_runs_deinit(struct replay *r) {
    free(r->remain_looks);
    r->remain_looks = NULL;
    r->n_remain_looks = 0;
}

void remain_runs_consider(struct replay *r, const struct task *task,
                          const struct observation *seen, const struct judgement *j) {
    const struct order *order = &task->order;
    if (!remains_has_children(&r->baseline, seen, j) || seen->inferred ||
        order->under != UNDER_PLAIN || order->second_site_id ||
        order->mode == MODE_CHANCE || r->options->how == REPLAY_SWEEP)
        return;
    const struct plan_site *site = &r->sites.list[task->site];
    int64_t location = sites_location(site);
    for (uint32_t i = 0; i < r->n_remain_looks; i++) {
        struct next_look *l = &r->remain_looks[i];
        if (l->location != location)
            continue;
        if (order->mode == MODE_ONCE && l->order.mode != MODE_ONCE)
            l->order = *order; /* says more */
        return;
    }
    r->remain_looks =
        text_grow(r->remain_looks, r->n_remain_looks, sizeof *r->remain_looks);
    const char *exe = seen->end.left_exe ? seen->end.left_exe : "";
    r->remain_looks[r->n_remain_looks++] =
        (struct next_look){*order, location, key_hash(exe, strlen(exe)).lo};
}

/* Return: 1 they stay, 0, or a negative errno. @store: when they do */
static int look_once(struct replay *r, const struct order *order, bool store) {
    struct observation seen = {0};
    struct judgement j = {0};
    int err = 0;
    bool known = next_runs_one(r->runner, order, &seen);
    if (known)
        j = next_runs_judge(r, order, &seen);
    bool stays = known && remains_has_children(&r->baseline, &seen, &j);
    if (stays && store) {
        remains_say_children(&seen, order->patience_ns, &j);
        err = ledger_attempt(r->ledger, order, &seen, &j, NULL);
        r->progress.executions++;
    }
    observation_deinit(&seen);
    return err < 0 ? err : stays;
}

static int look_at(struct replay *r, const struct next_look *look, uint64_t patience) {
    struct order order = look->order;
    order.repeat++;
    order.leaks = order.explore = false;
    order.patience_ns = patience;
    int stays = look_once(r, &order, false);
    return stays > 0 ? look_once(r, &order, true) : stays;
}

int remain_runs(struct replay *r) {
    uint64_t patience = remains_patience_ns(&r->baseline);
    uint32_t most = LEAST_LOOKS + r->progress.planned * LOOKS_PER_HUNDRED / 100;
    int err = 0;
    if (!patience || !r->n_remain_looks)
        return REPLAY_DONE;
    AUTO_FREE bool *stays = text_alloc(r->n_remain_looks * sizeof *stays);
    qsort(r->remain_looks, r->n_remain_looks, sizeof *r->remain_looks,
          next_looks_compare);
    runner_set_time_limit(r->runner, r->time_limit_ns);
    for (uint32_t i = 0; i < r->n_remain_looks && most && err >= 0; i++) {
        const struct next_look *look = &r->remain_looks[i];
        if (interrupt_wanted() || replay_time_is_up(r))
            break;
        if (next_looks_explain(r->remain_looks, r->n_remain_looks, stays, i))
            continue;
        most--;
        err = look_at(r, look, patience);
        stays[i] = err > 0;
    }
    if (err >= 0)
        err = ledger_flush(r->ledger);
    return err < 0 ? err : interrupt_wanted() ? REPLAY_INTERRUPTED : REPLAY_DONE;
}
