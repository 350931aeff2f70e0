/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that looks at each program of a suite as it starts (SHM_SEEN), and lets it go on.
 *
 *   program: enters the directory ─ wakes n_processes ─ waits for `seen`
 *   greeter: wakes ─ /proc/PID, pidfd ─► list ─ `seen` = 1, wakes the program
 *   collector: its next round ─ greeter_take() ─► rows
 *
 * A thread, not part of the collector's rounds: a suite starts thousands of short programs, one after the
 * other, and each would wait for whatever the collector does at that moment, most of all for its commits.
 * Whom it misses is looked at by the collector.
 *
 * Where somebody may still write into the pipe on a program's standard input, the program waits until all of it is there, so
 * that it can be run alone: for a fraction of a second at most, which is as if it had been started later, while
 * others are looked at. For a pipe that nobody has ended until then nothing waits again.
 */
#ifndef DEARTH_GREETER_H
#define DEARTH_GREETER_H

#include <stdbool.h>
#include <stdint.h>

struct circumstances;
struct circumstances_options;
struct greeter;
struct session;
struct shm_process;

/** Start it. @pid_namespace: ours; 0 = unknown, and nobody is greeted. @options: outlive it.
 * Return: 0, or a negative errno after a message. */
int greeter_new(struct session *session, uint64_t pid_namespace,
                const struct circumstances_options *options, struct greeter **out);
/** End it; NULL is allowed. Return: NULL. */
struct greeter *greeter_free(struct greeter *greeter);

/**
 * What was seen of the program with this @serial; once.
 * @pidfd: of it, the caller's; -1 = none, or it was taken
 * @later: it waits for its standard input: ask again
 * Return: owned by the caller; NULL = it was not looked at, or @later.
 */
struct circumstances *greeter_take(struct greeter *greeter, uint32_t serial, int *pidfd,
                                   bool *later);

/** The same of one that is over, or is to wait no longer: what has been seen. */
struct circumstances *greeter_take_now(struct greeter *greeter, uint32_t serial);

/**
 * One that it has missed is to wait for its standard input as others do.
 * @circumstances: of @process; taken over, if so
 * Return: does it? Else there is nothing to wait for.
 */
bool greeter_wait(struct greeter *greeter, struct shm_process *process, uint32_t serial,
                  struct circumstances *circumstances);

/** Let a program that waits for it go on. */
void greeter_let_go(struct shm_process *process);

#endif
