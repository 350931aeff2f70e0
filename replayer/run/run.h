/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process tree under a worker's eyes: what execution.c (whole programs), copies.c
 * (copies of a running one) and server.c share.
 *
 *   execution_run            run{tree of the program}
 *   execution_run_copied  run{the original} ──stopped while──► run{a copy}, one after another
 *
 * Invariant: every process that this worker can wait for is known to one of the two tracers, or is
 * a child of one that is.
 */
#ifndef DEARTH_RUN_H
#define DEARTH_RUN_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "execution.h"
#include "feed.h"
#include "hang.h"
#include "launch.h"
#include "tracer.h"

struct copies;

struct run {
    struct execution *x;
    struct observation *seen;
    struct tracer tracer;
    pid_t first;
    bool first_ended, all_ended;
    int status;   /* of the first process, as wait() gives it */
    pid_t parent; /* its stand-in parent (launch.h), 0 = none, or it has ended */
    uint64_t started, limit_ns, kill_started;
    uint64_t ended, starved_at_end; /* of the first process */
    bool exits;                     /* as in struct tracer */
    bool follow;                    /* likewise */
    uint64_t openings;              /* likewise */
    uint64_t patience_ns;           /* with what it has left; 0 = the usual */
    uint64_t watched;               /* when starving was last looked at */
    struct rusage usage_before;
    struct rusage
        usage_first; /* of the first process and what it waited for, once reaped */
    bool disturbed;  /* an original: something else than itself got at its processes */
    struct feed feed;
    struct launch launch;
    struct capture *output, *errors;
    struct hang_watch hang;
    struct copies *copies; /* of an original: what it is copied for; else NULL */
    struct run *original;  /* of a copy; else NULL */
    bool adopted;          /* a copy whose parent is this worker and not its original's */
    bool unbranched;       /* a copy that ended without having made a process or thread */
    bool awaiting;         /* an order on the channel is something to wake up for */
    pid_t command; /* sweep: a drive or health command under way, 0 = it has ended */
    int command_status;
    struct capture *command_output,
        *command_errors; /* of a copy: what it writes to another process */
};

/** Start the program. @time_limit_ns: 0 = none. Return: 0 (`seen->start_error` tells of a program
 * that did not come to run), or a positive 1 when there is no process at all. */
int run_begin(struct run *run, uint64_t time_limit_ns);

/** Attend to the tree once, at most until @until (clock_mono_ns()). Return: 0 or a negative errno. */
int run_turn(struct run *run, uint64_t until);

/** Wait until the tree is gone, within its limits. Return: 0 or a negative errno after a message. */
int run_follow(struct run *run);

/** Follow it to its end; status, output and files are in `seen` then. Return: as run_follow(). */
int run_end(struct run *run);

/** From its start to its end, with its files. Return: 0 or a negative errno after a message. */
int run_whole(struct run *run, uint64_t time_limit_ns);

/** Take two samples of a program that does not serve, and name what it does between them.
 * Return: 0 or a negative errno after a message. */
int run_sample_hang(struct run *run);

/** End the whole tree; run_follow() then comes to its end. */
void run_kill(struct run *run);

/** What the private tree shows now, into `seen`. */
void run_read_files(const struct execution *x, struct observation *seen);

/** Status, output, times, proof: everything in `seen` but what was written to files. */
void run_finish(struct run *run);

#endif
