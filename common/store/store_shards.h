/* SPDX-License-Identifier: Apache-2.0 */
/* Which shards of a suite a database has; each that has done all of its part says so in a note of kind 'shard'. */
#ifndef DEARTH_STORE_SHARDS_H
#define DEARTH_STORE_SHARDS_H

#include <stdint.h>

#include "text.h"

struct store;

/** Write down that shard @i (from 1 on) of @n of the suite has done its part. Return: 0 or negative errno after a
 * message. */
int store_shards_put(struct store *store, int64_t suite, uint32_t i, uint32_t n);

/**
 * Of the newest suite: which are missing?
 * @out: appended to: "2/4, 3/4"
 * Return: how many shards there are; 0 = it was not divided; negative errno after a message.
 */
int store_shards_missing(struct store *store, struct text *out);

#endif
