/* SPDX-License-Identifier: Apache-2.0 */
/* What the user reads: the plan as a table, the end. */
#ifndef DEARTH_SUMMARY_H
#define DEARTH_SUMMARY_H

#include "replay.h"

struct replay;

/** The plan on stdout, a line for each fault. */
void summary_plan(const struct replay *r);
/** What is about to be done, on stderr. */
void summary_announce(const struct replay *r);
/** How to go on after an interruption, on stderr: where there is no summary, and with -q. */
void summary_go_on(const struct replay *r);
/** What was done, on stderr. */
int summary_print(const struct replay *r, enum replay_outcome outcome);

#endif
