/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of the arena: see arena.c. */
#ifndef DEARTH_PRELOAD_ARENA_H
#define DEARTH_PRELOAD_ARENA_H

#include "preload.h"

/**
 * Take a block; its content is undefined (it may be a recycled one).
 * Waits for the collector to make more unless it is gone or told otherwise.
 * @waited_ns: time spent waiting is added; may be NULL
 * Return: block id, 0 when there is none.
 */
uint32_t arena_take(uint64_t *waited_ns);
/** The same, all zeroes. */
uint32_t arena_take_zeroed(void);

void arena_sleep(long ns);

/** Whether nobody reads any more; finds out by itself when the heartbeat stopped. */
struct arena_watch {
    uint64_t since_ns;
    uint32_t heartbeat;
};
bool arena_abandoned(struct arena_watch *watch);

uint64_t arena_now_ns(void);

static inline void *arena_block(uint32_t id) {
    return (char *)preload.arena + (uint64_t)id * SHM_BLOCK_BYTES;
}

/** May @id, which was read in shared memory, be a block that is there? */
bool arena_has(uint32_t id);

/** Are there blocks for a thread that is far ahead of the collector? Of those that were never used, an eighth
 * of the arena at most: others come, too. */
bool arena_has_plenty(void);

/** Give a block back that was taken and not shown to anybody. */
void arena_give_back(uint32_t id);

/** The block that *@known points to; takes and zeroes one if there is none yet.
 * @where: its place in shared memory, where readers look for it: named there
 * Return: NULL when there is none to be had. */
void *arena_install(uint32_t *where, void *known);

#endif
