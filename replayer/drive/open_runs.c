/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that failures leave open:
 *
 *   watched runs without a fault ─► what is open at their ends
 *   watched attempts (handled, reported; one call's failure) ─► more is open ─► one of each location, few in all
 *        ─► again, as a whole program, stopped at every system call ─► lost (remains.h) ─► once more ─► attempt row
 */
#include "open_runs.h"

#include <stdlib.h>

#include "frames.h"
#include "next_runs.h"
#include "remains.h"
#include "text.h"

#define LEAST_LOOKS       4u
#define LOOKS_PER_HUNDRED 2u /* faults: of an execution each, or two */

struct open_look {
    struct order order;
    int64_t location;
    bool reported;
};

void open_runs_deinit(struct replay *r) {
    open_items_free(r->open.usual, r->open.n_usual);
    free(r->open.looks);
    r->open = (struct open_tally){0};
}

void open_runs_usual(struct replay *r, const struct observation *runs, uint32_t n) {
    open_items_free(r->open.usual, r->open.n_usual);
    r->open.usual = remains_usual(runs, n, &r->open.n_usual);
}

/* Of the plan's; 0 = it is not one of them. */
static int64_t location_of(const struct replay *r, int64_t site_id) {
    int64_t i = sites_index(&r->sites, site_id);
    return i < 0 ? 0 : sites_location(&r->sites.list[i]);
}

/* What it opened is of no interest: nobody let go of it. */
static bool ends_inside(const struct replay *r, const struct order *order,
                        const struct observation *seen) {
    AUTO_FRAMES struct frames failed = {0};
    return seen->open.n_end_frames &&
           ledger_site_stack(r->ledger, order->site_id, &failed) == 0 &&
           remains_ends_inside(seen, &failed);
}

void open_runs_consider(struct replay *r, const struct order *order,
                        const struct observation *seen, const struct judgement *j) {
    bool ordinary = j->verdict == VERDICT_HANDLED || j->verdict == VERDICT_REPORTED;
    uint64_t fds = ordinary ? remains_more_open(r->open.usual, r->open.n_usual, seen) : 0;
    int64_t location = location_of(r, order->site_id);
    if (!fds || !location || order->mode != MODE_ONCE)
        return;
    for (uint32_t i = 0; i < r->open.n_looks; i++)
        if (r->open.looks[i].location == location)
            return;
    if (ends_inside(r, order, seen))
        return;
    r->open.looks = text_grow(r->open.looks, r->open.n_looks, sizeof *r->open.looks);
    struct open_look *look = &r->open.looks[r->open.n_looks++];
    *look = (struct open_look){*order, location, j->verdict == VERDICT_REPORTED};
    look->order.leaks = look->order.explore = false;
    look->order.openings = fds;
}

/* Return: 1 one is lost, 0, or a negative errno. @store: when it is */
static int look_once(struct replay *r, const struct order *order, bool store) {
    AUTO_FRAMES struct frames failed = {0};
    struct observation seen = {0};
    struct judgement j = {0};
    int err = ledger_site_stack(r->ledger, order->site_id, &failed);
    bool known = err == 0 && next_runs_one(r->runner, order, &seen);
    if (known)
        j = next_runs_judge(r, order, &seen);
    bool lost =
        known && remains_is_lost(r->open.usual, r->open.n_usual, &seen, &failed, &j);
    if (lost && store) {
        err = ledger_attempt(r->ledger, order, &seen, &j, NULL);
        r->progress.executions++;
    }
    observation_deinit(&seen);
    return err < 0 ? err : lost;
}

static const char straight_out_sql[] =
    "SELECT 1 FROM attempt WHERE replay_id = :replay AND site_id = :site AND occurrence = :occurrence AND mode = "
    "'sticky' AND under = 'plain' AND fired AND also_failed = 0 AND spared = 0 AND verdict = 'reported' LIMIT 1";
enum { STRAIGHT_REPLAY = 1, STRAIGHT_SITE, STRAIGHT_OCCURRENCE };

/* Whoever reports and opens something else by itself (remains.h) asks for memory again: where all that follows was
 * to fail, nothing was asked for. Return: 1, 0, or a negative errno after a message. */
static int goes_straight_out(const struct replay *r, const struct open_look *look) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int err = look->reported ? store_prepare(r->store, straight_out_sql, &s) : 0;
    if (err < 0 || !look->reported)
        return err;
    sqlite3_bind_int64(s, STRAIGHT_REPLAY, ledger_replay_id(r->ledger));
    sqlite3_bind_int64(s, STRAIGHT_SITE, look->order.site_id);
    sqlite3_bind_int64(s, STRAIGHT_OCCURRENCE, (int64_t)look->order.occurrence);
    int step = sqlite3_step(s);
    return step == SQLITE_ROW    ? 1
           : step == SQLITE_DONE ? 0
                                 : store_error(r->store, "reading attempts");
}

int open_runs(struct replay *r) {
    uint32_t most = LEAST_LOOKS + r->progress.planned * LOOKS_PER_HUNDRED / 100;
    int err = 0;
    runner_set_time_limit(r->runner, r->time_limit_ns);
    for (uint32_t i = 0; i < r->open.n_looks && most && err >= 0; i++) {
        struct order *order = &r->open.looks[i].order;
        if (interrupt_wanted() || replay_time_is_up(r))
            break;
        err = goes_straight_out(r, &r->open.looks[i]);
        if (err != 0)
            continue;
        most--;
        order->repeat++;
        err = look_once(r, order, false);
        if (err > 0)
            err = look_once(r, order, true);
    }
    if (err >= 0)
        err = ledger_flush(r->ledger);
    return err < 0 ? err : interrupt_wanted() ? REPLAY_INTERRUPTED : REPLAY_DONE;
}
