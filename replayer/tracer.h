/*
 * The supervisor of one process tree: follows every process and thread of it, keeps the
 * stack of a fatal signal, kills it whole.
 */
#ifndef DEARTH_TRACER_H
#define DEARTH_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct observation;
struct tracee;

/* Zero is valid and empty. */
struct tracer {
    bool traced;           /* ptrace is in use; otherwise only waiting and /proc */
    bool killing;          /* whatever still shows up dies */
    const uint32_t *armed; /* signals count as candidates only while this is not 0 */
    struct observation *seen;
    struct tracee *tracees; /* traced: every thread of the tree */
    uint32_t n, capacity;
    uint32_t n_caught; /* captures of signals that the program handles itself */
    uint64_t
        starved_ns; /* time in which the tree was ready to run and got no processor */
    uint64_t first_delay_ns;
    pid_t sampling; /* thread asked to stop for a sample, 0 = none */
    /* Told of every process and thread that @tid makes; true = @tid is to stay stopped until
     * tracer_release(). NULL = nobody asks. */
    bool (*cloned)(void *context, pid_t tid, pid_t child);
    void *context;
};

/** Options for the PTRACE_SEIZE of the first process. */
uint64_t tracer_options(void);

/** Take over @first, just started by launch_start(). */
void tracer_add(struct tracer *tracer, pid_t first);

/**
 * Handle what waitpid(-1, &@status, __WALL) said about @pid.
 * Return: true when @pid is gone (exited or killed), false when it goes on.
 */
bool tracer_handle(struct tracer *tracer, pid_t pid, int status);

/**
 * Keep a stack sample of the thread that used the most CPU, unless the stack of a fatal
 * signal is already kept. For an attempt past its time limit, just before tracer_kill().
 */
void tracer_sample(struct tracer *tracer, pid_t first);

/**
 * Account for processor time that others took, in `starved_ns`: since the last call, the longest
 * that one thread of the tree waited in a run queue. Call every 50 ms or so.
 */
void tracer_watch_starving(struct tracer *tracer, pid_t first);

/** Let go on what `cloned` held. */
void tracer_release(pid_t tid);

bool tracer_knows(const struct tracer *tracer, pid_t tid);
/** @tid is another tracer's from now on. */
void tracer_forget(struct tracer *tracer, pid_t tid);

/** Parent of a process by /proc, -1 when it is gone. */
pid_t tracer_parent(pid_t pid);

/** SIGKILL what is known of the tree, and nothing else. Context: traced. */
void tracer_kill_known(struct tracer *tracer);

/** SIGKILL every process of the tree that is known or is a descendant of ours. */
void tracer_kill(struct tracer *tracer);

void tracer_deinit(struct tracer *tracer);

/** Our children by /proc, zombies too. Return: how many were stored, at most @max. */
int tracer_children(pid_t *out, int max);

/** SIGKILL all our descendants found in /proc. Context: async-signal-safe. */
void tracer_kill_descendants(void);

#endif
