/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing single calls of a recording: a region of the run, the calls of one kind of
 * thread, or the N-th call of the run. What is chosen becomes occurrences of sites, for
 * that is what a replay can meet again: a run that makes a few calls more or less than the
 * recorded one still comes to "the third call of this site".
 *
 *   events of the recording, in the order of time
 *      │      first below --from-symbol      first after it below --until-symbol
 *   ───┴──────────────┼─────── region ───────────┼──────────────────────────────────►
 *   of each site:     first, first + 1, ... last                   struct plan_window
 *   of the region:    1 2 3 4 ... N                                struct plan_pick
 *
 * Only calls count that can fail, and with --thread only those of its threads: the library
 * counts them in the same way.
 */
#ifndef DEARTH_CALLS_H
#define DEARTH_CALLS_H

#include <stdint.h>

#include "plan.h"

struct sites;
struct store;

/** Do these options choose single calls? */
bool calls_wanted(const struct plan_options *options);

/**
 * Choose, and put what was chosen into @sites (which owns it) for plan_make().
 * Return: 0, or a negative errno after a message: a symbol that no recorded call was made
 * below, fewer calls than --nth asks for, a recording without single events, or one that
 * does not tell which calls dearth.h forbids to fail.
 */
int calls_choose(struct store *store, int64_t recording_id,
                 const struct plan_options *options, struct sites *sites);

#endif
