/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of `dearth replay` share: one replay at work.
 *
 *   replay_command.c  the command line
 *   replay.c     recording → conditions → baseline → plan → drive → findings → summary
 *   trial.c      baseline runs under the best conditions there are
 *   drive.c      the loop: orders out, observations in, repeats, time; its parts: drive.h
 *   sweep.c      the same for a program that takes many faults; reach.c: when sites come up
 *   leak_pass.c  a second look at what went well, for leaks
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
#include "replay.h"
#include "sites.h"

struct session;

/* A sweep: which sites came up when the program was driven. Zero is valid and empty. */
struct reach {
    struct reach_site *list;
    uint32_t n;
    struct reach_site *before; /* calls when it began to serve */
    uint32_t n_before;
};

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
    struct runner *runner;
    struct ledger *ledger;
    struct observation *runs; /* baseline runs; the baseline points into them */
    uint32_t n_runs;
    struct baseline baseline;
    struct sites sites;
    struct plan plan;
    enum under under;                /* what attempts run under: never guarded */
    enum guarding_mode guarding;     /* in use */
    struct pairs pairs;              /* --depth 2, when the plan is done */
    struct chance chance;            /* of options, with the choice of sites */
    struct dearth_key *chance_sites; /* chance.n_sites of them; owned */
    uint64_t time_limit_ns, started_ns;
    struct reach reach; /* of a sweep */
    struct progress progress;
    struct leak_tally {
        bool ran; /* false: --leaks=off, or nothing to look at, or nothing can be known */
        uint32_t places, looked, leaking, unknown; /* faults */
        uint64_t executions;
    } leaks;
};

/** @seen took an address that attempts beside it want too: say so and run one at a time from now on.
 * Return: 1 it did and they ran beside each other until now, 0, or a negative errno. */
int replay_one_at_a_time(struct replay *r, const struct observation *seen);

/* --- trial.c --- */

/**
 * Say what attempts leave real, then run the program without faults until its end is that of the
 * recording: traced if asked for, then untraced, always with the isolation asked for. Leaves the
 * runner running, the runs folded, their rows written. Return: 0, REPLAY_INTERRUPTED, or a negative errno
 * after a message.
 */
int trial_run(struct replay *r);

/* --- reach.c --- */

void reach_started(struct reach *reach, const struct session *session);
void reach_driven(struct reach *reach, const struct session *session);
/** Does the site come up again and again, not only when the program starts? */
bool reach_is_driven(const struct reach *reach, struct dearth_key site);
void reach_deinit(struct reach *reach);

/* --- sweep.c --- */

/** The same as drive_run() with one program that takes one fault after another. */
int sweep_run(struct replay *r);

/* --- drive.c --- */

/** Run the plan. Return: enum replay_outcome, or a negative errno after a message. */
int drive_run(struct replay *r);
/** Run the pairs. Return: as above. */
int drive_pairs(struct replay *r);
/** What is to fail for @fault of the plan. */
struct order drive_order(const struct replay *r, const struct plan_fault *fault);

/** Run the executions by chance. Return: as above. */
int drive_chance(struct replay *r);

/* --- leak_pass.c --- */

/** Run faults that went well again and look for leaks. Return: as drive_run(). */
int leak_pass_run(struct replay *r);

/* --- summary.c --- */

/** The plan on stdout, a line for each fault. */
void summary_plan(const struct replay *r);
/** What is about to be done, on stderr. */
void summary_announce(const struct replay *r);
/** How to go on after an interruption, on stderr: where there is no summary, and with -q. */
void summary_go_on(const struct replay *r);
/** What was done, on stderr. */
int summary_print(const struct replay *r, enum replay_outcome outcome);

#endif
