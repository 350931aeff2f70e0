/* SPDX-License-Identifier: Apache-2.0 */
/* The second look at work: see leak_pass.h. */
#include "leak_pass.h"

#include "leaks.h"
#include "usual.h"

bool leak_pass_is_ordinary(enum verdict v) {
    return v == VERDICT_HANDLED || v == VERDICT_REPORTED || v == VERDICT_DEGRADED;
}

struct order leak_pass_order(const struct pass *p, const struct look *look) {
    const struct plan_site *s = &p->replay->sites.list[look->site];
    return (struct order){.site_id = s->id,
                          .site = s->key,
                          .leaf_module = s->leaf_module,
                          .leaf_offset = s->leaf_offset,
                          .occurrence = (uint64_t)look->occurrence,
                          .mode = look->mode,
                          .burst = look->burst,
                          .repeat = look->repeat,
                          .thread = look->thread,
                          .call = look->call,
                          .leaks = true};
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
