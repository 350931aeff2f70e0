/* SPDX-License-Identifier: Apache-2.0 */
/* Address ─► live block: see live_map.h. Run by the collector, one thread. */
#include "live_map.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "text.h"

#define FIRST_BITS   8
#define SLOT_BITS    3 /* of an address, within a slot */
#define LINE_BITS    7 /* within a line */
#define GROUP_BITS   10
#define LINE_SLOTS   (1u << (LINE_BITS - SLOT_BITS))
#define GROUP_LINES  (1u << (GROUP_BITS - LINE_BITS))
#define FIRST_THINGS 512u /* in the first segment: most processes are small */
#define THINGS_BITS                                                                      \
    15 /* in each segment, once there are so many; before that each one doubles them */
#define THINGS    (1u << THINGS_BITS)
#define DOUBLINGS 6u
_Static_assert(FIRST_THINGS << DOUBLINGS == THINGS, "pool_at()");
#define CACHE_LINE 64u
#define HUGE_PAGE  (2u << 20)

struct live_group {
    uint64_t key; /* the address's upper bits, + 1; 0 = empty */
    uint32_t lines[GROUP_LINES];
};

struct line {
    uint32_t slots[LINE_SLOTS];
};

struct node {
    struct live_block block;
    uint32_t next;
} __attribute__((aligned(CACHE_LINE)));

/* --- pools --- */

static void *pool_at(const struct live_pool *pool, uint32_t number) {
    uint32_t i = number - 1, segment = 0;
    if (i >= THINGS) {
        segment = DOUBLINGS + (i >> THINGS_BITS);
        i &= THINGS - 1;
    } else if (i >= FIRST_THINGS) {
        segment = 32 - (uint32_t)__builtin_clz(i / FIRST_THINGS);
        i -= FIRST_THINGS << (segment - 1);
    }
    return pool->segments[segment] + (size_t)i * pool->bytes;
}

/* Zeroed; a huge page, where there are some, is one page fault instead of 512. */
static void *allocate(size_t bytes) {
    void *memory = NULL;
    bool huge = bytes >= HUGE_PAGE;
    if (posix_memalign(&memory, huge ? HUGE_PAGE : CACHE_LINE, bytes))
        return text_alloc(bytes); /* says so, and ends */
    if (huge)
        madvise(memory, bytes, MADV_HUGEPAGE);
    return memset(memory, 0, bytes);
}

static uint64_t room_in(uint64_t n_segments) {
    if (n_segments <= DOUBLINGS + 1)
        return n_segments ? (uint64_t)FIRST_THINGS << (n_segments - 1) : 0;
    return (n_segments - DOUBLINGS) << THINGS_BITS;
}

/* @link: where in a thing that came back the number of the next is. */
static uint32_t pool_take(struct live_pool *pool, size_t link) {
    uint32_t number = pool->free;
    if (number) {
        memcpy(&pool->free, (char *)pool_at(pool, number) + link, sizeof pool->free);
        return number;
    }
    uint64_t room = room_in(pool->n_segments);
    if (pool->used == room) {
        pool->segments =
            text_grow(pool->segments, pool->n_segments, sizeof *pool->segments);
        size_t more = (size_t)(room_in(pool->n_segments + 1ull) - room);
        pool->segments[pool->n_segments++] = allocate(more * pool->bytes);
    }
    return ++pool->used;
}

static void pool_give(struct live_pool *pool, uint32_t number, size_t link) {
    memcpy((char *)pool_at(pool, number) + link, &pool->free, sizeof pool->free);
    pool->free = number;
}

static void pool_deinit(struct live_pool *pool) {
    for (uint32_t i = 0; i < pool->n_segments; i++)
        free(pool->segments[i]);
    free(pool->segments);
}

#define NODE_LINK offsetof(struct node, next)
#define LINE_LINK 0u

static struct node *node_at(const struct live_map *map, uint32_t number) {
    return pool_at(&map->blocks, number);
}

static struct line *line_at(const struct live_map *map, uint32_t number) {
    return pool_at(&map->lines, number);
}

/* --- groups --- */

/* Fibonacci hashing (Knuth, TAOCP 3, 6.4). */
static struct live_group *group_of(const struct live_map *map, uint64_t address) {
    uint64_t key = (address >> GROUP_BITS) + 1;
    uint64_t i = key * 0x9e3779b97f4a7c15ull >> map->shift;
    while (map->groups[i].key && map->groups[i].key != key)
        i = (i + 1) & (map->capacity - 1);
    return &map->groups[i];
}

static bool is_empty(const struct live_group *group) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < GROUP_LINES; i++)
        any |= group->lines[i];
    return !any;
}

static void resize(struct live_map *map, uint64_t capacity) {
    struct live_group *old = map->groups;
    uint64_t n = map->capacity;
    map->capacity = capacity;
    map->shift = 64u - (unsigned)__builtin_ctzll(capacity);
    map->groups = allocate(capacity * sizeof *map->groups);
    map->n_groups = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (!old[i].key || is_empty(&old[i]))
            continue;
        *group_of(map, (old[i].key - 1) << GROUP_BITS) = old[i];
        map->n_groups++;
    }
    free(old);
}

/* Empty groups go; only when few were does the table grow. */
static void make_room(struct live_map *map) {
    uint64_t full = 0;
    for (uint64_t i = 0; i < map->capacity; i++)
        full += map->groups[i].key && !is_empty(&map->groups[i]);
    resize(map, full * 4 > map->capacity ? 2 * map->capacity : map->capacity);
}

static struct live_group *make_group(struct live_map *map, uint64_t address) {
    struct live_group *group = group_of(map, address);
    if (group->key)
        return group;
    if (map->n_groups * 8 >= map->capacity * 5) {
        make_room(map);
        group = group_of(map, address);
    }
    group->key = (address >> GROUP_BITS) + 1;
    map->n_groups++;
    return group;
}

static uint32_t line_index(uint64_t address) {
    return (uint32_t)(address >> LINE_BITS) & (GROUP_LINES - 1);
}

static uint32_t slot_index(uint64_t address) {
    return (uint32_t)(address >> SLOT_BITS) & (LINE_SLOTS - 1);
}

/* --- public --- */

void live_map_init(struct live_map *map) {
    *map = (struct live_map){.lines.bytes = sizeof(struct line),
                             .blocks.bytes = sizeof(struct node)};
    resize(map, 1u << FIRST_BITS);
}

void live_map_deinit(struct live_map *map) {
    free(map->groups);
    pool_deinit(&map->lines);
    pool_deinit(&map->blocks);
}

bool live_map_put(struct live_map *map, const struct live_block *block,
                  struct live_block *stale) {
    uint32_t *number =
        &make_group(map, block->address)->lines[line_index(block->address)];
    if (!*number) {
        *number = pool_take(&map->lines, LINE_LINK);
        memset(line_at(map, *number), 0, sizeof(struct line));
    }
    uint32_t *slot = &line_at(map, *number)->slots[slot_index(block->address)];
    for (uint32_t i = *slot; i; i = node_at(map, i)->next) {
        struct node *node = node_at(map, i);
        if (node->block.address != block->address)
            continue;
        *stale = node->block;
        node->block = *block;
        return true;
    }
    uint32_t at = pool_take(&map->blocks, NODE_LINK);
    *node_at(map, at) = (struct node){*block, *slot};
    *slot = at;
    map->n++;
    return false;
}

static bool line_is_empty(const struct line *line) {
    uint32_t any = 0;
    for (uint32_t i = 0; i < LINE_SLOTS; i++)
        any |= line->slots[i];
    return !any;
}

bool live_map_take(struct live_map *map, uint64_t address, struct live_block *out) {
    struct live_group *group = group_of(map, address);
    uint32_t *number = &group->lines[line_index(address)];
    *out = (struct live_block){0};
    if (!address || !group->key || !*number)
        return false;
    struct line *line = line_at(map, *number);
    for (uint32_t *at = &line->slots[slot_index(address)]; *at;) {
        struct node *node = node_at(map, *at);
        if (node->block.address != address) {
            at = &node->next;
            continue;
        }
        uint32_t found = *at;
        *out = node->block;
        *at = node->next;
        node->block.address = 0;
        pool_give(&map->blocks, found, NODE_LINK);
        map->n--;
        if (line_is_empty(line)) {
            pool_give(&map->lines, *number, LINE_LINK);
            *number = 0;
        }
        return true;
    }
    return false;
}

const struct live_block *live_map_find(const struct live_map *map, uint64_t address) {
    const struct live_group *group = group_of(map, address);
    uint32_t number = group->key ? group->lines[line_index(address)] : 0;
    uint32_t at = number ? line_at(map, number)->slots[slot_index(address)] : 0;
    while (at && node_at(map, at)->block.address != address)
        at = node_at(map, at)->next;
    return at ? &node_at(map, at)->block : NULL;
}

const struct live_block *live_map_next(const struct live_map *map, uint64_t *cursor) {
    while (*cursor < map->blocks.used) {
        const struct node *node = node_at(map, (uint32_t)++ * cursor);
        if (node->block.address)
            return &node->block;
    }
    return NULL;
}
