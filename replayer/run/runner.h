/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner: executes attempts, several at once, each in its own worker process.
 *
 *   dearth (parent, owns the database) ◄──pipe── worker 1..jobs
 *                                                (tracer and subreaper of one attempt)
 *
 * A worker has one session (arena), namespaces of its own for processes and IPC where the
 * kernel allows it (namespace.h), one private working tree (mount namespace with overlays;
 * a copy, or the real one, only where that was asked for), traces the target's whole tree with
 * PTRACE_O_EXITKILL, and dies with its parent (PR_SET_PDEATHSIG): no attempt outlives
 * dearth, not even when it is killed.
 */
#ifndef DEARTH_RUNNER_H
#define DEARTH_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"
#include "namespace.h"
#include "scratch.h"

struct before;
struct session;
struct shm_scope;
struct unit_place;

struct runner_options {
    char *const *argv;     /* as recorded */
    const char *exe;       /* resolved path */
    char *const *programs; /* that were started when it was recorded; NULL = not known */
    const char *cwd;
    char *const *envp;      /* our own environment, plus what was named */
    const char *stdin_path; /* NULL = /dev/null; reopened per attempt at stdin_offset */
    uint64_t stdin_offset;
    const struct unit_place *place; /* umask and limits; NULL = ours; not owned */
    bool stdin_is_pipe; /* feed the file's contents through a pipe, as recorded */
    int jobs;
    uint64_t time_limit_ns; /* per attempt; may be changed between batches */
    uint64_t
        stdout_cap; /* bytes kept for comparison and evidence; the digest covers all */
    uint64_t
        output_limit; /* an attempt that prints more is killed as runaway (timed_out) */
    uint64_t usual_output; /* bytes that the program prints without a fault */
    uint64_t usual_cpu_ns; /* processor time that it takes then, at most; 0 = not known;
                              runner_set_usual() changes all three */
    uint64_t memory_limit; /* RLIMIT_AS, 0 = none */
    enum isolation isolation;
    const struct before
        *before; /* files as attempts find them; not owned, NULL = as they are */
    struct namespaces
        apart; /* wanted; what is not to be had is left out: runner_apart() */
    bool traced;
    bool no_libunwind;  /* SHM_NO_LIBUNWIND for attempts with a fault */
    bool marked;        /* SHM_MARKED */
    uint32_t max_depth; /* frames kept of a stack, as in the recording; 0 = the default */
    const char *only_exe; /* shm_header.only_exe, as in the recording; not owned */
    const struct dearth_key *chance_sites; /* MODE_CHANCE: chosen; not owned */
    uint32_t n_chance_sites;               /* 0 = every site */
    const struct shm_scope
        *scope; /* of failures that last; not owned, NULL = every call */
    /* A sweep (server.h): one program takes many orders. */
    bool sweep;
    const char *drive; /* shell command that exercises the program; NULL = it is a loop */
    const char
        *health; /* shell command, exit status 0 = it serves; NULL = none (a loop) */
    uint64_t ready_timeout_ns; /* until it serves for the first time */
    uint64_t loop_ns;          /* how long a loop is watched */
    bool keep_stdio;           /* repro: leave the terminal to the program, no capture */
    int terminal_fd; /* keep_stdio: the terminal we are in the foreground of, -1 = none; set by
                        runner_new() */
    const char *debugger; /* repro --gdb: run under this debugger, NULL = no */
    /* --output-check: output_check.h; NULL = none. What it compares with is not owned. */
    const char *output_check;
    const uint8_t *baseline_stdout;
    uint64_t baseline_stdout_bytes;
    int baseline_exit_code;
};

struct runner;

/** Start the workers. Return: 0 or -errno after a message: also when the isolation asked for is
 * not possible here. */
int runner_new(const struct runner_options *options, struct runner **out);
/** The tree that attempts run in: the same for all of them. */
const struct tree_facts *runner_tree(const struct runner *runner);
struct runner *
runner_free(struct runner *runner); /* kills and reaps everything; NULL allowed */

/** Of the namespaces that were wanted, those that attempts are in. */
struct namespaces runner_apart(const struct runner *runner);

void runner_set_time_limit(struct runner *runner, uint64_t ns);
/** The same of what a run without a fault has shown: output_limit and what is usual. @options: lent */
void runner_set_usual(struct runner *runner, const struct runner_options *options);

/** Run no more than @n at a time from now on. */
void runner_limit_jobs(struct runner *runner, int n);

/** Is a worker free? */
bool runner_ready(const struct runner *runner);
/** Hand an order to a free worker. @tag comes back with the result. Return: 0 or -errno.
 */
int runner_submit(struct runner *runner, const struct order *order, uint64_t tag);
/**
 * Hand a snapshot run to a free worker: one program, copied at each of @orders.
 * Each order's result comes with its own tag, in the order in which the program meets them; the
 * original's comes last, with @tag, and frees the worker.
 * @orders: @n of them, those of one site next to each other; copied
 * @limit_ns: of the original; copies have runner_set_time_limit()'s
 * Return: 0 or -errno.
 */
struct tagged_order;
int runner_submit_snapshots(struct runner *runner, const struct tagged_order *orders,
                            uint32_t n, uint64_t tag, uint64_t limit_ns);
/** Let the snapshot runs under way make no more copies; their originals run to their ends. One that
 * is only about to start may not hear of it: call it again. */
void runner_stop_snapshots(struct runner *runner);
/* Times that a worker may die with the same order. */
#define RUNNER_MAX_LOST 3u

/**
 * Wait for a result, at most @timeout_ms (-1 = for ever).
 * @seen: filled in, owned by the caller
 * @session: the arena of that run, valid (for session_each_site and the like) until the
 * next runner_submit() or runner_wait()
 * Return: 1 a result, 0 timeout or interrupted by a signal, negative errno (a worker died: what
 * was submitted with @tag is lost and is to be submitted again, less what already came back).
 */
int runner_wait(struct runner *runner, int timeout_ms, uint64_t *tag,
                struct observation *seen, const struct session **session);

#endif
