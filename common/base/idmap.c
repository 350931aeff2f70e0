/* SPDX-License-Identifier: Apache-2.0 */
/* Map from row ids to integers: see idmap.h. */
#include "idmap.h"

#include <stdlib.h>

#include "text.h"

/* Fibonacci hashing: row ids are dense, pointers aligned; the high bits spread both. */
static size_t slot_of(const struct idmap *map, int64_t key) {
    uint64_t h = (uint64_t)key * 0x9e3779b97f4a7c15ull;
    size_t i = (size_t)(h ^ h >> 32) & (map->capacity - 1);
    while (map->slots[i].key && map->slots[i].key != key)
        i = (i + 1) & (map->capacity - 1);
    return i;
}

static void grow(struct idmap *map) {
    struct idmap bigger = {.n = map->n,
                           .capacity = map->capacity ? map->capacity * 2 : 64};
    bigger.slots = text_alloc(bigger.capacity * sizeof *bigger.slots);
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key)
            bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    *map = bigger;
}

void idmap_deinit(struct idmap *map) {
    free(map->slots);
    *map = (struct idmap){0};
}

bool idmap_get(const struct idmap *map, int64_t key, int64_t *out) {
    if (!map->capacity || !key)
        return false;
    size_t i = slot_of(map, key);
    if (!map->slots[i].key)
        return false;
    *out = map->slots[i].value;
    return true;
}

void idmap_put(struct idmap *map, int64_t key, int64_t value) {
    if (!key)
        return; /* marks an empty slot; no row has it unless somebody made one */
    if (4 * (map->n + 1) > 3 * map->capacity)
        grow(map);
    size_t i = slot_of(map, key);
    map->n += !map->slots[i].key;
    map->slots[i] = (struct idmap_slot){key, value};
}
