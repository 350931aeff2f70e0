/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --quick: a copy that goes on after its failure is ended at its next allocating call after so many. It has
 * survived: nothing went wrong until then, and what comes then is not known. Its fault is not tested.
 *
 *   copy, ended ─► held ── original ends well ──► row of `survivor` ─┬─► a few ─► whole runs
 *                   └───── or does not ─► rerun                      └─► done
 */
#ifndef DEARTH_SURVIVORS_H
#define DEARTH_SURVIVORS_H

#include <stdbool.h>

struct batch;
struct drive;
struct task;

/** A copy of @batch has survived: @task is kept, and waits. */
void survivors_take(struct drive *d, struct task *task, const struct batch *batch);
/** The original has ended. @reason: why its copies are void, NULL = they count.
 * Return: 0 or a negative errno after a message. */
int survivors_end(struct drive *d, const struct batch *batch, const char *reason);
/** When there are no more copies, choose those that are run to their ends, to d->reruns. The rest is done.
 * Return: whether some were chosen. */
bool survivors_sample(struct drive *d);

#endif
