/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals while a program is recorded: what dearth is sent, the program is to see, once.
 *
 * The shell knows dearth's process id where, without dearth, it would know the program's. So what is
 * sent to that process is passed on. What is sent to the whole process group, as by the terminal's
 * keys, timeout(1) or a hangup, or to each process of a service or container, has reached the program
 * already and is not. siginfo does not tell the two apart; a witness does (signals.c).
 */
#ifndef DEARTH_SIGNALS_H
#define DEARTH_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * From here on signals wait for signals_take(). What was ignored stays so for the program, and is passed
 * on to it all the same: it may have another opinion than its parent.
 * Context: once at a time, single-threaded; children inherit the block: signals_for_child().
 */
void signals_begin(void);

/** Start the witness. Without one (no process to be had) what comes from the terminal or the kernel
 * counts as the group's, all else as sent to dearth alone. Context: before the program is started. */
void signals_watch(void);

/** Mask and dispositions as dearth was started with. Context: between fork and exec. */
void signals_for_child(void);

/** Readable when a signal has arrived. Return: a descriptor, ours. */
int signals_fd(void);

/** A signal that asks for an end. */
struct signals_taken {
    int end; /* SIGINT, SIGQUIT, SIGTERM or SIGHUP that was not ignored; 0 = none */
};

/**
 * Take what has arrived, and pass on to @program what was meant for it alone.
 * @program: 0 = it has ended: nothing is passed on
 * @now_ns: a clock that does not jump
 */
struct signals_taken signals_take(pid_t program, uint64_t now_ns);

/** How long from @now_ns until signals_take() has something to do that no descriptor tells of.
 * Return: ns, UINT64_MAX = nothing. */
uint64_t signals_due_ns(uint64_t now_ns);

/** The first signal since signals_begin() that asked for an end, also after signals_end(); 0 = none. */
int signals_end_wanted(void);

/** What has arrived and was not taken is dropped (and remembered: signals_end_wanted()), then all is
 * as before signals_begin(). Calling it again does nothing. */
void signals_end(void);

#endif
