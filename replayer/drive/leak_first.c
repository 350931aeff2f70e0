/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy that is at its end has all that a look for leaks needs: a second one would do the same again for that alone.
 *
 *   watched runs without a fault ─► what leaks anyway
 *   a few sites of each location ─► first[] ─► their first copies, of a watched original
 *                                                └─► ordinary, nothing beyond that: stored as such
 *                                                └─► else: leak_runs.c, as if nobody had looked
 *
 * What a look costs in a copy is bounded (recorder/preload/leak), and a bad verdict of one is confirmed by a whole program
 * that is not watched, as every copy's is.
 */
#include "leak_first.h"

#include <sys/resource.h>

#include "leak_pass.h"
#include "leaks.h"
#include "open_runs.h"
#include "text.h"

/* A watched run that takes more of the time limit than this part is no company for the first verdict. */
#define LIMIT_PART 4u

static const char order_sql[] =
    "SELECT s.id FROM site s WHERE s.id IN (SELECT site_id FROM site_stat WHERE recording_id = ?1) "
    "ORDER BY " LEAK_RANK_SQL;

static bool is_enough(const struct replay *r, struct idmap *taken, int64_t location) {
    int64_t n = 0;
    if (r->options->leaks != REPLAY_LEAKS_LOCATION)
        return false;
    idmap_get(taken, location, &n);
    if (n >= LEAK_SITES_OF_LOCATION)
        return true;
    idmap_put(taken, location, n + 1);
    return false;
}

/* Sites of which the plan has a first call that fails alone. Return: [sites], the caller's. */
static bool *planned(const struct replay *r) {
    bool *out = text_alloc(r->sites.input.n_sites + 1ull);
    for (uint32_t i = 0; i < r->plan.n_faults; i++) {
        const struct plan_fault *f = &r->plan.faults[i];
        out[f->site] |= f->mode == MODE_ONCE && f->occurrence == 1 && !f->call &&
                        !f->done && !f->explore;
    }
    return out;
}

static int choose(struct replay *r) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE bool *wanted = planned(r);
    struct idmap taken = {0};
    int err = store_prepare(r->store, order_sql, &s), step = SQLITE_DONE;
    if (err < 0)
        return err;
    r->watch.first = text_alloc(r->sites.input.n_sites + 1ull);
    sqlite3_bind_int64(s, 1, r->recording_id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t site = sites_index(&r->sites, sqlite3_column_int64(s, 0));
        if (site >= 0 && wanted[site] &&
            !is_enough(r, &taken, sites_location(&r->sites.list[site])))
            r->watch.first[site] = true;
    }
    idmap_deinit(&taken);
    return step == SQLITE_DONE ? 0 : store_error(r->store, "reading sites");
}

/* A watched program has a table of its blocks, for which room is set aside: with little of it, a first verdict must not
 * be that of a program which has less. */
static bool has_room(const struct replay *r) {
    struct rlimit limit;
    return !r->runner_options.memory_limit && getrlimit(RLIMIT_AS, &limit) == 0 &&
           limit.rlim_cur == RLIM_INFINITY;
}

int leak_first_begin(struct replay *r) {
    if (r->options->leaks == REPLAY_LEAKS_OFF || r->options->quick || r->watch.tried ||
        !has_room(r))
        return 0;
    int err = leak_pass_watch(r);
    if (err != 0 || !r->watch.tried || !r->watch.baseline.leaks_known ||
        r->watch.cpu_ns > r->time_limit_ns / LIMIT_PART)
        return err;
    return choose(r);
}

bool leak_first_wants(const struct replay *r, const struct order *order, uint32_t site) {
    return r->watch.first && r->watch.first[site] && order->mode == MODE_ONCE &&
           order->occurrence == 1 && !order->call && order->thread == THREAD_ANY;
}

void leak_first_take(struct replay *r, const struct order *order,
                     struct observation *seen, const struct judgement *j) {
    if (!seen->leaks.known)
        return;
    bool ordinary = j->verdict == VERDICT_HANDLED || j->verdict == VERDICT_REPORTED;
    seen->leaks.known =
        ordinary && !leaks_excess(&r->watch.baseline, seen->leaks.sites, seen->leaks.n);
    seen->leaks.n = 0;
    if (seen->leaks.known)
        open_runs_consider(r, order, seen, j);
}
