/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked of a replay. */
#ifndef DEARTH_OPTIONS_H
#define DEARTH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "guarding.h"
#include "plan.h"
#include "scope.h"

/* --how */
enum replay_how {
    REPLAY_AUTO = 0, /* snapshots where they are sound, the rest by rerun */
    REPLAY_RERUN,
    REPLAY_SNAPSHOT, /* snapshots only: what refuses them is left untested */
    REPLAY_SWEEP,
};
/* Which attempts that went well are run again to look for leaks. */
enum replay_leaks {
    REPLAY_LEAKS_LOCATION = 0, /* a few of each fault location */
    REPLAY_LEAKS_SITE,         /* one of each fault */
    REPLAY_LEAKS_OFF,
};

struct catalogue;
struct replay_shared;

/* A program of a suite counts by itself only when it ends as it did in the suite, and for what it reaches there. */
struct replay_proof {
    const struct dearth_key *sites; /* that it reached in the suite; not owned */
    uint32_t n_sites;
    /* filled in */
    bool *is_reached; /* [n_sites], by every run without a fault; the caller's */
    uint32_t reached; /* how many */
    bool looked;      /* false: it could not be run at all */
    bool ends;        /* as in the suite */
};
/* What `dearth suite` asks of one of its programs. */
struct replay_unit {
    struct replay_proof
        *proof; /* when it does not hold, nothing is failed; NULL = it need not */
    const struct scope_rule *
        lasting; /* what later calls must be in to fail where a failure lasts, in place of what the
                                         options say */
    struct replay_shared *shared; /* with the suite's other programs; NULL = nothing */
};
/* Of its sites. One that reaches fewer has gone another way, as without its input: it is refused. */
#define REPLAY_PROOF_PERCENT 50
#define REPLAY_WHOLE_PERCENT                                                             \
    99 /* from here on nobody needs to be told that some are missing */

/* Zero is a valid start; options_init() fills in what `dearth replay` uses. */
struct replay_options {
    int64_t recording_id; /* 0 = newest */
    struct plan_options plan;
    char *const
        *argv; /* the program's arguments when the recording left them out; else NULL */
    int jobs;  /* 0 = online CPUs */
    uint64_t time_limit_ns;  /* of one attempt; 0 = from the baseline */
    uint64_t time_budget_ns; /* of the whole replay; 0 = none */
    int baseline_runs;       /* at least 2 */
    enum replay_leaks leaks;
    int repeat; /* further executions of every bad verdict */
    enum isolation isolation;
    bool share_signals,
        share_ipc; /* attempts are in our PID namespace, our IPC namespace */
    enum replay_how how;
    bool quick; /* copies that go on are ended early: survivors.h */
    bool traced;
    struct catalogue *catalogue; /* that attempts are judged by; not owned */
    const char *const *policies; /* --policy, as given: they are in the catalogue, too */
    uint32_t n_policies;
    enum under under; /* UNDER_PLAIN (a sanitizer's build is noticed), UNDER_VALGRIND */
    enum guarding_mode
        guarding;             /* which attempts are run once more with guarded blocks */
    const char *output_check; /* the user's comparison of output; NULL = ours */
    struct chance chance;     /* --probability, with the first seed; all zeroes = no */
    uint64_t runs;            /* executions by chance, with seeds that follow */
    /* REPLAY_SWEEP */
    const char *drive; /* shell command that exercises the program; NULL = it is a loop */
    const char *health; /* shell command: 0 = it serves; NULL only for a loop */
    uint64_t ready_timeout_ns, loop_ns;
    struct scope_rule scope;      /* of failures that last; not owned */
    struct replay_proof *proof;   /* asked for before the first fault; NULL = no */
    struct replay_shared *shared; /* as in struct replay_unit */
    bool reuse;   /* attempts of other recordings count: common/store/reuse.h */
    bool summary; /* say at the end what was found */
    bool dry_run; /* print the plan on stdout, run nothing */
};

/** What `dearth replay` uses when it is not told otherwise. */
void options_init(struct replay_options *options);
/** As the column replay.options has it: a JSON object. Return: owned. */
char *options_text(const struct replay_options *options);

#endif
