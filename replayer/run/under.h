/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attempts run under beside the fault: an AddressSanitizer build, or Valgrind.
 *
 *   modules of the recording ─► under_find_sanitizer() ─┐
 *   --under, attempt.under   ──────────────────────────┼─► under_apply() ─► conditions: environment,
 *                                                      │                    or Valgrind around it all
 *   both want something in front of them: our hooks come before the sanitizer's malloc (LD_PRELOAD), and
 *   Valgrind is told to take over libc's malloc alone, so that our hooks call what it watches
 */
#ifndef DEARTH_UNDER_H
#define DEARTH_UNDER_H

#include "attempt.h"
#include "conditions.h"

struct store;

/**
 * Is a sanitizer's runtime among the recording's modules?
 * @under: UNDER_ASAN or UNDER_PLAIN, out
 * Return: 0, or a negative errno after a message.
 */
int under_find_sanitizer(struct store *store, int64_t recording_id, enum under *under);

/**
 * Prepare the conditions for it.
 * @said: what was done, for the user; owned by the caller; NULL when there is nothing to say
 * Return: 0, or a negative errno after a message (Valgrind is not installed).
 */
int under_apply(struct conditions *conditions, enum under under, char **said);

/** Executions take so many times longer, at most: for limits that no measurement stands behind. */
unsigned under_slowdown(enum under under);

#endif
