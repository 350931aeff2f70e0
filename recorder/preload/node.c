/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame tree: stacks become node ids, without a lock and without waiting.
 *
 *   index level 0 (2^9 entries)    fingerprint << 32 | node id   private, wiped by fork
 *   index level 1 (2^12) ...       made when the one before is ¾ full; all are consulted
 *       │
 *       ▼
 *   node_blocks[id / 1024][id % 1024]  (parent, address, module, offset, key)   shared
 *
 * Before the index a small cache, one entry an edge may be in, that answers without a look at the
 * node: programs go up and down the same few branches.
 *
 *   recent[hash]   value = parent << 32 | id     check = address ^ mix(value, generation)
 *
 * Both begin small, in a few pages that are mapped at once: of a page that is hit at random each would be a
 * fault, and most processes, attempts above all, walk few stacks.
 *
 * To add: take an id, fill the node, publish it (state, release), then put it into the
 * index by compare-and-swap. Who loses the race to an equal node uses that one and keeps
 * its own id for the next time.
 *
 * Recursion: a frame that is on its own path already leads back to that ancestor. The
 * edge (parent, address) → ancestor is a node too, flagged ALIAS, with the ancestor's id
 * as its offset; no event ever names it.
 *
 * A node of an unloaded module is no longer found, so a new module at the same addresses
 * gets nodes of its own.
 *
 * Invariant: an id in the index is READY, and so is every ancestor (shm.h, I2).
 */
#include "node.h"
#include "arena.h"
#include "leak.h"
#include "local.h"
#include "module.h"
#include "preload.h"
#include "sys.h"
#include "thread.h"
#include "unwind.h"

#define LEVELS LOCAL_INDEX_LEVELS
static const uint8_t level_bits[LEVELS] = {9, 12, 15, 18, 21};
static uint64_t *levels[LEVELS]; /* mappings outlive fork, their contents do not */

/* A pair that is read while another thread stores it does not match, nor does one from before a
 * module was unloaded. */
#define RECENT_BITS       13
#define RECENT_SMALL_BITS 9
struct recent_edge {
    uint64_t check, value;
};
static struct recent_edge *recent; /* behind level 0, in its mapping */
static uint32_t recent_shift = 64 - RECENT_SMALL_BITS; /* of a hash, to its entry */

struct edge {
    uint32_t parent;
    uint64_t address;
    uint64_t hash;
};

static struct edge edge_of(uint32_t parent, uint64_t address) {
    uint64_t h = (address ^ (uint64_t)parent << 40 ^ parent) * 0x9e3779b97f4a7c15ull;
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
    return (struct edge){parent, address, h ^ h >> 32};
}

static bool matches(uint64_t entry, const struct edge *edge) {
    if (entry >> 32 != edge->hash >> 32)
        return false;
    const struct shm_node *node = node_at((uint32_t)entry);
    if (node->parent != edge->parent || node->address != edge->address)
        return false;
    if (likely(!load_relaxed(&module_generation)) || !node->module)
        return true; /* nothing was ever unloaded */
    return node->module <= MODULES_MAX &&
           !load_relaxed(&module_by_index(node->module)->dead);
}

static uint32_t target_of(uint32_t id) {
    const struct shm_node *node = node_at(id);
    if (likely(!(node->flags & SHM_NODE_ALIAS)))
        return id;
    uint32_t ancestor = (uint32_t)node->offset;
    return node_checked(ancestor) ? ancestor : id;
}

static uint32_t find(const struct edge *edge) {
    for (int level = 0; level < LEVELS; level++) {
        uint64_t *table = load_acquire(&levels[level]);
        if (!table || (level && !load_relaxed(&local->index_used[level])))
            return 0;
        uint32_t mask = (1u << level_bits[level]) - 1;
        for (uint32_t i = (uint32_t)edge->hash & mask;; i = (i + 1) & mask) {
            uint64_t entry = load_acquire(&table[i]);
            if (!entry)
                break;
            if (matches(entry, edge))
                return (uint32_t)entry;
        }
    }
    return 0;
}

static size_t level_bytes(int level) {
    size_t bytes = sizeof(uint64_t) << level_bits[level];
    return level ? bytes : bytes + (sizeof(struct recent_edge) << RECENT_BITS);
}

bool node_advise(int advice) {
    bool taken = true;
    for (int level = 0; level < LEVELS; level++)
        if (levels[level])
            taken &= sys_madvise(levels[level], level_bytes(level), advice) == 0;
    return taken;
}

void node_wipe(void) {
    for (int level = 0; level < LEVELS; level++)
        if (levels[level])
            __builtin_memset(levels[level], 0, level_bytes(level));
}

/* Return: the table of @level, made if need be; NULL when there is no memory. */
static uint64_t *level_table(int level) {
    uint64_t *table = load_acquire(&levels[level]);
    if (table)
        return table;
    size_t bytes = level_bytes(level);
    table = sys_mmap(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!table)
        return NULL;
    sys_madvise(table, bytes, MADV_WIPEONFORK);
    sys_madvise(table, bytes, MADV_NOHUGEPAGE);
    bool recents = !level && !(preload.flags & SHM_SKIP_UNWIND); /* a fault's own: no */
    if (level < 2) /* its pages are hit at random, nearly all of them soon */
        sys_populate(table,
                     (sizeof(uint64_t) << level_bits[level]) +
                         (recents ? sizeof(struct recent_edge) << RECENT_SMALL_BITS : 0));
    if (!cas(&levels[level], NULL, table)) {
        sys_munmap(table, bytes);
        return load_acquire(&levels[level]);
    }
    if (recents)
        store_release(&recent, (struct recent_edge *)(table + (1u << level_bits[0])));
    leak_own(table, bytes);
    return table;
}

/* The next table is mapped when the one before is nearly full: too late in a sandbox. */
void node_prepare(void) {
    for (int level = 0; level < 3; level++)
        level_table(level);
}

/* Return: the id that is in the index now (mine or an equal one), 0 when it is full. */
static uint32_t insert(const struct edge *edge, uint32_t id) {
    int level = 0;
    while (level < LEVELS &&
           load_relaxed(&local->index_used[level]) >= (1u << level_bits[level]) / 4 * 3)
        level++;
    uint64_t *table = level < LEVELS ? level_table(level) : NULL;
    if (!table)
        return 0;
    add_relaxed(&local->index_used[level], 1);
    uint64_t entry = edge->hash >> 32 << 32 | id;
    uint32_t mask = (1u << level_bits[level]) - 1;
    for (uint32_t i = (uint32_t)edge->hash & mask;; i = (i + 1) & mask) {
        uint64_t there = load_acquire(&table[i]);
        if (!there && cas(&table[i], 0, entry))
            return id;
        there = load_acquire(&table[i]);
        if (matches(there, edge))
            return (uint32_t)there;
    }
}

/* A fresh node to fill. Return: its id, 0 when the process has no more. */
static uint32_t take_id(struct thread *thread) {
    uint32_t id = thread->spare_node;
    thread->spare_node = 0;
    if (!id)
        id = add_relaxed(&local->counts.n_nodes, 1) + 1;
    uint32_t block = id / SHM_NODES_PER_BLOCK;
    if (block >= SHM_MAX_NODE_BLOCKS) {
        __atomic_fetch_sub(&local->counts.n_nodes, 1, __ATOMIC_RELAXED);
        return 0;
    }
    if (!arena_install(&local->process->node_blocks[block], &local->node_blocks[block])) {
        thread->spare_node = id;
        return 0;
    }
    show_count(&local->counts.n_nodes, &local->process->n_nodes);
    return id;
}

static uint32_t publish(struct thread *thread, const struct edge *edge, uint32_t id) {
    struct shm_node *node = node_at(id);
    node->parent = edge->parent;
    node->address = edge->address;
    if (load_relaxed(&preload.arena->any_fired))
        node->flags |= SHM_NODE_AFTER_FAULT;
    store_release(&node->state, SHM_NODE_READY);
    uint32_t winner = insert(edge, id);
    if (winner != id && winner) {
        *node = (struct shm_node){0};
        thread->spare_node = id;
    }
    return winner;
}

/* The ancestor of @parent (or itself) that is this very frame, 0 if there is none. */
static uint32_t on_path(uint32_t parent, const struct module *module, uint64_t offset) {
    uint32_t id =
        parent; /* longer than any stack that is kept: overwritten, in a circle */
    for (uint32_t n = 0; id && n <= UNWIND_MAX_DEPTH; n++) {
        const struct shm_node *node = node_checked(id);
        if (!node)
            return 0;
        if (node->offset == offset && node->module - 1 < MODULES_MAX &&
            (node->module == module->index ||
             key_equal(module_by_index(node->module)->key, module->key)))
            return id;
        id = node->parent;
    }
    return 0;
}

static COLD uint32_t add_frame(struct thread *thread, const struct edge *edge) {
    const struct module *module = module_at(edge->address);
    uint32_t id = module ? take_id(thread) : 0;
    if (!id)
        return 0;
    struct shm_node *node = node_at(id);
    uint64_t offset = module->anonymous ? 0 : edge->address - module->bias;
    uint32_t ancestor = on_path(edge->parent, module, offset);
    *node = (struct shm_node){.module = module->index, .offset = offset};
    if (ancestor) {
        node->flags = SHM_NODE_ALIAS;
        node->offset = ancestor;
    } else {
        struct dearth_key parent = {0};
        if (edge->parent)
            parent = node_at(edge->parent)->key;
        node->key = key_frame(parent, module->key, offset);
    }
    return publish(thread, edge, id);
}

static uint32_t lookup_frame(struct thread *thread, const struct edge *edge) {
    uint32_t id = find(edge);
    if (unlikely(!id))
        id = add_frame(thread, edge);
    return id ? target_of(id) : 0;
}

static inline uint64_t mix(uint64_t value, uint32_t generation) {
    return (value + generation) * 0x9e3779b97f4a7c15ull;
}

uint32_t node_frame(struct thread *thread, uint32_t parent, uintptr_t address) {
    struct edge edge = edge_of(parent, address);
    struct recent_edge *table = load_acquire(&recent);
    if (unlikely(!table))
        return lookup_frame(thread, &edge);
    uint32_t generation = load_relaxed(&module_generation);
    struct recent_edge *entry = &table[edge.hash >> load_relaxed(&recent_shift)];
    uint64_t value = load_relaxed(&entry->value);
    if (likely(value >> 32 == parent &&
               load_acquire(&entry->check) == (address ^ mix(value, generation))))
        return (uint32_t)value;
    uint32_t id = lookup_frame(thread, &edge);
    if (id >= 1u << RECENT_SMALL_BITS)
        store_relaxed(&recent_shift, 64 - RECENT_BITS);
    value = (uint64_t)parent << 32 | id;
    if (likely(id)) {
        store_relaxed(&entry->value, value);
        /* Who sees it sees the whole node too, which another thread may just have made. */
        store_release(&entry->check, address ^ mix(value, generation));
    }
    return id;
}

static COLD uint32_t add_site(struct thread *thread, const struct edge *edge) {
    uint32_t id = take_id(thread);
    if (!id)
        return 0;
    struct dearth_key parent = {0};
    if (edge->parent)
        parent = node_at(edge->parent)->key;
    *node_at(id) = (struct shm_node){.offset = edge->address,
                                     .key = key_site(parent, (uint32_t)edge->address)};
    return publish(thread, edge, id);
}

uint32_t node_site(struct thread *thread, uint32_t parent, uint32_t op, uint32_t flags) {
    struct edge edge = edge_of(parent, op);
    uint32_t id = find(&edge);
    if (unlikely(!id))
        id = add_site(thread, &edge);
    if (unlikely(flags) && id && (load_relaxed(&node_at(id)->flags) & flags) != flags)
        or_relaxed(&node_at(id)->flags, flags);
    return id;
}
