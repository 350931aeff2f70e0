/* SPDX-License-Identifier: Apache-2.0 */
/* The second look at work: see leak_pass.h. */
#include "leak_pass.h"

#include "leaks.h"
#include "task.h"
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
    baseline.leaks_known = p->baseline.leaks_known;
    baseline.leaks = p->baseline.leaks;
    baseline.n_leaks = p->baseline.n_leaks;
    usual_set_aside(&baseline, seen);
    struct judgement j = verdict_judge(&baseline, NULL, seen, r->options->catalogue);
    if (leak_pass_is_ordinary(j.verdict) && seen->leaks.known)
        seen->leaks.n = leaks_excess(&baseline, seen->leaks.sites, seen->leaks.n);
    return j;
}
