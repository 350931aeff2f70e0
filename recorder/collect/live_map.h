/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address ─► live block, for one process.
 *
 * A program's heap is dense and its calls stay near each other, so the map keeps neighbours
 * together: millions of blocks cost few cache misses, and memory that grows with what is live.
 *
 *   address  ...ggggggggggg lll ssss aaaa      16-byte slots, 16 to a line, 8 lines to a group
 *               └─ group ─┘  │    │   └───── two blocks in one slot: chained
 *   groups   open addressing by hash of the group ─► 8 line numbers
 *   lines    16 block numbers                          numbers are from 1, 0 = none
 *   blocks   what struct live_block says, in 32 bytes; next in its slot; free ones are chained
 *
 * Lines and blocks lie in segments; the first one moves while it grows. A group stays when it is empty, until
 * the table grows: most come back.
 *
 * Pure: no clock, no file, no shared memory.
 */
#ifndef DEARTH_LIVE_MAP_H
#define DEARTH_LIVE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define LIVE_MAP_MOST_BYTES ((1ull << 56) - 1) /* of a block */
struct live_block {
    uint64_t address; /* 0 = no block */
    uint64_t size, index, time_ns;
    uint32_t site, thread;
};

/* Things of one size that are named by a number; private to live_map.c. */
struct live_pool {
    char **segments;
    uint64_t room; /* in all of them */
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

/** Look the block at @address up. Return: whether there is one. */
bool live_map_find(const struct live_map *map, uint64_t address, struct live_block *out);

/**
 * Bring near what later takes or puts of three addresses will read: @group's entry of the table, @line's line, whose
 * entry must have arrived, and @block's block, whose line must have. So each address comes as all three of them, at ever
 * shorter notice. Changes nothing; any address will do.
 */
void live_map_ahead(const struct live_map *map, uint64_t group, uint64_t line,
                    uint64_t block);

/** All blocks, in no order that means anything: *cursor is 0 at first. Return: false after the last. */
bool live_map_next(const struct live_map *map, uint64_t *cursor, struct live_block *out);

#endif
