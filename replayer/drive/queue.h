/* SPDX-License-Identifier: Apache-2.0 */
/* What comes next in a replay's loop (the picture: drive.c), and what is with the runner. */
#ifndef DEARTH_QUEUE_H
#define DEARTH_QUEUE_H

#include <stdint.h>

struct drive;
struct task;

/** Return: the task that is to be run next, the caller's now, or NULL: nothing that can be. */
struct task *queue_next(struct drive *d);
/** Give @task to the runner, with its limit. Return: 0 or a negative errno after a message. */
int queue_fly(struct drive *d, struct task *task);
/** Return: the tag under which @task flies from now on. */
uint32_t queue_take_off(struct drive *d, struct task *task);
/** Return: the task that flew under @tag, or NULL. */
struct task *queue_land(struct drive *d, uint64_t tag);
/** Run @task once more, soon. Return: 0 */
int queue_again(struct drive *d, struct task *task);

/** What was held back for @task's sake (task.h) waits no longer. */
void queue_release(struct drive *d, struct task *task);

#endif
