/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that are the same but for their numbers, and which of these numbers vary. Pure.
 *
 *   run 1   71: count 3    71: done         group "0: count 0"    71 varies, 3 does not
 *   run 2   72: done       72: count 3  ──► group "0: done"       71 varies
 *
 * A number is known by its place among the words of its line. Over all the lines of a group, wherever
 * these stand, a place that holds the same words in each run does not vary.
 */
#ifndef DEARTH_GROUPS_H
#define DEARTH_GROUPS_H

#include "span.h"
#include "text.h"

#define GROUPS_VARYING '\1' /* stands for a word that varies */

struct group {
    struct span shape; /* counts_shape() */
    bool *varies;      /* [n_places] */
    uint64_t n_places; /* words with a digit */
};

struct groups {
    struct group *items; /* by shape */
    uint64_t n;
    struct text store; /* of the shapes */
};

/** @all: where one place of a group varies, all of its do */
struct groups groups_of(const struct spans *runs, uint32_t n, bool all);
void groups_deinit(struct groups *groups);

/** Return: the lines with what varies put as GROUPS_VARYING, sorted; their text is in @store, which is
 * given empty and must outlive them. Free the items. */
struct spans groups_refine(const struct groups *groups, const struct spans *lines,
                           struct text *store);

#endif
