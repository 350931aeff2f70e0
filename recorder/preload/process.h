/* SPDX-License-Identifier: Apache-2.0 */
/* The process: see process.c. */
#ifndef DEARTH_PRELOAD_PROCESS_H
#define DEARTH_PRELOAD_PROCESS_H

#include <time.h>

#include "preload.h"

/**
 * Find the real functions and the arena, once. Called by the first hook, which may be
 * ld.so's own malloc() long before our constructor.
 * Context: re-entry flag not held by this thread, or PRELOAD_STARTING (then it does nothing).
 */
void process_start(void);

/** Where the kernel does not: zero what a forked child has of its parent's. Nothing happens in any other process,
 * or for the second time. */
void process_wipe(void);

/**
 * Make sure that this process has its block (it may be a fresh fork).
 * Return: whether it has one. Context: re-entry flag held.
 */
bool process_ready(void);

/** Leave a note for the user (enum shm_note_kind); dropped when all slots are taken. */
void process_note(uint32_t kind, const char *text);

/** This process's block if the caller runs in it and not in a vfork child, else NULL. */
struct shm_process *process_own(void);

/**
 * This process is about to end by its own will.
 * @told: 256 + its status; 0 = not known
 */
void process_leave(uint32_t told);

/** Find libc's clock, which needs no system call. Context: REENTRY_PRIVATE. */
void process_find_clock(void);
/** Ask it. Return: whether it was found, and, in a sandbox, needs no system call. */
bool process_clock(clockid_t clock, struct timespec *out);

#endif
