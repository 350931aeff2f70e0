/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most faults lose nothing, and a copy shows that at a tenth of the cost of a whole run:
 *
 *   looks[] ─► originals, watched, one per worker ─► a copy for each fault ─► held[]
 *                                  │ ends as if never copied       └─► clean: stored, settled
 *                                  └ else, and whatever is not clean ─► whole programs
 *
 * A copy never makes a finding here: what it finds is looked for again by whole programs, as if there
 * had been no copy. Only "nothing is lost" is believed, of copies that ended as an ordinary handled or
 * reported failure does and in which every process and stack was seen.
 */
#include "leak_copies.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "copies.h"
#include "error.h"
#include "leak_pass.h"
#include "open_runs.h"
#include "text.h"

/* An original costs as much as a whole run, and is watched as that is. */
#define WORTH_AN_ORIGINAL 3u
/* Being copied takes the original a millisecond or a few; on a busy machine many times that. */
#define COPIED_NS         50000000u

/* What a copy showed of a look, until its original's end says what that is worth. */
struct held {
    struct observation seen;
    bool there;
};

struct first_look {
    struct pass *pass;
    struct held *held;     /* [n_looks] */
    uint32_t *original_of; /* [n_looks] which one, 1-based; 0 = none */
    uint32_t n_originals, n_flying;
    bool *settled; /* [n_looks] */
};

static bool may_copy(const struct replay *r) {
    return r->options->how != REPLAY_RERUN && r->under == UNDER_PLAIN && r->traced &&
           r->isolation == ISOLATION_OVERLAY;
}

static bool wants_copy(const struct look *look) {
    return look->copied && look->thread == THREAD_ANY;
}

static const struct dearth_key *key_of(const struct pass *p, uint32_t i) {
    return &p->replay->sites.list[p->looks[i].site].key;
}

/* --- submitting --- */

struct sorting {
    const struct pass *pass;
    uint32_t look;
};

static int compare_sites(const void *a, const void *b) {
    const struct sorting *x = a, *y = b;
    return memcmp(key_of(x->pass, x->look), key_of(y->pass, y->look),
                  sizeof(struct dearth_key));
}

/* Return: how many looks are for copies; @out: [n_looks], those of one site next to each other. */
static uint32_t collect(const struct pass *p, struct sorting *out) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_looks; i++)
        if (wants_copy(&p->looks[i]))
            out[n++] = (struct sorting){p, i};
    if (n)
        qsort(out, n, sizeof *out, compare_sites);
    return n;
}

static int submit(struct first_look *f, const struct sorting *looks, uint32_t n) {
    struct pass *p = f->pass;
    AUTO_FREE struct tagged_order *orders = text_alloc((n + 1ull) * sizeof *orders);
    f->n_originals++;
    for (uint32_t i = 0; i < n; i++) {
        orders[i] = (struct tagged_order){looks[i].look,
                                          leak_pass_order(p, &p->looks[looks[i].look])};
        f->original_of[looks[i].look] = f->n_originals;
    }
    int err = runner_submit_snapshots(
        p->replay->runner, orders, n, BATCH_TAG | f->n_originals,
        p->replay->time_limit_ns + LEAK_SEARCH_NS + (uint64_t)n * COPIED_NS);
    f->n_flying += err == 0;
    return err;
}

/* Whole sites, as many for each worker. Those that find no place are left to whole programs. */
static int submit_all(struct first_look *f) {
    struct pass *p = f->pass;
    AUTO_FREE struct sorting *looks = text_alloc((p->n_looks + 1ull) * sizeof *looks);
    uint32_t n = collect(p, looks), shares = (uint32_t)p->replay->jobs, at = 0;
    int err = 0;
    while (shares > 1 && n / shares < WORTH_AN_ORIGINAL)
        shares--;
    if (n < WORTH_AN_ORIGINAL)
        return 0;
    for (uint32_t i = 0; i < shares && err == 0 && runner_ready(p->replay->runner); i++) {
        uint32_t end = (uint32_t)((uint64_t)n * (i + 1) / shares);
        while (end < n && end > at && compare_sites(&looks[end - 1], &looks[end]) == 0)
            end++;
        uint32_t most = end - at < SHM_MAX_ORDERS ? end - at : SHM_MAX_ORDERS;
        if (most)
            err = submit(f, &looks[at], most);
        at = end;
    }
    return err;
}

/* --- results --- */

static void let_go(struct held *held) {
    if (held->there)
        observation_deinit(&held->seen);
    held->there = false;
}

/* Stored, when there is no doubt that it is clean. */
static int settle(struct first_look *f, uint32_t i) {
    struct pass *p = f->pass;
    struct ledger *ledger = p->replay->ledger;
    struct look *look = &p->looks[i];
    struct observation *seen = &f->held[i].seen;
    if (!f->held[i].there || !seen->proof.fired || !seen->leaks.known)
        return 0;
    struct judgement j = leak_pass_judge(p, seen);
    bool ordinary = j.verdict == VERDICT_HANDLED || j.verdict == VERDICT_REPORTED;
    if (!ordinary || j.leaked_blocks)
        return 0;
    const struct order order = leak_pass_order(p, look);
    open_runs_consider(p->replay, &order, seen, &j);
    int64_t id;
    int err = ledger_attempt(ledger, &order, seen, &j, &id);
    if (err == 0)
        err = ledger_check(ledger, id);
    p->replay->leaks.executions++;
    look->executions++;
    f->settled[i] = true;
    return err;
}

/* @original is at its end; @well: as if it had never been copied */
static int take_original(struct first_look *f, uint32_t original, bool well) {
    int err = 0;
    f->n_flying--;
    for (uint32_t i = 0; i < f->pass->n_looks; i++) {
        if (f->original_of[i] != original)
            continue;
        if (well && err == 0)
            err = settle(f, i);
        let_go(&f->held[i]);
    }
    return err;
}

static int wait_one(struct first_look *f) {
    struct replay *r = f->pass->replay;
    struct observation seen = {0};
    const struct session *session = NULL;
    uint64_t tag = UINT64_MAX;
    int got = runner_wait(r->runner, 200, &tag, &seen, &session);
    if (got == 0)
        return 0;
    if (tag < f->pass->n_looks && got > 0) {
        f->held[tag] = (struct held){seen, true};
        return 0;
    }
    int err = got < 0 && tag == UINT64_MAX
                  ? error_print_errno(got, "waiting for an attempt")
                  : take_original(f, (uint32_t)(tag & ~BATCH_TAG),
                                  got > 0 && !batch_has_diverged(r, &seen));
    observation_deinit(&seen);
    return err;
}

static int follow(struct first_look *f) {
    struct replay *r = f->pass->replay;
    int err = 0;
    while (err == 0 && f->n_flying) {
        err = wait_one(f);
        if (interrupt_wanted())
            return REPLAY_INTERRUPTED;
        if (replay_time_is_up(r))
            return REPLAY_BUDGET;
    }
    return err;
}

/* What is not settled is for whole programs. */
static void keep_unsettled(struct first_look *f) {
    struct pass *p = f->pass;
    p->n_queue = 0;
    for (uint32_t i = 0; i < p->n_looks; i++)
        if (!f->settled[i])
            p->queue[p->n_queue++] = i;
}

int leak_copies(struct pass *p) {
    struct first_look f = {.pass = p};
    if (!may_copy(p->replay))
        return 0;
    f.held = text_alloc((p->n_looks + 1ull) * sizeof *f.held);
    f.original_of = text_alloc((p->n_looks + 1ull) * sizeof *f.original_of);
    f.settled = text_alloc((p->n_looks + 1ull) * sizeof *f.settled);
    int outcome = submit_all(&f);
    if (outcome == 0)
        outcome = follow(&f);
    int err = ledger_flush(p->replay->ledger);
    keep_unsettled(&f);
    for (uint32_t i = 0; i < p->n_looks; i++)
        let_go(&f.held[i]);
    free(f.held);
    free(f.original_of);
    free(f.settled);
    return err < 0 && outcome >= 0 ? err : outcome;
}
