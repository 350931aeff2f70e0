/* SPDX-License-Identifier: Apache-2.0 */
/* The reruns that a copy's verdict needs before it is believed. */
#ifndef DEARTH_CONFIRM_RUNS_H
#define DEARTH_CONFIRM_RUNS_H

#include <stdint.h>

#include "attempt.h"
#include "confirm.h"

struct drive;
struct task;

/** A rerun of what a copy showed. */
struct task *confirm_runs_task(const struct confirm_member *member);
/** A copy's verdict is in: run again what must be before it is believed. */
void confirm_runs_ask(struct drive *d, const struct confirm_member *member,
                      const struct observation *seen, const struct judgement *j);
/** A rerun's verdict is in. @task: set to NULL when it is done with. Return: 0 or -errno */
int confirm_runs_take(struct drive *d, struct task **task, const struct observation *seen,
                      enum verdict verdict);
/** Time for one rerun of each group that no rerun has shown yet. */
uint64_t confirm_runs_wanted_ns(const struct drive *d);

#endif
