/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of one process tree: follows every process and thread of it, keeps the
 * stack of a fatal signal, kills it whole.
 */
#ifndef DEARTH_TRACER_H
#define DEARTH_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attempt.h"
#include "shm.h"

struct tracee;
struct opening;

/* Of one thread, as the kernel counts it: schedstat. */
struct schedule {
    uint64_t run_ns, delay_ns;
};

/* Zero is valid and empty. */
struct tracer {
    bool traced;           /* ptrace is in use; otherwise only waiting and /proc */
    bool killing;          /* whatever still shows up dies */
    const uint32_t *armed; /* signals count as candidates only while this is not 0 */
    const struct shm_fault *faults; /* SHM_MAX_FAULTS of the arena's; NULL = none */
    struct observation *seen;
    struct tracee *tracees; /* traced: every thread of the tree */
    uint32_t n;
    bool
        branched; /* one of them has made a process or thread, or become another program */
    bool exits;   /* what processes have open when they end is looked at, */
    uint64_t
        openings;   /* where they opened these (struct order), 0 = none: not looked at; */
    bool follow;    /* until where it goes on after the fault is seen */
    pid_t exit_pid; /* of this process alone; 0 = of that which a fault fired in */
    struct opening *opened;      /* [n_opened] */
    uint32_t n_opened, n_looked; /* n_looked: stacks taken for it */
    bool watches; /* no fault is to come: what is caught, or died of, is kept as usual */
    struct {
        int signal;
        uint64_t pc;
    } caught[OBSERVATION_CAUGHT]; /* signals that the program handles itself, by place */
    uint32_t n_caught;
    pid_t caught_by; /* thread that the observation's crash is of, when it handles that */
    bool dies;       /* nothing does */
    uint64_t
        starved_ns; /* time in which the tree was ready to run and got no processor */
    uint64_t
        run_ns; /* time that its threads were on a processor, as far as was looked at */
    struct schedule first_schedule;
    uint32_t most;         /* of a copy: as its order has it, 0 = it comes to its end; */
    const uint64_t *calls; /* counted since its failure; */
    bool
        survived; /* it came so far, nothing was seen to go wrong, and it is stopped there */
    pid_t sampling; /* thread asked to stop for a sample, 0 = none */
    pid_t sampled;  /* thread of the last sample, 0 = none */
    /* Told of every process and thread that @tid makes; true = @tid is to stay stopped until
     * tracer_release(). NULL = nobody asks. */
    bool (*cloned)(void *context, pid_t tid, pid_t child);
    void *context;
};

/** Options for the PTRACE_SEIZE of the first process.
 * @exits: as in struct tracer; @calls: system calls are looked at */
uint64_t tracer_options(bool exits, bool calls);

/** Take over @first, just started by launch_start(). */
void tracer_add(struct tracer *tracer, pid_t first);

/**
 * Handle what waitpid(-1, &@status, __WALL) said about @pid.
 * Return: true when @pid is gone (exited or killed), false when it goes on.
 */
bool tracer_handle(struct tracer *tracer, pid_t pid, int status);

/**
 * Keep a stack sample, unless the stack of a fatal signal is already kept: of the thread that used
 * the most processor time, or where none of them wants a processor, of one that waits for something
 * else than its children. Fills in hang_call. For an attempt past its time limit.
 */
void tracer_sample(struct tracer *tracer, pid_t first);
/**
 * Whose stack tells whether the tree goes deeper and deeper: of the thread in which the call failed, where that is
 * there; else of the one of the last sample. Samples stay as they are.
 * @stack_pointer: out: an address in its stack; 0 = not known
 * Return: its id; 0 = there is none.
 */
pid_t tracer_failed_thread(struct tracer *tracer, uint64_t *stack_pointer);
/** Another sample of the same thread, into sample_frames. */
void tracer_sample_again(struct tracer *tracer);
/** Another one, kept in place of that when it has fewer calls in common with the first sample. */
void tracer_sample_outer(struct tracer *tracer);
/** It did end: the samples are no evidence. */
void tracer_forget_sample(struct tracer *tracer);

/** How often threads of the tree have gone to sleep by themselves. Context: traced. */
uint64_t tracer_naps(const struct tracer *tracer);
/** Is a thread of the tree running or ready to run? */
bool tracer_wants_cpu(const struct tracer *tracer);
/**
 * Does every thread wait for a futex without a time limit, or for children, and one at least for a
 * futex? Nobody in the tree can wake anyone then.
 */
bool tracer_is_deadlocked(const struct tracer *tracer);

/**
 * Account for processor time: what the tree used, in run_ns, and what others took from it, in
 * starved_ns: since the last call, the longest that one thread of the tree waited in a run queue.
 * Call every 50 ms or so.
 */
void tracer_watch(struct tracer *tracer, pid_t first);

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

/** The threads of the tree. Return: as tracer_children(). */
int tracer_threads(const struct tracer *tracer, pid_t *out, int max);

/** Our children by /proc, zombies too. Return: how many were stored, at most @max. */
int tracer_children(pid_t *out, int max);

/** SIGKILL all our descendants found in /proc. Context: async-signal-safe. */
void tracer_kill_descendants(void);

#endif
