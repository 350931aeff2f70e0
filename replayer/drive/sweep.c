/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replay by sweep: one program takes the plan's faults one after another.
 *
 *   comes up when driven ─► armed in the running program ─┬─► nothing bad: next, it goes on
 *                                                         └─► bad: a program of its own, --repeat
 *                                                             times (alone)
 *   comes up at the start ─► armed before a program starts, one for each
 *
 *   bad, and not so alone ─► taken back: an earlier fault may have done it. Those that this program
 *   or gone before it fired  has lived through (suspects) are tried alone, and driven for longer
 *
 * Only what showed alone is a finding (finding.c). A fault that does not come up in the running
 * program is tried in a fresh one. Jobs are one after another: two servers cannot have one port.
 * Who runs it: dearth's own process; the program lives in the worker (server.c).
 */
#include "sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "baseline.h"
#include "error.h"
#include "reach.h"
#include "replay_private.h"
#include "store.h"
#include "task.h"
#include "text.h"
#include "usual.h"

#define MAX_SUSPECTS   8u /* the latest: damage rarely sleeps for long */
#define SUSPECT_ROUNDS 4u
#define ALONE_FACTOR   3u /* times the limit: a busy machine is no hang */

struct suspect {
    struct order order;
    int64_t attempt_id; /* in which the program lived on */
};

struct suspects {
    struct suspect list[MAX_SUSPECTS]; /* the latest last */
    uint32_t n;
};

struct sweep {
    struct replay *replay;
    uint64_t life;            /* of the program */
    struct suspects suspects; /* faults that it lived through */
    bool fell;                /* a program ended between two attempts */
    bool *unreached;          /* by site: it never came up, in no mode */
};

/* --- one execution; Return: 1, 0 interrupted or out of time, or a negative errno --- */

static int call(struct replay *r, const struct order *order, struct observation *seen) {
    uint32_t lost = 0;
    bool alone = order->fresh || order->at_start;
    for (;;) {
        const struct session *session;
        uint64_t tag;
        runner_set_time_limit(r->runner, (alone ? ALONE_FACTOR : 1) * r->time_limit_ns);
        int n = runner_submit(r->runner, order, 1);
        if (n < 0)
            return n;
        while (n == 0 && !interrupt_wanted() && !replay_time_is_up(r)) {
            n = runner_wait(r->runner, 200, &tag, seen, &session);
            progress_show(&r->progress);
            if (ledger_due_ms(r->ledger) == 0 && ledger_flush(r->ledger) < 0)
                return -EIO;
        }
        bool again =
            n > 0 && seen->end.start_error == ETIMEDOUT && ++lost < RUNNER_MAX_LOST;
        if (n >= 0 && !again)
            return n;
        if (again) { /* a port that is not free yet, a busy machine */
            observation_deinit(seen);
            continue;
        }
        if (++lost >= RUNNER_MAX_LOST)
            return error_print_errno(n, "an attempt of the sweep could not be run");
    }
}

static int64_t location_of(const struct replay *r, int64_t site_id) {
    int64_t i = sites_index(&r->sites, site_id);
    return i < 0 ? 0 : sites_location(&r->sites.list[i]);
}

static int store_execution(struct replay *r, const struct order *order,
                           const struct observation *seen, const struct judgement *j,
                           int64_t *attempt_id) {
    r->progress.executions++;
    progress_found(&r->progress, j->verdict, location_of(r, order->site_id));
    return ledger_attempt(r->ledger, order, seen, j, attempt_id);
}

/* Not stored when the program was gone before the fault came up: that says nothing of it. */
static int attempt(struct sweep *s, const struct order *order, struct judgement *j,
                   bool *gone, int64_t *attempt_id) {
    struct replay *r = s->replay;
    struct observation seen = {0};
    int n = call(r, order, &seen);
    if (n > 0 && seen.end.start_error)
        n = error_print_errno(-seen.end.start_error, "%s: did not come to serve again",
                              r->conditions.exe);
    if (n > 0) {
        usual_set_aside(&r->baseline, &seen);
        *j = replay_judge(r, order, &seen);
        *gone = !seen.served.outlived || seen.served.unhealthy;
        if (seen.served.life != s->life)
            s->suspects.n = 0;
        s->life = seen.served.life;
        s->fell |= seen.served.fell;
        bool unknown = *gone && !seen.proof.fired && seen.how == HOW_SWEEP;
        int err = unknown ? 0 : store_execution(r, order, &seen, j, attempt_id);
        n = err < 0 ? err : n;
    }
    observation_deinit(&seen);
    return n;
}

/* --- alone --- */

static int say_unconfirmed(struct replay *r, const struct order *order,
                           enum verdict verdict) {
    char key[DEARTH_KEY_HEX + 1];
    text_key(order->site, key);
    AUTO_FREE char *text = text_format(
        "site %.16s: %s in the sweep, but not in a program of its own: no finding; an "
        "earlier fault may have caused it",
        key, verdict_name(verdict));
    progress_clear(&r->progress);
    error_info("%s", text);
    return ledger_note(r->ledger, "blame_unconfirmed", key, text);
}

/* --repeat, but once at least: what showed in the sweep alone is no finding. */
static uint32_t confirmations(const struct sweep *s) {
    int repeat = s->replay->options->repeat;
    return repeat > 0 ? (uint32_t)repeat : 1;
}

/* Executions in programs of their own, as long as they are bad, @wanted times.
 * @shown: out, some of them was bad */
static int alone(struct sweep *s, struct order *order, uint32_t wanted, bool *shown) {
    int n = 1;
    *shown = false;
    order->fresh = true;
    for (uint32_t i = 0; n > 0 && i < wanted; i++, order->repeat++) {
        struct judgement j = {0};
        bool gone;
        n = attempt(s, order, &j, &gone, NULL);
        if (n > 0 && !plan_is_bad(j.verdict))
            break;
        *shown |= n > 0;
    }
    return n;
}

/* --- earlier faults --- */

static void suspect(struct suspects *s, const struct order *order, int64_t attempt_id) {
    if (s->n == MAX_SUSPECTS)
        memmove(s->list, s->list + 1, --s->n * sizeof *s->list);
    s->list[s->n++] = (struct suspect){*order, attempt_id};
}

/* The program has gone wrong, and what was armed then is not to blame. */
static int try_suspects(struct sweep *s, const struct suspects *suspects) {
    bool shown = false;
    int n = 1;
    for (uint32_t i = suspects->n; n > 0 && i > 0 && !shown; i--) {
        struct order order = suspects->list[i - 1].order;
        order.rounds = SUSPECT_ROUNDS;
        order.repeat++;
        n = alone(s, &order, confirmations(s) + 1, &shown);
        int err = n > 0 && shown
                      ? ledger_forget(s->replay->ledger, suspects->list[i - 1].attempt_id)
                      : 0;
        n = err < 0 ? err : n;
    }
    if (n > 0 && !shown) {
        static const char text[] =
            "the program went wrong while no failure was in it, and none of the latest "
            "faults shows it alone: no finding";
        progress_clear(&s->replay->progress);
        error_info("%s", text);
        int err = ledger_note(s->replay->ledger, "unexplained_death",
                              s->replay->conditions.exe, text);
        n = err < 0 ? err : n;
    }
    return n;
}

/* --- a fault with its confirmations --- */

/* It was bad in the sweep. @id: that execution */
static int confirm(struct sweep *s, struct order *order, enum verdict verdict, int64_t id,
                   bool *shown) {
    int n = alone(s, order, confirmations(s), shown);
    if (n > 0 && !*shown) {
        int err = ledger_forget(s->replay->ledger, id);
        if (err >= 0)
            err = say_unconfirmed(s->replay, order, verdict);
        n = err < 0 ? err : n;
    }
    return n;
}

/* A site that comes up when the program is driven. */
static int in_turn(struct sweep *s, struct order *order, bool *reached) {
    struct judgement j = {0};
    bool gone = false, shown = true;
    int64_t id = 0;
    int n = attempt(s, order, &j, &gone, &id);
    const struct suspects suspects = s->suspects; /* another program has others */
    if (n <= 0)
        return n;
    *reached = j.verdict != VERDICT_UNREACHED;
    bool bad = plan_is_bad(j.verdict);
    if (*reached && !bad) {
        if (!gone)
            suspect(&s->suspects, order, id);
        return n;
    }
    order->repeat += id != 0;
    order->fresh = true;
    if (bad)
        n = confirm(s, order, j.verdict, id, &shown);
    else if (gone)
        shown = false; /* gone before the fault came up */
    if (n > 0 && !shown)
        n = try_suspects(s, &suspects);
    return n;
}

/* An interrupted series: what the sweep has shown is not confirmed yet. */
static int go_on(struct sweep *s, struct order *order) {
    struct replay *r = s->replay;
    bool shown;
    AUTO_FREE char *where = text_format(
        " FROM attempt WHERE site_id = %lld AND occurrence = %llu AND mode = '%s' AND "
        "replay_id IN (SELECT id FROM replay WHERE recording_id = %lld) AND ",
        (long long)order->site_id, (unsigned long long)order->occurrence,
        fault_mode_name(order->mode), (long long)r->recording_id);
    AUTO_FREE char *start =
        text_format("SELECT count(*)%sarmed = 'start' AND fired", where);
    AUTO_FREE char *sweep = text_format(
        "SELECT max(id)%show = 'sweep' AND severity NOT IN ('ok', 'none')", where);
    order->at_start = store_int(r->store, start, 0) > 0;
    int64_t id = store_int(r->store, sweep, 0);
    int n = alone(s, order, confirmations(s), &shown);
    int err = n > 0 && !shown && id ? ledger_forget(r->ledger, id) : 0;
    return err < 0 ? err : n;
}

static int series(struct sweep *s, const struct plan_fault *f, bool at_start) {
    struct order order = task_order(s->replay, f);
    order.at_start = at_start;
    order.rounds = 1;
    bool shown, gone, reached = false;
    struct judgement j = {0};
    int n = 1;
    if (f->done && f->bad)
        return go_on(s, &order);
    if (!at_start) {
        n = in_turn(s, &order, &reached);
        if (n <= 0 || reached)
            return n;
        order.fresh = true; /* what was damaged or cached before may keep it away */
        n = attempt(s, &order, &j, &gone, NULL);
        order.repeat++;
        order.at_start = j.verdict == VERDICT_UNREACHED;
    }
    if (n > 0 && order.at_start) {
        n = attempt(s, &order, &j, &gone, NULL);
        order.repeat++;
    }
    s->unreached[f->site] |= n > 0 && j.verdict == VERDICT_UNREACHED;
    if (n > 0 && plan_is_bad(j.verdict) && s->replay->options->repeat)
        n = alone(s, &order, confirmations(s), &shown);
    return n;
}

/* --- the loop --- */

/* Sites that come up at the start alone have no program in common: after the others. */
static int turn(struct sweep *s, bool at_start, uint32_t *n_starts) {
    struct replay *r = s->replay;
    int outcome = REPLAY_DONE;
    for (uint32_t i = 0; i < r->plan.n_faults && outcome == REPLAY_DONE; i++) {
        const struct plan_fault *f = &r->plan.faults[i];
        if (reach_is_driven(&r->reach, r->sites.list[f->site].key) == at_start)
            continue;
        if (replay_time_is_up(r))
            return REPLAY_BUDGET;
        const struct suspects suspects = s->suspects;
        s->fell = false;
        int n = s->unreached[f->site] ? 1 : series(s, f, at_start);
        if (n > 0 && s->fell)
            n = try_suspects(s, &suspects);
        *n_starts += at_start;
        if (n < 0)
            outcome = n;
        else if (n == 0 || interrupt_wanted())
            outcome = interrupt_wanted() ? REPLAY_INTERRUPTED : REPLAY_BUDGET;
        else
            r->progress.done++;
    }
    return outcome;
}

int sweep_run(struct replay *r) {
    struct sweep s = {.replay = r};
    uint32_t n_starts = 0;
    s.unreached = text_alloc((r->sites.input.n_sites + 1) * sizeof *s.unreached);
    int outcome = turn(&s, false, &n_starts);
    if (outcome == REPLAY_DONE)
        outcome = turn(&s, true, &n_starts);
    int err = ledger_flush(r->ledger);
    progress_clear(&r->progress);
    free(s.unreached);
    if (n_starts) {
        AUTO_FREE char *text = text_format(
            "%u faults at sites that came up only while the program started (or "
            "not at all) when it was driven without a fault: one start each",
            n_starts);
        error_info("%s", text);
        if (err == 0)
            err = ledger_note(r->ledger, "sweep_starts", r->conditions.exe, text);
    }
    return err < 0 && outcome >= 0 ? err : outcome;
}
