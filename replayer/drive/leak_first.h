/* SPDX-License-Identifier: Apache-2.0 */
/* The first look for leaks, by the copies that are made anyway. */
#ifndef DEARTH_LEAK_FIRST_H
#define DEARTH_LEAK_FIRST_H

#include <stdbool.h>

#include "attempt.h"

struct replay;

/**
 * Have watched runs without a fault, and choose the sites whose first copies look for leaks. Context: nothing runs.
 * Return: 0, REPLAY_INTERRUPTED, REPLAY_BUDGET or a negative errno after a message.
 */
int leak_first_begin(struct replay *replay);

/** Is the copy that gets this fault to look for leaks? */
bool leak_first_wants(const struct replay *replay, const struct order *order,
                      uint32_t site);

/**
 * A watched copy has come to its end: only that it lost nothing is kept, of one that ended as an ordinary handled or
 * reported failure does. Everything else is not known from now on, and left to whole programs.
 */
void leak_first_take(struct replay *replay, const struct order *order,
                     struct observation *seen, const struct judgement *j);

#endif
