/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of `replay --quick` whose copies were ended while they went on, with nothing wrong until then: rows of
 * `survivor`. They are no attempts, and nothing that counts attempts counts them.
 */
#ifndef DEARTH_SURVIVOR_H
#define DEARTH_SURVIVOR_H

#include <stdbool.h>
#include <stdint.h>

#include "words.h"

struct store;
struct text;

/** Allocating calls after its failure that such a copy makes. */
#define SURVIVOR_CALLS 100u

struct survivor_counts {
    uint64_t faults; /* whose copies were ended */
    uint64_t
        whole; /* of these, those that an attempt has shown to their ends all the same, */
    uint64_t
        otherwise; /* and of these, those that did not end in order (severity above 'ok') */
    uint64_t open;  /* the rest: how they end is not known; */
    uint64_t sites; /* at so many sites */
};

/**
 * Count them.
 * @replays: SQL, what `replay_id IN` takes
 * Return: 0 or a negative errno after a message.
 */
int survivor_count(struct store *store, const char *replays, struct survivor_counts *out);

/** The sites of open faults. @sites: @n of them, in order; owned by the caller. Return: as above. */
int survivor_open_sites(struct store *store, const char *replays, int64_t **sites,
                        uint32_t *n);
/**
 * Is it one of those @sites that do not count as tested? One that another fault has shown to be wrong does.
 * @worst: of the verdicts there are
 */
bool survivor_is_open(const int64_t *sites, uint32_t n, int64_t id, enum verdict worst);

/** Append what that means, for people: no full stop, no line end. */
void survivor_describe(const struct survivor_counts *counts, struct text *out);

#endif
