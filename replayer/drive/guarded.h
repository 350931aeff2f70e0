/* SPDX-License-Identifier: Apache-2.0 */
/* The executions with guarded blocks. */
#ifndef DEARTH_GUARDED_H
#define DEARTH_GUARDED_H

#include "attempt.h"

struct drive;
struct task;

/** Return: a guarded execution (runs without a fault come first, once), or NULL. */
struct task *guarded_next(struct drive *d);
/** The plain executions of @task's fault, which stays the caller's, are over. */
void guarded_consider(struct drive *d, const struct task *task,
                      const struct observation *seen, enum verdict verdict);
/** The result of a guarded execution. */
int guarded_take(struct drive *d, struct task *task, const struct observation *seen,
                 const struct judgement *j);

#endif
