/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults that are looked at by copies first, so that few are left to whole programs:
 *
 *   orders ─► originals, one per worker ─► a copy for each fault ─► held
 *                          │ ends as if never copied       └─► is there
 *                          └ else ─► not there
 */
#include "copy_pass.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "copies.h"
#include "error.h"
#include "replay_private.h"
#include "text.h"

struct copying {
    struct replay *replay;
    const struct order *orders;
    struct copied *out;
    uint32_t n;
    bool *held;            /* [n] out[].seen is a copy's result */
    uint32_t *original_of; /* [n] which one, 1-based; 0 = none */
    uint32_t n_originals, n_flying;
};

bool copy_pass_may(const struct replay *r) {
    return r->options->how != REPLAY_RERUN && r->under == UNDER_PLAIN && r->traced &&
           r->isolation == ISOLATION_OVERLAY;
}

void copy_pass_free(struct copied *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (out[i].there)
            observation_deinit(&out[i].seen);
    free(out);
}

/* --- submitting --- */

struct sorting {
    const struct order *order;
    uint32_t index;
};

static int compare_sites(const void *a, const void *b) {
    const struct sorting *x = a, *y = b;
    return memcmp(&x->order->site, &y->order->site, sizeof x->order->site);
}

static int submit(struct copying *c, const struct sorting *sorted, uint32_t n,
                  uint64_t limit_ns) {
    AUTO_FREE struct tagged_order *orders = text_alloc((n + 1ull) * sizeof *orders);
    c->n_originals++;
    for (uint32_t i = 0; i < n; i++) {
        orders[i] = (struct tagged_order){sorted[i].index, *sorted[i].order};
        c->original_of[sorted[i].index] = c->n_originals;
    }
    int err =
        runner_submit_snapshots(c->replay->runner, orders, n, BATCH_TAG | c->n_originals,
                                limit_ns + (uint64_t)n * BATCH_COPIED_NS);
    c->n_flying += err == 0;
    return err;
}

/* Whole sites, as many for each original. Those that find no place have no result. */
static int submit_all(struct copying *c, uint32_t originals, uint64_t limit_ns) {
    AUTO_FREE struct sorting *sorted = text_alloc((c->n + 1ull) * sizeof *sorted);
    uint32_t at = 0;
    int err = 0;
    for (uint32_t i = 0; i < c->n; i++)
        sorted[i] = (struct sorting){&c->orders[i], i};
    qsort(sorted, c->n, sizeof *sorted, compare_sites);
    for (uint32_t i = 0; i < originals && err == 0 && runner_ready(c->replay->runner);
         i++) {
        uint32_t end = (uint32_t)((uint64_t)c->n * (i + 1) / originals);
        while (end < c->n && end > at &&
               compare_sites(&sorted[end - 1], &sorted[end]) == 0)
            end++;
        uint32_t most = end - at < SHM_MAX_ORDERS ? end - at : SHM_MAX_ORDERS;
        if (end > at)
            err = submit(c, &sorted[at], most, limit_ns);
        at = end;
    }
    return err;
}

/* --- results --- */

static void take_original(struct copying *c, uint32_t original, bool well) {
    c->n_flying--;
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->original_of[i] != original || !c->held[i])
            continue;
        c->out[i].there = well;
        if (!well)
            observation_deinit(&c->out[i].seen);
        c->held[i] = false;
    }
}

static int wait_one(struct copying *c) {
    struct replay *r = c->replay;
    struct observation seen = {0};
    const struct session *session = NULL;
    uint64_t tag = UINT64_MAX;
    int got = runner_wait(r->runner, 200, &tag, &seen, &session);
    if (got == 0)
        return 0;
    if (tag < c->n && got > 0) {
        c->out[tag].seen = seen;
        c->held[tag] = true;
        return 0;
    }
    int err = 0;
    if (tag != UINT64_MAX)
        take_original(c, (uint32_t)(tag & ~BATCH_TAG),
                      got > 0 && !batch_has_diverged(r, &seen));
    else if (got < 0)
        err = error_print_errno(got, "waiting for an attempt");
    observation_deinit(&seen);
    return err;
}

static int wait_all(struct copying *c) {
    int err = 0;
    while (err == 0 && c->n_flying) {
        err = wait_one(c);
        if (interrupt_wanted())
            return REPLAY_INTERRUPTED;
        if (replay_time_is_up(c->replay))
            return REPLAY_BUDGET;
    }
    return err;
}

int copy_pass(struct replay *r, const struct order *orders, uint32_t n,
              uint32_t originals, uint64_t extra_ns, struct copied *out) {
    AUTO_FREE bool *held = text_alloc(n + 1ull);
    AUTO_FREE uint32_t *original_of = text_alloc((n + 1ull) * sizeof *original_of);
    struct copying c = {.replay = r,
                        .orders = orders,
                        .out = out,
                        .n = n,
                        .held = held,
                        .original_of = original_of};
    int err = submit_all(&c, originals, r->time_limit_ns + extra_ns);
    if (err == 0)
        err = wait_all(&c);
    for (uint32_t i = 0; i < n; i++)
        if (held[i])
            observation_deinit(&out[i].seen);
    return err;
}
