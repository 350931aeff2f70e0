/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of faults: a failure, and a second one while the first is handled.
 *
 *   attempts with one failure ─ explored ─► error-path sites each of them met
 *        │ pairs_load
 *        ▼
 *   (first site, occurrence) × (error-path site) ─ pairs_plan ─► in order, without what
 *                                                                was tried before
 *
 * An error-path site is one that no run without a failure has. The second failure is its first
 * call after the first failure. A first failure that crashes or hangs by itself starts no pair.
 */
#ifndef DEARTH_PAIRS_H
#define DEARTH_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

struct store;

struct pair {
    uint32_t first; /* index into the plan's sites */
    uint64_t occurrence;
    int64_t second; /* row of `site` */
    struct dearth_key key, leaf_module;
    uint64_t leaf_offset;
    int64_t location; /* of the second; 0 = unknown: a location of its own */
    uint32_t done;    /* executions stored */
    bool bad, hung, unreached;
};

/* Zero is valid and empty. */
struct pairs {
    struct pair *list;
    uint32_t n;
};
void pairs_deinit(struct pairs *pairs);

/**
 * Read what attempts of a recording met after their failure, with what was tried of it.
 * @sites, @n_sites: of the plan, in any order
 * @passed: by site: only these may fail first
 * Return: 0, or a negative errno after a message.
 */
int pairs_load(struct store *store, int64_t recording_id, const struct plan_site *sites,
               uint32_t n_sites, const bool *passed, struct pairs *out);

/**
 * Take out what is settled and put the rest in order: each error-path location once before any
 * twice, within one each site once before any twice; ties by key. Pure.
 * @repeat: further executions of a bad verdict; @retest: forget what was tried
 * @limit: pairs at most, 0 = all
 */
void pairs_plan(struct pairs *pairs, uint32_t repeat, bool retest, uint64_t limit);

#endif
