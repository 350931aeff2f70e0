/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who ignored that a call failed? The next system call of that thread narrows it down:
 *
 *   malloc ◄ grow ◄ add ◄ parse ◄ main     the failed call
 *   read   ◄ fill ◄ parse ◄ main           parse() went on, grow() and add() have returned
 *
 *   attempts (degraded, one call's failure) ─► one of each location ─► again, as a whole program, stopped at
 *        every system call until then ─► degraded again ─► attempt row, with that stack
 */
#include "follow_runs.h"

#include <stdlib.h>
#include <string.h>

#include "attribution.h"
#include "next_runs.h"
#include "task.h"
#include "text.h"

#define MOST_FOLLOWED 32u

#define FOLLOW_COLUMNS(X)                                                                \
    X(FOLLOW_SITE_ID, "a.site_id")                                                       \
    X(FOLLOW_OCCURRENCE, "a.occurrence")                                                 \
    X(FOLLOW_EXECUTIONS, "max(a.repeat) + 1")
enum { FOLLOW_COLUMNS(STORE_COLUMN_ENUM) };

static const char follow_sql[] = STORE_SELECT(
    FOLLOW_COLUMNS) "FROM attempt a JOIN site s ON s.id = a.site_id WHERE a.replay_id = :replay AND a.verdict = "
                    "'degraded' AND a.mode = 'once' AND a.under = 'plain' AND a.thread = 'any' AND a.how <> "
                    "'sweep' AND a.second_site_id IS NULL AND a.output_check IS NULL GROUP BY "
                    "coalesce(s.location_id, -s.id) HAVING max(a.sample_stack_id) IS NULL ORDER BY min(a.id) "
                    "LIMIT :most";
enum { FOLLOW_REPLAY = 1, FOLLOW_MOST };

static const struct plan_site *site_of(const struct replay *r, int64_t id) {
    int64_t i = sites_index(&r->sites, id);
    return i < 0 ? NULL : &r->sites.list[i];
}

/* The system call's own functions say nothing, and the names of the C library's would be looked up for them. */
static void cut_runtime(const struct catalogue *c, struct observation *seen) {
    struct crash_frame *frames = seen->crash.sample_frames;
    uint32_t n = seen->crash.n_sample_frames, at = 0;
    while (at < n && frames[at].module &&
           attribution_class(c, frames[at].module, NULL) == ATTRIBUTED_LIBC)
        at++;
    if (at == 0 || at == n)
        return;
    for (uint32_t i = 0; i < at; i++) {
        free(frames[i].module);
        free(frames[i].function);
    }
    memmove(frames, frames + at, (n - at) * sizeof *frames);
    seen->crash.n_sample_frames = n - at;
}

static int follow(struct replay *r, const struct order *order) {
    struct observation seen = {0};
    int err = 0;
    if (next_runs_one(r->runner, order, &seen)) {
        struct judgement j = next_runs_judge(r, order, &seen);
        if (j.verdict == VERDICT_DEGRADED && seen.crash.n_sample_frames) {
            cut_runtime(r->options->catalogue, &seen);
            err = ledger_attempt(r->ledger, order, &seen, &j, NULL);
            r->progress.executions++;
            const struct plan_site *site = site_of(r, order->site_id);
            progress_found(&r->progress, j.verdict, site ? sites_location(site) : 0);
        }
    }
    observation_deinit(&seen);
    return err;
}

static struct order order_of(sqlite3_stmt *s, const struct plan_site *site) {
    struct order order = task_order_at(site);
    order.occurrence = (uint64_t)sqlite3_column_int64(s, FOLLOW_OCCURRENCE);
    order.repeat = (uint32_t)sqlite3_column_int64(s, FOLLOW_EXECUTIONS);
    order.mode = MODE_ONCE;
    order.under = UNDER_PLAIN;
    order.follow = true;
    return order;
}

static int read_orders(struct replay *r, struct order *out, uint32_t *n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step, err = store_prepare(r->store, follow_sql, &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, FOLLOW_REPLAY, ledger_replay_id(r->ledger));
    sqlite3_bind_int64(s, FOLLOW_MOST, MOST_FOLLOWED);
    while ((step = sqlite3_step(s)) == SQLITE_ROW && *n < MOST_FOLLOWED) {
        const struct plan_site *site =
            site_of(r, sqlite3_column_int64(s, FOLLOW_SITE_ID));
        if (site)
            out[(*n)++] = order_of(s, site);
    }
    return step == SQLITE_ROW || step == SQLITE_DONE
               ? 0
               : store_error(r->store, "reading attempts");
}

int follow_runs(struct replay *r) {
    AUTO_FREE struct order *orders = text_alloc(MOST_FOLLOWED * sizeof *orders);
    uint32_t n = 0;
    if (!r->traced || r->options->output_check || r->under != UNDER_PLAIN ||
        r->options->repeat < 1)
        return REPLAY_DONE;
    int err = read_orders(r, orders, &n);
    runner_set_time_limit(r->runner, r->time_limit_ns);
    for (uint32_t i = 0; i < n && err >= 0; i++) {
        if (interrupt_wanted() || replay_time_is_up(r))
            break;
        err = follow(r, &orders[i]);
    }
    if (err >= 0)
        err = ledger_flush(r->ledger);
    return err < 0 ? err : interrupt_wanted() ? REPLAY_INTERRUPTED : REPLAY_DONE;
}
