/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Later calls: a site whose first call is checked may have others that are not.
 */
#ifndef DEARTH_LATER_RUNS_H
#define DEARTH_LATER_RUNS_H

#include "replay_private.h"

/**
 * Let the second call fail, once, of a site of each location at which the first one's failure went
 * well; by copies, where these can be had, others of a few as well. What is a bug then is stored, and repeated.
 * Return: enum replay_outcome, or a negative errno after a message.
 */
int later_runs(struct replay *r);

#endif
