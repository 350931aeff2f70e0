/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which units of a suite are run: each target in one of those that reach it, so that little time is spent.
 * Greedy: the unit with the most targets for its time first, again and again, until all are covered. Pure.
 */
#ifndef DEARTH_COVER_H
#define DEARTH_COVER_H

#include <stdbool.h>
#include <stdint.h>

struct cover_unit {
    const uint32_t *targets; /* indices, each once */
    uint32_t n_targets;
    uint64_t cost_ns; /* of one run */
    bool refused;     /* not to be chosen */
    bool is_tree;     /* part of that is reached by units which it starts */
    bool
        is_whole; /* part of that is reached by its tests, which are units of their own */
    uint32_t n_alike_refused; /* runs of the same program that were refused */
};

struct cover {
    uint32_t *unit_of; /* by target: index + 1 of the unit; 0 = none, or not wanted */
    uint32_t *order;   /* chosen units, the best first */
    uint32_t n;
};

/** What a unit costs beside its runs: its recording, and what is looked at before the first failure. */
#define COVER_FIXED_NS 20000000u

/** A tree is not copied while its processes live, and hides how its parts ended: it is chosen where that
 * saves as many others. */
#define COVER_TREE 8u

/** A unit of whose kind some were refused will be refused, too, most likely: for each of them it is chosen for twice
 * as many targets in its time, up to 2 to this power. */
#define COVER_ALIKE 10u

/** Each failure in the whole of many tests costs all that come after it, and names none: it is chosen for what no
 * test reaches that can be run by itself. */
#define COVER_WHOLE 1000u

/**
 * Choose.
 * @wanted: by target; NULL = all
 * @out: owned by the caller, cover_deinit()
 */
void cover_choose(const struct cover_unit *units, uint32_t n_units, uint32_t n_targets,
                  const bool *wanted, struct cover *out);
void cover_deinit(struct cover *cover); /* twice is safe */

/**
 * Share chosen units out, the dearest first, each to the shard that has least to do so far.
 * @shard: by place in cover->order: 0-based; owned by the caller
 */
void cover_share(const struct cover_unit *units, uint32_t n_targets,
                 const struct cover *cover, uint32_t n_shards, uint32_t *shard);

/** About how long a unit's replay takes. @n_targets: that are failed in it; ns */
uint64_t cover_cost(const struct cover_unit *unit, uint32_t n_targets);

#endif
