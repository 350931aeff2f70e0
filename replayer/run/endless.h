/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a process never end, and is that known? A long computation is no hang, so what is known here is proven:
 *
 *   a cycle      one instruction after another is run, until all registers and all writable memory are what they
 *                were before: from equal states a machine does equal things, and so it comes round for ever
 *   a deadlock   tracer_is_deadlocked(), twice, and nobody has woken between
 *
 * and what could end either from outside is looked at: a timer, memory that others write to, a limit of processor
 * time. Where any of it is not known, nothing is proven.
 *
 * Source: registers and stepping, ptrace(2); instructions whose results are not a function of registers and memory,
 * Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2. Cycles are known on x86-64 alone: on
 * aarch64 a stepped store-exclusive always fails, and loops around one come round only when they are looked at.
 */
#ifndef DEARTH_ENDLESS_H
#define DEARTH_ENDLESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attempt.h"

/**
 * Does this thread go round? Context: traced by the caller, not stopped, the only one of its tree; it runs on when
 * this returns, one that has ended or has a signal to be delivered is left to be waited for. Of its faults no second one is to
 * come, nor any by chance.
 * @arena_path: the memory that it shares with us, not looked at
 * @most_steps: instructions at most; a hundred thousand of them take about a second
 * @counts: its registers come round and its memory does not: another look would show the same
 * Return: HANG_SPINNING, or HANG_ALLOCATING when it asks for memory on its way: proven; else HANG_UNKNOWN.
 */
enum hang endless_goes_round(pid_t tid, const char *arena_path, uint64_t most_steps,
                             bool *counts);

/**
 * Could anything outside of its tree end the wait of this process? Context: @tid is a thread of it, traced by the
 * caller and asleep in a system call; it sleeps on. Return: false: surely not.
 */
bool endless_may_be_woken(pid_t tid, const char *arena_path);

#endif
