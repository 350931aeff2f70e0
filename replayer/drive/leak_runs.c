/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second look: faults that the program handled or reported are run again, now with
 * every block watched, to see what their error paths forgot to free.
 *
 *   attempts (handled, reported, degraded) ─► a few of each location ─► looks[]
 *   baseline runs, watched ─► what leaks anyway
 *   looks[] ─► their first copies were watched, and lost nothing: done (leak_first.c)
 *         ├──► copies ─► clean: done (leak_copies.c)
 *         └──► whole programs ─► clean: done ─ leaks: again; two of these that agree are a finding
 *
 * It is a pass of its own because watching wants the stack of every block, which other attempts do
 * without, and so that nothing that went wrong, or was lost, is known from a run alone in which the library did more
 * than it must.
 */
#include "leak_runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "leak_copies.h"
#include "leak_pass.h"
#include "leaks.h"
#include "open_runs.h"
#include "session.h"
#include "shm.h"
#include "text.h"
#include "usual.h"

#define AGREEING 2u /* executions that leak */
#define MOST     3u /* executions of one fault */
/* --- what to look at --- */

#define CANDIDATE_COLUMNS(X)                                                             \
    X(CANDIDATE_SITE_ID, "a.site_id")                                                    \
    X(CANDIDATE_OCCURRENCE, "a.occurrence")                                              \
    X(CANDIDATE_MODE, "a.mode")                                                          \
    X(CANDIDATE_BURST, "max(a.burst)")                                                   \
    X(CANDIDATE_EXECUTIONS, "count(*)")                                                  \
    X(CANDIDATE_LOCATION, "coalesce(s.location_id, -s.id)")                              \
    X(CANDIDATE_LOOKED, "max(a.leaked IS NOT NULL)")                                     \
    X(CANDIDATE_LOOKED_NOW, "max(a.leaked IS NOT NULL AND a.replay_id = :replay)")       \
    X(CANDIDATE_THREAD, "a.thread")                                                      \
    X(CANDIDATE_CALL, "max(coalesce(a.call, 0))")                                        \
    X(CANDIDATE_COPIED, "max(a.how = 'snapshot')")                                       \
    X(CANDIDATE_COPY_CPU, "max(CASE WHEN a.how = 'snapshot' AND a.verdict = 'handled' "  \
                          "THEN a.cpu_ns END)")
enum { CANDIDATE_COLUMNS(STORE_COLUMN_ENUM) };

/* Which few are looked at in a location does not depend on the order in which attempts ended: whole programs and
 * copies look at the same. */
static const char candidates_sql[] = STORE_SELECT(
    CANDIDATE_COLUMNS) "FROM attempt a JOIN replay r ON r.id = a.replay_id JOIN "
                       "site s ON s.id = a.site_id WHERE r.recording_id = :recording AND a.second_site_id IS NULL "
                       "AND a.mode <> 'chance' AND (a.mode = 'once' OR a.scope IS :scope) GROUP BY a.site_id, a.occurrence, a.mode, a.thread HAVING "
                       "min(a.verdict IN ('handled', 'reported', 'degraded')) = 1 "
                       "ORDER BY a.mode <> 'once', " LEAK_RANK_SQL
                       ", a.occurrence, a.thread";

enum { CANDIDATES_REPLAY = 1, CANDIDATES_RECORDING, CANDIDATES_SCOPE };

static bool is_left_out(const struct replay *r, uint32_t site) {
    for (uint32_t i = 0; i < r->plan.n_left_out; i++)
        if (r->plan.left_out[i].site == site)
            return true;
    return false;
}

/* Index of a site, -1 when this replay may not touch it. */
static int64_t index_of(const struct replay *r, int64_t site_id) {
    int64_t i = sites_index(&r->sites, site_id);
    return i >= 0 && !is_left_out(r, (uint32_t)i) ? i : -1;
}

/* What is looked at, or was. */
struct looked {
    struct looked_at {
        int64_t location, site;
    } * items;
    uint32_t n;
};

static void add_looked(struct looked *p, int64_t location, int64_t site) {
    p->items = text_grow(p->items, p->n, sizeof *p->items);
    p->items[p->n++] = (struct looked_at){location, site};
}

/* Callers of one location have error paths of their own, but not each of a hundred. */
static bool is_enough(const struct looked *p, int64_t location, int64_t site) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        n += p->items[i].location == location;
        if (p->items[i].site == site)
            return true;
    }
    return n >= LEAK_SITES_OF_LOCATION;
}

static void add_look(struct pass *p, const struct look *look) {
    p->looks = text_grow(p->looks, p->n_looks, sizeof *p->looks);
    p->looks[p->n_looks++] = *look;
}

/* p = realloc(p, n): the first call of a loop has none to lose. */
static bool has_block_later(const struct replay *r, const struct look *look) {
    const struct plan_site *site = &r->sites.list[look->site];
    return (site->op == SHM_OP_REALLOC || site->op == SHM_OP_REALLOCARRAY) &&
           site->count >= 2 && look->occurrence == 1 && look->mode == MODE_ONCE &&
           !look->call && look->thread == THREAD_ANY;
}

static void add_second(struct pass *p, const struct look *look) {
    struct look second = *look;
    second.occurrence = 2;
    second.repeat = 0;
    second.copied = false;
    second.copy_cpu_ns = 0;
    second.second = true;
    add_look(p, &second);
}

static void take_candidate(struct pass *p, sqlite3_stmt *s, struct looked *known) {
    const struct replay *r = p->replay;
    bool now = sqlite3_column_int(s, CANDIDATE_LOOKED_NOW);
    bool looked =
        sqlite3_column_int(s, CANDIDATE_LOOKED) && !r->options->plan.retest && !now;
    int64_t site = index_of(r, sqlite3_column_int64(s, CANDIDATE_SITE_ID));
    if (looked || site < 0)
        return;
    int64_t site_id = sqlite3_column_int64(s, CANDIDATE_SITE_ID),
            location = sqlite3_column_int64(s, CANDIDATE_LOCATION);
    if (!now && r->options->leaks == REPLAY_LEAKS_LOCATION &&
        is_enough(known, location, site_id))
        return;
    add_looked(known, location, site_id);
    const struct look look = {
        .site = (uint32_t)site,
        .occurrence = sqlite3_column_int64(s, CANDIDATE_OCCURRENCE),
        .mode = fault_mode_from_name(store_column_text(s, CANDIDATE_MODE)),
        .burst = (uint32_t)sqlite3_column_int64(s, CANDIDATE_BURST),
        .repeat = (uint32_t)sqlite3_column_int64(s, CANDIDATE_EXECUTIONS),
        .thread = thread_role_from_name(store_column_text(s, CANDIDATE_THREAD)),
        .call = (uint64_t)sqlite3_column_int64(s, CANDIDATE_CALL),
        .copied = sqlite3_column_int(s, CANDIDATE_COPIED),
        .copy_cpu_ns = (uint64_t)sqlite3_column_int64(s, CANDIDATE_COPY_CPU)};
    if (now)
        p->n_first++;
    else
        add_look(p, &look);
    if (has_block_later(r, &look) && r->options->leaks == REPLAY_LEAKS_LOCATION)
        add_second(p, &look);
}

enum { LOOKED_RECORDING = 1, LOOKED_REPLAY };

/* Locations at which an earlier replay looked. */
static int load_looked(const struct pass *p, struct looked *known) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int err = store_prepare(
        p->replay->store,
        "SELECT DISTINCT coalesce(s.location_id, -s.id) FROM attempt "
        "a JOIN replay r ON r.id = a.replay_id JOIN site s ON s.id = "
        "a.site_id WHERE r.recording_id = :recording AND a.replay_id <> :replay AND "
        "a.leaked IS NOT NULL",
        &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, LOOKED_RECORDING, p->replay->recording_id);
    sqlite3_bind_int64(s, LOOKED_REPLAY, ledger_replay_id(p->replay->ledger));
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        add_looked(known, sqlite3_column_int64(s, 0), 0);
    return step == SQLITE_DONE ? 0 : store_error(p->replay->store, "reading attempts");
}

static int load_looks(struct pass *p) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct looked known = {0};
    int step = SQLITE_DONE, err = 0;
    if (!p->replay->options->plan.retest)
        err = load_looked(p, &known);
    if (err == 0)
        err = store_prepare(p->replay->store, candidates_sql, &s);
    if (err == 0)
        sqlite3_bind_int64(s, CANDIDATES_REPLAY, ledger_replay_id(p->replay->ledger));
    if (err == 0)
        sqlite3_bind_int64(s, CANDIDATES_RECORDING, p->replay->recording_id);
    if (err == 0)
        store_bind_text(s, CANDIDATES_SCOPE, p->replay->scope_text);
    while (err == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        take_candidate(p, s, &known);
    free(known.items);
    if (err == 0 && step != SQLITE_DONE)
        err = store_error(p->replay->store, "reading attempts");
    p->queue = text_alloc((p->n_looks * MOST + 1ull) * sizeof *p->queue);
    for (uint32_t i = 0; i < p->n_looks; i++)
        p->queue[p->n_queue++] = i;
    return err;
}

/* --- running --- */

static int say_unknown(struct pass *p) {
    AUTO_FREE char *text =
        text_format("leaks are not known, not even without a fault: %s",
                    leaks_unknown_text(p->replay->watch.state));
    error_warn("%s", text);
    return ledger_note(p->replay->ledger, "leaks_unknown", NULL, text);
}

/* What the baseline leaks too is nobody's; the rest is stored. */
static int take(struct pass *p, struct look *look, struct observation *seen,
                struct session *session) {
    struct replay *r = p->replay;
    struct judgement j = leak_pass_judge(p, seen);
    r->leaks.executions++;
    look->executions++;
    if (!leak_pass_is_ordinary(j.verdict) || !seen->leaks.known) {
        look->unknown = true; /* the attempt before it has the verdict */
        return 0;
    }
    const struct order order = leak_pass_order(p, look);
    open_runs_consider(r, &order, seen, &j);
    bool stored = !look->second || j.leaked_blocks;
    int err = stored ? ledger_leak_sites(r->ledger, seen, session) : 0;
    if (err == 0 && stored)
        err = ledger_attempt(r->ledger, &order, seen, &j, NULL);
    look->repeat++;
    look->leaking += j.leaked_blocks > 0;
    bool more = look->leaking && look->leaking < AGREEING && look->executions < MOST;
    if (err == 0 && more)
        p->queue[p->n_queue++] = (uint32_t)(look - p->looks);
    return err;
}

static int submit_all(struct pass *p, bool stopping) {
    int err = 0;
    while (!stopping && err == 0 && p->head < p->n_queue &&
           runner_ready(p->replay->runner)) {
        uint32_t i = p->queue[p->head++];
        const struct order order = leak_pass_order(p, &p->looks[i]);
        err = runner_submit(p->replay->runner, &order, i);
        p->n_flying += err == 0;
    }
    return err;
}

/* Return: 0 or a negative errno after a message. */
static int wait_one(struct pass *p) {
    struct observation seen = {0};
    const struct session *session = NULL;
    uint64_t tag = UINT64_MAX;
    int due_ms = ledger_due_ms(p->replay->ledger);
    int err =
        runner_wait(p->replay->runner, due_ms < 0 ? 200 : due_ms, &tag, &seen, &session);
    if (err == 0)
        return ledger_due_ms(p->replay->ledger) == 0 ? ledger_flush(p->replay->ledger)
                                                     : 0;
    if (tag >= p->n_looks)
        return err < 0 ? error_print_errno(err, "waiting for an attempt") : 0;
    p->n_flying--;
    if (err > 0)
        err = take(p, &p->looks[tag], &seen, (struct session *)session);
    else /* its worker died: no word about this one */
        p->looks[tag].unknown = true, err = 0;
    observation_deinit(&seen);
    return err;
}

static int loop(struct pass *p, struct progress *progress) {
    int outcome = REPLAY_DONE;
    for (;;) {
        if (replay_time_is_up(p->replay) && p->head < p->n_queue)
            outcome = REPLAY_BUDGET;
        int err = submit_all(p, outcome == REPLAY_BUDGET);
        if (err == 0 && p->n_flying == 0)
            return outcome;
        if (err == 0)
            err = wait_one(p);
        if (err < 0)
            return err;
        if (interrupt_wanted())
            return REPLAY_INTERRUPTED;
        if (replay_time_is_up(p->replay) && p->n_flying)
            return REPLAY_BUDGET;
        progress->done = p->head - p->n_flying;
        progress->planned = p->n_queue;
        progress_show(progress);
    }
}

static void count(struct pass *p) {
    struct leak_tally *t = &p->replay->leaks;
    t->ran = true;
    t->places += p->n_first;
    t->looked += p->n_first;
    t->executions += p->n_first;
    for (uint32_t i = 0; i < p->n_looks; i++) {
        const struct look *look = &p->looks[i];
        bool known = look->executions && !look->unknown;
        if (look->second)
            continue;
        t->places++;
        t->looked += known;
        t->unknown += look->unknown;
        t->leaking += known && look->leaking >= AGREEING;
    }
}

static int look_at_all(struct pass *p) {
    struct replay *r = p->replay;
    struct progress progress;
    runner_set_time_limit(r->runner, r->time_limit_ns + LEAK_SEARCH_NS);
    int outcome = leak_pass_watch(r);
    if (outcome != 0 || !r->watch.tried)
        return outcome;
    if (!r->watch.baseline.leaks_known)
        return say_unknown(p);
    outcome = leak_copies(p);
    if (outcome < 0 || outcome == REPLAY_INTERRUPTED)
        return outcome;
    progress_init(&progress, p->n_queue);
    outcome = loop(p, &progress);
    int err = ledger_flush(r->ledger);
    if (err < 0 && outcome >= 0)
        outcome = err;
    progress_clear(&progress);
    count(p);
    return outcome;
}

int leak_runs(struct replay *r) {
    struct pass p = {.replay = r};
    if (r->options->leaks == REPLAY_LEAKS_OFF || r->under != UNDER_PLAIN ||
        replay_time_is_up(r))
        return REPLAY_DONE;
    int outcome = load_looks(&p);
    if (outcome == 0 && p.n_looks)
        outcome = look_at_all(&p);
    else if (outcome == 0 && p.n_first)
        count(&p);
    free(p.looks);
    free(p.queue);
    return outcome;
}
