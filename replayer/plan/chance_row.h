/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures by chance, written down and read back: what the column attempt.chance says makes
 * the same execution again.
 */
#ifndef DEARTH_CHANCE_ROW_H
#define DEARTH_CHANCE_ROW_H

#include "attempt.h"

struct store;

/** As the column has it: a JSON object. Return: owned. */
char *chance_row_text(const struct chance *chance);
/** Read it. Return: whether it is one. */
bool chance_row_parse(const char *text, struct chance *out);
/** The calls that failed, as the column attempt.failed has them: a JSON array. Return: owned.
 */
char *chance_row_failed(const struct observation *seen);

/** What struct chance.sites is: a hash over the keys of the sites that may fail. */
struct dearth_key chance_row_hash(const struct dearth_key *keys, uint32_t n);

/**
 * The sites that a replay chose.
 * @keys: owned by the caller, chance->n_sites of them
 * Return: 0, or a negative errno after a message: they are not known any more.
 */
int chance_row_sites(struct store *store, int64_t replay_id, const struct chance *chance,
                     struct dearth_key **keys);

#endif
