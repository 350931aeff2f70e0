/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that failures leave open: see open_runs.c. */
#ifndef DEARTH_OPEN_RUNS_H
#define DEARTH_OPEN_RUNS_H

#include "replay_private.h"

/** Watched runs without a fault are in: what they have open at their ends is usual. */
void open_runs_usual(struct replay *r, const struct observation *runs, uint32_t n);

/** A watched attempt is in: remember it when it had more open at its end than usual. */
void open_runs_consider(struct replay *r, const struct order *order,
                        const struct observation *seen, const struct judgement *j);

/**
 * Run again what was remembered, stopped at every system call, to see where they were opened. What is lost
 * is an attempt of severity warning.
 * Return: enum replay_outcome, or a negative errno after a message.
 */
int open_runs(struct replay *r);

void open_runs_deinit(struct replay *r);

#endif
