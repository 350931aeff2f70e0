/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Later calls: see later_runs.h.
 *
 *   attempts (first call, once: handled, reported) ─► of each location the site with the most calls
 *        ─► its second call, the locations with the most calls first, few of them ─► copies ─► goes well: done
 *        └► its third, last, fourth, eighth ... call, a few more ─► copies alone ┘└─► whole programs ─► a bug ─► attempt rows
 *
 * What goes well is stored nowhere: it is no more than the first call's attempt says.
 */
#include "later_runs.h"

#include <stdlib.h>

#include "copy_pass.h"
#include "next_runs.h"
#include "task.h"
#include "text.h"

#define LEAST_LATER         2u
#define LATER_PER_HUNDRED   4u /* faults */
/* Third and other calls; at least so many where a copy that runs to the end of the program is soon over. */
#define FURTHER_PER_HUNDRED 1u
#define LEAST_FURTHER       12u
#define SHORT_NS            500000000u

/* A fault to try. */
struct later {
    uint32_t site; /* index */
    uint64_t occurrence;
};
#define SECOND 2u

#define LATER_COLUMNS(X)                                                                 \
    X(LATER_SITE_ID, "a.site_id")                                                        \
    X(LATER_CALLS, "max(st.failable)")
enum { LATER_COLUMNS(STORE_COLUMN_ENUM) };

static const char later_sql[] = STORE_SELECT(
    LATER_COLUMNS) "FROM attempt a JOIN replay r ON r.id = a.replay_id JOIN site s ON s.id = a.site_id JOIN site_stat st ON st.site_id = s.id "
                   "WHERE a.replay_id = ?1 AND st.recording_id = r.recording_id AND st.failable > 1 AND a.mode = 'once' "
                   "AND a.under <> 'guarded' AND a.occurrence = 1 AND a.second_site_id IS NULL AND "
                   "a.verdict IN ('handled', 'reported') GROUP BY coalesce(s.location_id, -s.id) "
                   "ORDER BY 2 DESC, 1";

/* Index of a site that every run reaches twice; -1 = it does not. */
static int64_t index_of(const struct replay *r, int64_t site_id) {
    int64_t i = sites_index(&r->sites, site_id);
    return i >= 0 && r->sites.list[i].count > 1 && r->sites.in_baseline[i] ? i : -1;
}

static bool is_bug(struct replay *r, const struct order *order, struct observation *seen,
                   struct judgement *j) {
    *j = next_runs_judge(r, order, seen);
    return j->verdict == VERDICT_CRASHED || j->verdict == VERDICT_CORRUPTED;
}

static struct order order_of(const struct replay *r, const struct later *later) {
    struct order order = task_order_at(&r->sites.list[later->site]);
    order.occurrence = later->occurrence;
    order.mode = MODE_ONCE;
    order.under = r->under;
    return order;
}

/* One fault: again as often as any other bug, when it is one. Return: 0 or a negative errno. */
static int look_at(struct replay *r, const struct later *later) {
    const struct plan_site *site = &r->sites.list[later->site];
    struct order order = order_of(r, later);
    int err = 0;
    for (bool more = true; more && err >= 0; order.repeat++) {
        struct observation seen = {0};
        struct judgement j = {0};
        bool known = next_runs_one(r->runner, &order, &seen);
        bool bug = known && is_bug(r, &order, &seen, &j);
        if (bug || (known && order.repeat)) {
            err = ledger_attempt(r->ledger, &order, &seen, &j, NULL);
            r->progress.executions++;
            progress_found(&r->progress, j.verdict, sites_location(site));
        }
        more = known && (bug || order.repeat) &&
               order.repeat < (uint32_t)r->options->repeat && !interrupt_wanted();
        observation_deinit(&seen);
    }
    return err;
}

/* Did the user choose calls, or a number of attempts? */
static bool is_chosen(const struct replay *r) {
    const struct plan_options *o = &r->options->plan;
    return o->occurrence != PLAN_FIRST || o->occurrence_asked || o->limit || o->burst ||
           o->mode == PLAN_STICKY || r->sites.input.windows || r->sites.input.picks ||
           r->options->output_check;
}

static bool is_over(const struct replay *r) {
    return interrupt_wanted() || replay_time_is_up(r);
}

/* Copies show of most that they go well: these leave @later, and so do third and other calls of which no copy was
 * made. Return: as copy_pass(). */
static int look_by_copies(struct replay *r, struct later *later, uint32_t *n) {
    uint32_t kept = 0, all = *n, jobs = (uint32_t)r->jobs;
    uint32_t worth = all / COPY_PASS_WORTH;
    bool copies = copy_pass_may(r) && worth;
    int outcome = 0;
    AUTO_FREE struct order *orders = text_alloc((all + 1ull) * sizeof *orders);
    struct copied *copied = text_alloc((all + 1ull) * sizeof *copied);
    for (uint32_t i = 0; i < all; i++)
        orders[i] = order_of(r, &later[i]);
    if (copies)
        outcome = copy_pass(r, orders, all, worth < jobs ? worth : jobs, 0, copied);
    for (uint32_t i = 0; i < all; i++) {
        struct judgement j = {0};
        bool known = copied[i].there && copied[i].seen.proof.fired;
        bool well = known && !is_bug(r, &orders[i], &copied[i].seen, &j) && !j.unsure;
        if (!well && (known || later[i].occurrence == SECOND))
            later[kept++] = later[i];
    }
    copy_pass_free(copied, all);
    *n = kept;
    return outcome;
}

/* Is the @round-th choice of a further call one that the site has? @out: which call */
static bool further_call(uint64_t calls, uint32_t round, uint64_t *out) {
    bool last = round == 1;
    *out = round == 0 ? 3 : last ? calls : 1ull << round;
    return last ? calls > 3 : *out < calls || (round == 0 && calls == 3);
}

/* Third calls of the @n sites, then last ones, and so on, @most at most. Return: how many are in @later then. */
static uint32_t add_further(const struct replay *r, uint32_t most, struct later *later,
                            uint32_t n) {
    uint32_t all = n;
    for (uint32_t round = 0; round < 32 && all < n + most; round++)
        for (uint32_t i = 0; i < n && all < n + most; i++) {
            uint64_t call;
            if (further_call(r->sites.list[later[i].site].count, round, &call))
                later[all++] = (struct later){later[i].site, call};
        }
    return all;
}

/* Second calls to look at: @out: [most]. Return: 0 or a negative errno after a message. */
static int choose(struct replay *r, uint32_t most, struct later *out, uint32_t *n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE, err = store_prepare(r->store, later_sql, &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, ledger_replay_id(r->ledger));
    while (*n < most && (step = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t index = index_of(r, sqlite3_column_int64(s, LATER_SITE_ID));
        if (index >= 0)
            out[(*n)++] = (struct later){(uint32_t)index, SECOND};
    }
    return *n < most && step != SQLITE_DONE ? store_error(r->store, "reading attempts")
                                            : 0;
}

int later_runs(struct replay *r) {
    uint32_t most = LEAST_LATER + r->progress.planned * LATER_PER_HUNDRED / 100, n = 0;
    uint32_t further = r->progress.planned * FURTHER_PER_HUNDRED / 100;
    if (further < LEAST_FURTHER && r->baseline.duration_ns < SHORT_NS)
        further = LEAST_FURTHER;
    AUTO_FREE struct later *later =
        text_alloc((most + (uint64_t)further + 1) * sizeof *later);
    if (is_chosen(r) || is_over(r))
        return REPLAY_DONE;
    int err = choose(r, most, later, &n);
    if (err < 0)
        return err;
    n = add_further(r, further, later, n);
    runner_set_time_limit(r->runner, r->time_limit_ns);
    int outcome = look_by_copies(r, later, &n);
    if (outcome != 0)
        return outcome;
    for (uint32_t i = 0; i < n && err >= 0 && !is_over(r); i++)
        err = look_at(r, &later[i]);
    if (err >= 0)
        err = ledger_flush(r->ledger);
    return err < 0 ? err : interrupt_wanted() ? REPLAY_INTERRUPTED : REPLAY_DONE;
}
