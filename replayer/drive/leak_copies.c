/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most faults lose nothing, and a copy shows that at a tenth of the cost of a whole run:
 *
 *   looks[] ─► copies of watched programs (copy_pass.c) ─► clean: stored, settled
 *                                                      └─► whatever is not ─► whole programs
 *
 * A copy never makes a finding here: what it finds is looked for again by whole programs, as if there
 * had been no copy. Only "nothing is lost" is believed, of copies that ended as an ordinary handled or
 * reported failure does and in which every process and stack was seen.
 */
#include "leak_copies.h"

#include <stdlib.h>

#include "copy_pass.h"
#include "leak_first.h"
#include "leak_pass.h"
#include "open_runs.h"
#include "text.h"

static bool wants_copy(const struct pass *p, const struct look *look) {
    const struct order order = leak_pass_order(p, look);
    return look->copied && look->thread == THREAD_ANY &&
           !leak_first_wants(p->replay, &order, look->site);
}

/*
 * A copy saves what the program does before its fault, less what copying costs: seen where a copy went on to
 * the end. Return: how many originals that is worth, at most @most.
 */
static uint32_t worth_originals(const struct pass *p, uint32_t n, uint32_t most) {
    const struct replay *r = p->replay;
    uint64_t whole = 0, saved = 0, seen = 0;
    for (uint32_t i = 0; i < r->n_runs; i++)
        whole = r->runs[i].end.cpu_ns > whole ? r->runs[i].end.cpu_ns : whole;
    for (uint32_t i = 0; i < p->n_looks; i++) {
        const struct look *l = &p->looks[i];
        if (!wants_copy(p, l) || !l->copy_cpu_ns)
            continue;
        seen++;
        saved += whole > l->copy_cpu_ns ? whole - l->copy_cpu_ns : 0;
    }
    uint64_t worth = n / COPY_PASS_WORTH;
    if (seen && r->watch.cpu_ns && saved * n / seen / r->watch.cpu_ns < worth)
        worth = saved * n / seen / r->watch.cpu_ns;
    return worth < most ? (uint32_t)worth : most;
}

/* Stored, when there is no doubt that it is clean: 1; 0 = it is not, or a negative errno. */
static int settle(struct pass *p, struct look *look, struct observation *seen) {
    struct ledger *ledger = p->replay->ledger;
    if (!seen->proof.fired || !seen->leaks.known)
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
    return err < 0 ? err : 1;
}

/* @of: [n] which look a copy's is. What is not settled is for whole programs. */
static int settle_all(struct pass *p, struct copied *copied, const uint32_t *of,
                      uint32_t n) {
    AUTO_FREE bool *settled = text_alloc(p->n_looks + 1ull);
    int err = 0;
    for (uint32_t k = 0; k < n && err >= 0; k++) {
        if (copied[k].there)
            err = settle(p, &p->looks[of[k]], &copied[k].seen);
        settled[of[k]] = copied[k].there && err > 0;
    }
    p->n_queue = 0;
    for (uint32_t i = 0; i < p->n_looks; i++)
        if (!settled[i])
            p->queue[p->n_queue++] = i;
    int flushed = ledger_flush(p->replay->ledger);
    return err < 0 ? err : flushed;
}

int leak_copies(struct pass *p) {
    AUTO_FREE struct order *orders = text_alloc((p->n_looks + 1ull) * sizeof *orders);
    AUTO_FREE uint32_t *of = text_alloc((p->n_looks + 1ull) * sizeof *of);
    uint32_t n = 0;
    if (!copy_pass_may(p->replay))
        return 0;
    for (uint32_t i = 0; i < p->n_looks; i++) {
        if (!wants_copy(p, &p->looks[i]))
            continue;
        of[n] = i;
        orders[n++] = leak_pass_order(p, &p->looks[i]);
    }
    uint32_t originals = worth_originals(p, n, (uint32_t)p->replay->jobs);
    if (!originals)
        return 0;
    struct copied *copied = text_alloc(n * sizeof *copied);
    int outcome = copy_pass(p->replay, orders, n, originals, LEAK_SEARCH_NS, copied);
    int err = settle_all(p, copied, of, n);
    copy_pass_free(copied, n);
    return err < 0 && outcome >= 0 ? err : outcome;
}
