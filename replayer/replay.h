/*
 * `dearth replay`: run the recorded program again and again, each time with one fault,
 * and write down what happens. `dearth check` calls the same function.
 */
#ifndef DEARTH_REPLAY_H
#define DEARTH_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "guarding.h"
#include "plan.h"
#include "policy.h"
#include "runner.h"

struct store;

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
const char *replay_leaks_name(enum replay_leaks leaks); /* as --leaks takes it */

/* Zero is a valid start; replay_options_init() fills in what `dearth replay` uses. */
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
    bool traced;
    const struct policy *policies; /* the user's, before the catalogue */
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
    bool summary; /* say at the end what was found */
    bool dry_run; /* print the plan on stdout, run nothing */
};

void replay_options_init(struct replay_options *options);

/* Outcomes > 0 of replay_run(). */
enum replay_outcome {
    REPLAY_DONE = 0,
    REPLAY_BUDGET = 1,      /* the time budget ended it; what was done is stored */
    REPLAY_INTERRUPTED = 2, /* common/interrupt.h; what was done is stored */
};

/**
 * Replay one recording of @store.
 * Goes on where an earlier replay of the same recording stopped (unless plan.retest).
 * Prints progress and a summary on stderr.
 * @replay_id: id of the replay row, out; 0 for a dry run; may be NULL
 * Return: enum replay_outcome, or a negative errno after a message.
 * Context: catches the signals of common/interrupt.h while it runs.
 */
int replay_run(const struct replay_options *options, struct store *store,
               int64_t *replay_id);

#endif
