/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits are the user's, for the program that is recorded: it gets them as they are, and dearth
 * does not die of them.
 *
 *   RLIMIT_STACK  stacks of our own size: 64 KiB is less than some frames here, of SQLite and of libdw
 *                 need, and it is also what a thread gets that asks for nothing
 *   RLIMIT_FSIZE  a write that fails, not SIGXFSZ
 *   RLIMIT_CPU    a word before the end by SIGXCPU
 */
#ifndef DEARTH_OWN_LIMITS_H
#define DEARTH_OWN_LIMITS_H

#include <pthread.h>

/**
 * Call @run on a stack that is large enough: the process's own where the limit allows, else one of
 * ours, on the same thread. Signals of limits that are not ignored get handlers, which an exec resets;
 * limits stay what they are.
 * Return: what @run returned; error_failed_status() when there is no memory for a stack (printed).
 * Context: main(), once.
 */
int own_limits_run(int (*run)(int argc, char **argv), int argc, char **argv);

/**
 * Start a thread with a stack that is large enough.
 * Return: 0, or the error of pthread_create(3), positive.
 */
int own_limits_thread(pthread_t *thread, void *(*run)(void *), void *argument);

#endif
