/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looking rows up in the result of a merge gave, from one input to the next.
 *
 *   content: hash of the table and of all that the row is found by ──► its id in the result
 *
 * Only what stays so is put in: rows that were there, with nothing to update, since no merge takes a row
 * away. Open addressing, never shrinks. Zero is valid and empty. Allocation failure ends dearth (text.h).
 */
#ifndef DEARTH_MERGE_MEMORY_H
#define DEARTH_MERGE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "key.h"

struct merge_memory {
    struct merge_memory_slot {
        struct dearth_key content;
        int64_t id; /* 0 = empty */
    } * slots;
    size_t n, capacity; /* capacity is 0 or a power of two; n <= 1/2 of it */
};

/** Forget everything. Twice is safe. */
void merge_memory_deinit(struct merge_memory *memory);
/** Return: the id in the result, or 0 = not known. */
int64_t merge_memory_get(const struct merge_memory *memory, struct dearth_key content);
/** Add. @id must not be 0. */
void merge_memory_put(struct merge_memory *memory, struct dearth_key content, int64_t id);

#endif
