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
 */
#ifndef DEARTH_GREETER_H
#define DEARTH_GREETER_H

#include <stdint.h>

struct circumstances;
struct greeter;
struct session;
struct shm_process;

/** Start it. @pid_namespace: ours; 0 = unknown, and nobody is greeted.
 * Return: 0, or a negative errno after a message. */
int greeter_new(struct session *session, uint64_t pid_namespace, struct greeter **out);
/** End it; NULL is allowed. Return: NULL. */
struct greeter *greeter_free(struct greeter *greeter);

/**
 * What was seen of the program with this @serial; once.
 * @pidfd: of it, the caller's; -1 = none
 * Return: owned by the caller; NULL = it was not looked at.
 */
struct circumstances *greeter_take(struct greeter *greeter, uint32_t serial, int *pidfd);

/** Let a program that waits for it go on. */
void greeter_let_go(struct shm_process *process);

#endif
