/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ─► live block, for one process.
 *
 * A program's heap is dense and its calls stay near each other, so the map keeps neighbours
 * together: millions of blocks cost few cache misses, and memory that grows with what is live.
 *
 *   address  ....gggggggggggg lll ssss aaa     8-byte slots, 16 to a line, 8 lines to a group
 *                └─ group ──┘  │    │   └──── two blocks in one slot: chained
 *   groups   open addressing by hash of the group ─► 8 line numbers
 *   lines    16 block numbers                          numbers are from 1, 0 = none
 *   blocks   struct live_block, next in its slot; free ones are chained
 *
 * Lines and blocks lie in segments that never move. A group stays when it is empty, until the
 * table grows: most come back.
 *
 * Pure: no clock, no file, no shared memory.
 */
#ifndef DEARTH_LIVE_MAP_H
#define DEARTH_LIVE_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct live_block {
    uint64_t address; /* 0 = no block */
    uint64_t size, index, time_ns;
    uint32_t site, thread;
};

/* Things of one size that are named by a number; private to live_map.c. */
struct live_pool {
    char **segments;
    uint32_t n_segments;
    uint32_t used; /* numbers 1..used were given out */
    uint32_t free; /* first of the chain of those that came back, 0 = none */
    uint32_t bytes;
};

struct live_map {
    uint64_t n; /* blocks */
    struct live_group *groups;
    uint64_t capacity, n_groups; /* a power of two; at most 5/8 full */
    unsigned shift;              /* 64 - log2(capacity) */
    struct live_pool lines, blocks;
};

void live_map_init(struct live_map *map);
void live_map_deinit(struct live_map *map);

/** Enter @block; its address is not 0. @stale: the one that was at that address, out.
 * Return: whether there was one. */
bool live_map_put(struct live_map *map, const struct live_block *block,
                  struct live_block *stale);

/** Take the block at @address out. Return: whether there was one; else *out is zeroed. */
bool live_map_take(struct live_map *map, uint64_t address, struct live_block *out);

/** The block at @address, NULL = none; valid until the next put or take. */
const struct live_block *live_map_find(const struct live_map *map, uint64_t address);

/** All blocks, in no order: *cursor is 0 at first. Return: NULL after the last. */
const struct live_block *live_map_next(const struct live_map *map, uint64_t *cursor);

#endif
