/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start the first process of an attempt: cheaply, as the user's shell would have, and
 * under the tracer's hand before its first instruction.
 */
#ifndef DEARTH_LAUNCH_H
#define DEARTH_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct unit_place;

struct launch {
    const char *exe;
    char *const *argv;
    char *const *envp;
    const char *cwd;
    int root_fd;  /* the private tree's root, -1 = the real one */
    int stdio[3]; /* -1 = leave as it is */
    const char
        *stdin_path; /* stdio[0] is this file: opened again in root_fd; NULL = as it is */
    uint64_t stdin_offset;
    int terminal_fd; /* own process group in the foreground of this terminal, -1 = own
                        session */
    const struct unit_place *place; /* umask and limits; NULL = ours */
    uint64_t memory_limit;          /* RLIMIT_AS, 0 = none */
    bool dies_with_parent;          /* SIGKILL when the worker is gone */
    bool traced; /* PTRACE_SEIZE it before it runs; false on return when refused */
    uint64_t trace_options;
    bool calls; /* and stop it at every system call after its exec */
    /* What the program has for a parent is not us but a process that does nothing else: what it does
     * to its parent (signals, limits, priorities) meets that one, and getppid() is not 1. */
    bool stand_in;
    uint32_t
        *parent_word; /* in shared memory: the stand-in writes its pid there; NULL = no */
    /* filled in */
    pid_t parent;  /* the stand-in, our child: it ends after its last child; 0 = none */
    int32_t error; /* errno of what failed on the way to the program, 0 = none */
};

/**
 * Start the program; returns once it has been exec'ed or has failed.
 * @first: pid, out; our child or the stand-in's, and not reaped here
 * Return: 0, or a negative errno: no process was made. `launch->error` tells about a
 * process that was made and could not become the program; it ends with status 127.
 * Context: single-threaded process (the worker).
 */
int launch_start(struct launch *launch, pid_t *first);

/** How the child of a stand-in that has ended ended itself, as wait() gives it. Return: whether that
 * is known; a tracer knows by itself, and has to ask itself where the stand-in was killed. */
bool launch_end(int *status);

/** Signals that a stand-in which has ended got, but for SIGCHLD, SIGCONT and what it cannot block: one
 * bit each, signal 1 the lowest. */
uint64_t launch_signals(void);

#endif
