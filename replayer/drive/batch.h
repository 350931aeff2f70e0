/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot runs: many faults, one original, a copy for each. */
#ifndef DEARTH_BATCH_H
#define DEARTH_BATCH_H

#include <stdint.h>

#include "attempt.h"

struct drive;
struct replay;
struct task;

#define BATCH_TAG                                                                        \
    (1ull << 63) /* the runner's tags of originals have it, those of tasks not */

/** Being copied takes the original a millisecond or a few; on a busy machine many times that. Of its limit, for each copy. */
#define BATCH_COPIED_NS 50000000u

/** Take everything planned that a snapshot can do from the plan. Return: 0 or a negative errno. */
int batch_collect(struct drive *d);
/** Keep what became of copies for the replays of a suite's other programs. */
void batch_note(const struct drive *d);
/** Start a batch. Return: 1 it is on its way, 0 there is nothing for one, or a negative errno. */
int batch_next(struct drive *d);
/** The result of a copy. */
int batch_take(struct drive *d, struct task *task, const struct observation *seen,
               const struct judgement *j);
/** The original is at its end, and with it its batch. */
int batch_end(struct drive *d, uint64_t tag, const struct observation *seen);
/** Its worker died: what is still up there has no result, and nobody knows how its original
 *  ended. */
int batch_lose(struct drive *d, uint64_t tag);
/** Did an original behave otherwise than one that had not been copied? @seen: of its whole run. */
bool batch_has_diverged(const struct replay *r, const struct observation *seen);
void batch_free_all(struct drive *d);

/** No copy got this fault of @task's, which is taken over: a whole program will. @reason: of the report's.
 * Return: 0 or a negative errno. */
int batch_leave_to_rerun(struct drive *d, struct task *task, const char *reason);

#endif
