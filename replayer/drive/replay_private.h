/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of `dearth replay` share: one replay at work.
 *
 *   replay_command.c  the command line
 *   replay.c     recording → conditions → baseline → plan → drive → findings → summary
 *   trial.c      baseline runs under the best conditions there are
 *   scoping.c    what later calls must be in to fail where a failure lasts
 *   tracing.c    what is lost where those are not traced
 *   drive.c      the loop: orders out, observations in, repeats, time; its parts: drive.h
 *   sweep.c      the same for a program that takes many faults; reach.c: when sites come up
 *   later_runs.c later calls of sites whose first call went well
 *   follow_runs.c  where programs go on that give a wrong answer
 *   next_runs.c  what failures left in files: does the program live with it?
 *   remain_runs.c  what processes they left: do they stay?
 *   leak_runs.c  a look at what went well, for leaks; leak_first.c: by the copies that are made first
 *   open_runs.c  descriptors that it showed to be open at the end: are they lost?
 *   summary.c    what the user reads: the plan as a table, the end
 */
#ifndef DEARTH_REPLAY_PRIVATE_H
#define DEARTH_REPLAY_PRIVATE_H

#include "baseline.h"
#include "conditions.h"
#include "guarding.h"
#include "interrupt.h"
#include "ledger.h"
#include "pairs.h"
#include "progress.h"
#include "reach.h"
#include "replay.h"
#include "sites.h"

struct next_look;
struct open_look;
struct session;

struct replay {
    const struct replay_options *options;
    struct store *store;
    int64_t recording_id;
    struct conditions conditions;
    int jobs;
    enum isolation isolation; /* in use */
    bool traced;
    uint64_t
        fallbacks; /* stacks that needed libunwind, in the recording and the baseline */
    struct runner_options runner_options; /* of the next */
    struct runner *runner;
    struct ledger *ledger;
    struct observation *runs; /* baseline runs; the baseline points into them */
    uint32_t n_runs;
    struct baseline baseline;
    struct sites sites;
    const char *harness; /* of some of them, the catalogue's name; NULL = of none */
    struct plan plan;
    enum under under;                /* what attempts run under: never guarded */
    enum guarding_mode guarding;     /* in use */
    struct pairs pairs;              /* --depth 2, when the plan is done */
    struct chance chance;            /* of options, with the choice of sites */
    struct dearth_key *chance_sites; /* chance.n_sites of them; owned */
    char *
        scope_text; /* of failures that last, as attempt.scope has it; NULL = every call */
    struct shm_scope *scope; /* the same for the library; NULL = none, or nothing lasts */
    uint64_t time_limit_ns, started_ns;
    struct reach reach; /* of a sweep */
    struct progress progress;
    struct leak_watch {           /* leak_pass.c: runs without a fault, watched */
        bool tried;               /* they have run, and the rest is valid */
        struct baseline baseline; /* what leaks anyway; the rest of it is empty */
        uint64_t cpu_ns;          /* of the costliest */
        uint32_t state; /* enum shm_leaks_state: why the baseline is not known */
        bool
            *first; /* by site: its first call's copy looks for leaks; NULL = none does */
    } watch;
    struct leak_tally {
        bool ran; /* false: --leaks=off, or nothing to look at, or nothing can be known */
        uint32_t places, looked, leaking, unknown; /* faults */
        uint64_t executions;
    } leaks;
    struct open_tally {          /* open_runs.c */
        struct open_item *usual; /* NULL = not known */
        uint32_t n_usual;
        struct open_look *looks;
        uint32_t n_looks;
    } open;
    struct next_look *remain_looks; /* remain_runs.c */
    uint32_t n_remain_looks;
    struct left_tally { /* next_runs.c */
        struct next_look *looks;
        uint32_t n_looks;
        struct observation control;
        bool control_known;
    } left;
};

/** When the time budget is over, CLOCK_MONOTONIC; 0 = there is none. */
uint64_t replay_end_ns(const struct replay *r);
/** Is it over? Whatever runs then is given up. */
bool replay_time_is_up(const struct replay *r);

/** Judge an execution of @order by the baseline as it is now. */
struct judgement replay_judge(const struct replay *r, const struct order *order,
                              const struct observation *seen);

/** @seen took an address that attempts beside it want too: say so and run one at a time from now on.
 * Return: 1 it did and they ran beside each other until now, 0, or a negative errno. */
int replay_one_at_a_time(struct replay *r, const struct observation *seen);

#endif
