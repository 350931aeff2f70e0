/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a process whose parent decides what their end means: all that end in the same way, having left
 * the same, are the same to everybody else, so that two whole runs show what becomes of all.
 *
 *   copies, one outcome ─► first, last ─► whole runs ─┬─ agree, and are good ─► verdict of the others, too
 *                                                     └─ do not ─► a whole run for each
 */
#ifndef DEARTH_OUTCOMES_H
#define DEARTH_OUTCOMES_H

#include <stdbool.h>

#include "attempt.h"

struct batch;
struct drive;
struct task;

/** A copy has come to an outcome: keep @task with others of its kind, until outcomes_end().
 * Return: whether it is kept; else it stays the caller's */
bool outcomes_take(struct drive *d, struct task *task, const struct batch *batch,
                   const struct observation *seen);
/** The original has ended. @reason: why its copies are void, NULL = they count.
 * Return: 0 or a negative errno. */
int outcomes_end(struct drive *d, const struct batch *batch, const char *reason);
/** A whole run, of @task, has shown what its outcome comes to. Return: 0 or a negative errno. */
int outcomes_shown(struct drive *d, struct task *task, const struct observation *seen,
                   const struct judgement *j);
/** Is nothing kept? */
bool outcomes_are_settled(const struct drive *d);
void outcomes_free_all(struct drive *d);

#endif
