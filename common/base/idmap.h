/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Map from row ids (any integer but 0) to integers: open addressing, never shrinks.
 * Zero is valid and empty. Allocation failure ends dearth (text.h).
 */
#ifndef DEARTH_IDMAP_H
#define DEARTH_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap {
    struct idmap_slot {
        int64_t key, value;
    } * slots;
    size_t n, capacity; /* capacity is 0 or a power of two; n <= 3/4 of it */
};

void idmap_deinit(struct idmap *map); /* twice is safe */
/** Return: true and the value in @out, or false. @key 0 is never there. */
bool idmap_get(const struct idmap *map, int64_t key, int64_t *out);
/** Add or replace. @key must not be 0. */
void idmap_put(struct idmap *map, int64_t key, int64_t value);

#endif
