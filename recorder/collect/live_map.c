/* SPDX-License-Identifier: Apache-2.0 */
/* Address ─► live block: see live_map.h. Run by the collector, one thread. */
#include "live_map.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "text.h"

#define FIRST_BITS 8
#define SLOT_BITS                                                                        \
    4 /* of an address, within a slot: most allocators give no nearer ones */
#define LINE_BITS   8 /* within a line */
#define GROUP_BITS  11
#define LINE_SLOTS  (1u << (LINE_BITS - SLOT_BITS))
#define GROUP_LINES (1u << (GROUP_BITS - LINE_BITS))
#define FIRST_THINGS                                                                     \
    512u /* room at first: most processes are small. It doubles until it is that of a segment */
#define THINGS_BITS 16 /* in each segment */
#define THINGS      (1u << THINGS_BITS)
#define CACHE_LINE  64u
#define HUGE_PAGE   (2u << 20)

struct live_group {
    uint64_t key; /* the address's upper bits, + 1; 0 = empty */
    uint32_t lines[GROUP_LINES];
};

struct line {
    uint32_t slots[LINE_SLOTS];
};

/* A block in half a cache line: there are millions, and memory that is touched costs more than it holds. No address
 * space has blocks of 2^56 bytes, no recording 2^48 events of a process or two years; nodes are 2^20. */
struct node {
    uint64_t size : 56, low : 8; /* low: of the address, within its slot, | NODE_USED */
    uint64_t time_ns : 56, site_low : 8;
    uint64_t index : 48, site_high : 16;
    uint32_t thread, next;
};
#define NODE_USED 0x80u
_Static_assert(sizeof(struct node) * 2 == CACHE_LINE, "two in a line");

static uint8_t low_of(uint64_t address) {
    return (uint8_t)(NODE_USED | (address & ((1u << SLOT_BITS) - 1)));
}

static struct node pack(const struct live_block *b, uint32_t next) {
    return (struct node){.size = b->size,
                         .low = low_of(b->address),
                         .time_ns = b->time_ns,
                         .site_low = (uint8_t)b->site,
                         .index = b->index,
                         .site_high = (uint16_t)(b->site >> 8),
                         .thread = b->thread,
                         .next = next};
}

static struct live_block unpack(const struct node *node, uint64_t address) {
    return (struct live_block){.address = address,
                               .size = node->size,
                               .index = node->index,
                               .time_ns = node->time_ns,
                               .site = (uint32_t)node->site_high << 8 | node->site_low,
                               .thread = node->thread};
}

/* --- pools --- */

/* @bytes: the pool's, known where this is compiled */
static inline void *pool_at(const struct live_pool *pool, uint32_t number, size_t bytes) {
    uint32_t i = number - 1;
    return pool->segments[i >> THINGS_BITS] + (size_t)(i & (THINGS - 1)) * bytes;
}

/* What is mapped for it alone is zero already; a huge page, where there are some, is one fault instead of 512. */
static void *map_huge(size_t bytes) {
    char *memory = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return text_alloc(SIZE_MAX / 2); /* says so, and ends */
    size_t before = -(uintptr_t)memory & (HUGE_PAGE - 1);
    if (before)
        munmap(memory, before);
    munmap(memory + before + bytes, HUGE_PAGE - before);
    madvise(memory + before, bytes, MADV_HUGEPAGE);
    return memory + before;
}

static bool is_huge(size_t bytes) {
    return bytes >= HUGE_PAGE && bytes % HUGE_PAGE == 0;
}

static void *allocate(size_t bytes) {
    void *memory = NULL;
    if (is_huge(bytes))
        return map_huge(bytes);
    if (posix_memalign(&memory, CACHE_LINE, bytes))
        return text_alloc(bytes); /* says so, and ends */
    return memory;
}

static void *allocate_zeroed(size_t bytes) {
    void *memory = allocate(bytes);
    return is_huge(bytes) ? memory : memset(memory, 0, bytes);
}

static void *release(void *memory, size_t bytes) {
    if (memory && is_huge(bytes))
        munmap(memory, bytes);
    else
        free(memory);
    return NULL;
}

/* Room for more: the first segment grows and may move, others come whole. What is in it is chance. */
static void pool_grow(struct live_pool *pool) {
    if (pool->room >= THINGS) {
        pool->segments =
            text_grow(pool->segments, pool->n_segments, sizeof *pool->segments);
        pool->segments[pool->n_segments++] = allocate((size_t)THINGS * pool->bytes);
        pool->room += THINGS;
        return;
    }
    uint32_t room = pool->room ? 2 * (uint32_t)pool->room : FIRST_THINGS;
    char *segment = allocate((size_t)room * pool->bytes);
    if (!pool->room)
        pool->segments = text_grow(NULL, 0, sizeof *pool->segments);
    else
        memcpy(segment, pool->segments[0], pool->room * pool->bytes);
    if (pool->room)
        release(pool->segments[0], pool->room * pool->bytes);
    pool->segments[0] = segment;
    pool->n_segments = 1;
    pool->room = room;
}

/* A thing's first word is the number of the next when it came back. Return: a number; other things may move. */
static inline uint32_t pool_take(struct live_pool *pool, size_t bytes) {
    uint32_t number = pool->free;
    if (number) {
        memcpy(&pool->free, pool_at(pool, number, bytes), sizeof pool->free);
        return number;
    }
    if (pool->used == pool->room)
        pool_grow(pool);
    return ++pool->used;
}

static inline void pool_give(struct live_pool *pool, uint32_t number, size_t bytes) {
    memcpy(pool_at(pool, number, bytes), &pool->free, sizeof pool->free);
    pool->free = number;
}

static void pool_deinit(struct live_pool *pool) {
    for (uint32_t i = 0; i < pool->n_segments; i++)
        release(pool->segments[i],
                (size_t)(pool->room < THINGS ? pool->room : THINGS) * pool->bytes);
    free(pool->segments);
}

static inline struct node *node_at(const struct live_map *map, uint32_t number) {
    return pool_at(&map->blocks, number, sizeof(struct node));
}

static inline struct line *line_at(const struct live_map *map, uint32_t number) {
    return pool_at(&map->lines, number, sizeof(struct line));
}

/* --- groups --- */

/* Fibonacci hashing (Knuth, TAOCP 3, 6.4). */
static inline struct live_group *group_of(const struct live_map *map, uint64_t address) {
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
    map->groups = allocate_zeroed(capacity * sizeof *map->groups);
    map->n_groups = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (!old[i].key || is_empty(&old[i]))
            continue;
        *group_of(map, (old[i].key - 1) << GROUP_BITS) = old[i];
        map->n_groups++;
    }
    release(old, n * sizeof *old);
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
    release(map->groups, map->capacity * sizeof *map->groups);
    pool_deinit(&map->lines);
    pool_deinit(&map->blocks);
}

bool live_map_put(struct live_map *map, const struct live_block *block,
                  struct live_block *stale) {
    uint32_t *number =
        &make_group(map, block->address)->lines[line_index(block->address)];
    if (!*number) {
        *number = pool_take(&map->lines, sizeof(struct line));
        memset(line_at(map, *number), 0, sizeof(struct line));
    }
    uint32_t *slot = &line_at(map, *number)->slots[slot_index(block->address)];
    for (uint32_t i = *slot; i; i = node_at(map, i)->next) {
        struct node *node = node_at(map, i);
        if (node->low != low_of(block->address))
            continue;
        *stale = unpack(node, block->address);
        *node = pack(block, node->next);
        return true;
    }
    uint32_t at = pool_take(&map->blocks, sizeof(struct node));
    *node_at(map, at) = pack(block, *slot);
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
    if (!address || !group->key || !*number) {
        *out = (struct live_block){0};
        return false;
    }
    struct line *line = line_at(map, *number);
    for (uint32_t *at = &line->slots[slot_index(address)]; *at;) {
        struct node *node = node_at(map, *at);
        if (node->low != low_of(address)) {
            at = &node->next;
            continue;
        }
        uint32_t found = *at;
        *out = unpack(node, address);
        *at = node->next;
        pool_give(&map->blocks, found, sizeof(struct node));
        map->n--;
        if (line_is_empty(line)) {
            pool_give(&map->lines, *number, sizeof(struct line));
            *number = 0;
        }
        return true;
    }
    *out = (struct live_block){0};
    return false;
}

bool live_map_find(const struct live_map *map, uint64_t address, struct live_block *out) {
    const struct live_group *group = group_of(map, address);
    uint32_t number = group->key ? group->lines[line_index(address)] : 0;
    uint32_t at = number ? line_at(map, number)->slots[slot_index(address)] : 0;
    while (at && node_at(map, at)->low != low_of(address))
        at = node_at(map, at)->next;
    if (at)
        *out = unpack(node_at(map, at), address);
    return at != 0;
}

/* NULL = there is no line */
static inline const uint32_t *slot_at(const struct live_map *map, uint64_t address) {
    const struct live_group *group = group_of(map, address);
    uint32_t number = group->key ? group->lines[line_index(address)] : 0;
    return number ? &line_at(map, number)->slots[slot_index(address)] : NULL;
}

void live_map_ahead(const struct live_map *map, uint64_t group, uint64_t line,
                    uint64_t block) {
    uint64_t key = (group >> GROUP_BITS) + 1;
    __builtin_prefetch(&map->groups[key * 0x9e3779b97f4a7c15ull >> map->shift]);
    const uint32_t *near = slot_at(map, line), *nearer = slot_at(map, block);
    if (near)
        __builtin_prefetch(near);
    if (nearer && *nearer)
        __builtin_prefetch(node_at(map, *nearer));
}

/* Cursor: group, line, slot, and which in the slot, from the upper bits down. */
#define CHAIN_BITS SLOT_BITS /* so many addresses have one slot, at most */

static bool block_at(const struct live_map *map, uint64_t cursor,
                     struct live_block *out) {
    const uint64_t in_group = cursor >> CHAIN_BITS;
    const struct live_group *group = &map->groups[in_group / (GROUP_LINES * LINE_SLOTS)];
    const uint32_t line = (uint32_t)(in_group / LINE_SLOTS) % GROUP_LINES;
    const uint32_t slot = (uint32_t)in_group % LINE_SLOTS;
    uint32_t at = line_at(map, group->lines[line])->slots[slot];
    for (uint32_t k = (uint32_t)cursor & ((1u << CHAIN_BITS) - 1); at && k; k--)
        at = node_at(map, at)->next;
    if (!at)
        return false;
    const struct node *node = node_at(map, at);
    *out = unpack(node, (group->key - 1) << GROUP_BITS | (uint64_t)line << LINE_BITS |
                            (uint64_t)slot << SLOT_BITS | (node->low & ~NODE_USED));
    return true;
}

bool live_map_next(const struct live_map *map, uint64_t *cursor, struct live_block *out) {
    const uint64_t per_line = (uint64_t)LINE_SLOTS << CHAIN_BITS;
    const uint64_t end = map->capacity * GROUP_LINES * per_line;
    while (*cursor < end) {
        const struct live_group *group = &map->groups[*cursor / per_line / GROUP_LINES];
        if (!group->key || !group->lines[*cursor / per_line % GROUP_LINES]) {
            *cursor = (*cursor / per_line + 1) * per_line;
        } else if (block_at(map, *cursor, out)) {
            ++*cursor;
            return true;
        } else { /* no more in this slot */
            *cursor = ((*cursor >> CHAIN_BITS) + 1) << CHAIN_BITS;
        }
    }
    return false;
}
