/* SPDX-License-Identifier: Apache-2.0 */
/* Where programs go on that give a wrong answer: see follow_runs.c. */
#ifndef DEARTH_FOLLOW_RUNS_H
#define DEARTH_FOLLOW_RUNS_H

#include "replay_private.h"

/**
 * Run degraded faults again, one of each location, and see where the program goes on after the failure.
 * Return: enum replay_outcome, or a negative errno after a message.
 */
int follow_runs(struct replay *r);

#endif
