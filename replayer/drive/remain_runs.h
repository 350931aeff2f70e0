/* SPDX-License-Identifier: Apache-2.0 */
/* A third look: processes that failures leave running. See remain_runs.c. */
#ifndef DEARTH_REMAIN_RUNS_H
#define DEARTH_REMAIN_RUNS_H

#include "replay_private.h"

struct task;

/** An attempt is in: remember it when processes of it were there after its end. */
void remain_runs_consider(struct replay *r, const struct task *task,
                          const struct observation *seen, const struct judgement *j);

/**
 * Run again what was remembered, and wait for what it leaves. What stays is an attempt of severity warning.
 * Return: enum replay_outcome, or a negative errno after a message.
 */
int remain_runs(struct replay *r);

void remain_runs_deinit(struct replay *r);

#endif
