/* SPDX-License-Identifier: Apache-2.0 */
/* The executions with guarded blocks. */
#ifndef DEARTH_GUARDING_RUNS_H
#define DEARTH_GUARDING_RUNS_H

#include "attempt.h"

struct drive;
struct task;

/** Return: a guarded execution (runs without a fault come first, once), or NULL. */
struct task *guarding_runs_next(struct drive *d);
/** The plain executions of @task's fault, which stays the caller's, are over. */
void guarding_runs_consider(struct drive *d, const struct task *task,
                            const struct observation *seen, enum verdict verdict);
/** The result of a guarded execution. */
int guarding_runs_take(struct drive *d, struct task *task, const struct observation *seen,
                       const struct judgement *j);

#endif
