/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaks of an execution: blocks that nothing points to any more when a process ends, per
 * allocating site.
 *
 *   struct shm_leaks of each process ─ evidence_leaks ─► observation ─ leaks_excess ─► judgement
 *   baseline runs ─ leaks_fold ─► the most that a run without a fault leaked ──┘
 */
#ifndef DEARTH_LEAKS_H
#define DEARTH_LEAKS_H

#include "attempt.h"

/** The order of struct leaked_site in every list: by site. For qsort() and bsearch(). */
int leaks_compare(const void *a, const void *b);

/** Fold baseline runs, at least one: per site the most of any run. Pure. */
void leaks_fold(const struct observation *runs, uint32_t n, struct baseline *out);

/**
 * Take from what an execution leaked what the baseline leaks too. Pure.
 * @leaks: [n], sorted by site; changed in place to what is left
 * Return: how many sites are left; 0 when either side is not known.
 */
uint32_t leaks_excess(const struct baseline *baseline, struct leaked_site *leaks,
                      uint32_t n);

/** Why nothing is known: words for shm_leaks.state, which an observation carries. */
const char *leaks_unknown_text(uint32_t state);

#endif
