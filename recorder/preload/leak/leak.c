/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of live blocks: a radix tree over addresses.
 *
 *   address  47 ── 36 │ 35 ── 24 │ 23 ── 12 │ 11 ── 3 │
 *              root[]    middle[]   lower[]    leaf[512]  leak_entry per 8 bytes
 *
 * No two blocks share a slot, so there is no probing, no tombstone and nothing to lock: to
 * add is one store, to take is one exchange. A leaf is one page for one page of the heap.
 * Nodes of the tree come from one reservation that is touched as far as needed; they are
 * installed by compare-and-swap and never go away.
 *
 * After fork the child has its own copy, as it has of the heap. Blocks of before carry the
 * parent's generation: site nodes are per process, and the parent judges them.
 *
 * Invariant: an entry is there from after the real malloc() to before the real free().
 */
#include "leak.h"
#include "preload.h"
#include "sys.h"

#define LEVEL_BITS   12
#define LEVEL_SLOTS  (1u << LEVEL_BITS)
#define LEAF_SLOTS   512u
#define ADDRESS_BITS 48
#define POOL_MOST    (16ull << 30)
#define POOL_LEAST   (64ull << 20)

static char *pool; /* [pool_bytes] zeroed; copied by fork */
static uint64_t pool_bytes, pool_next;
static void **root; /* [LEVEL_SLOTS] */
static uint32_t incomplete;
static uint32_t moving;
static uint32_t generation;

static struct leak_range own[LEAK_OWN_MAX];
static uint32_t n_own;

void leak_own(const void *p, size_t bytes) {
    uint32_t i = p ? add_relaxed(&n_own, 1) : LEAK_OWN_MAX;
    if (i >= LEAK_OWN_MAX)
        return; /* counted as a root: a leak may be missed */
    own[i].start = (uintptr_t)p;
    store_release(&own[i].end, (uintptr_t)p + bytes);
}

uint32_t leak_owned(struct leak_range out[LEAK_OWN_MAX]) {
    uint32_t n = load_acquire(&n_own), kept = 0;
    for (uint32_t i = 0; i < n && i < LEAK_OWN_MAX; i++)
        if (load_acquire(&own[i].end))
            out[kept++] = own[i];
    return kept;
}

/* Zeroed memory for a node of the tree. Return: NULL when there is none left. */
static void *pool_take(size_t bytes) {
    uint64_t at = add_relaxed(&pool_next, bytes);
    return at + bytes <= pool_bytes ? pool + at : NULL;
}

void leak_start(void) {
    for (pool_bytes = POOL_MOST; pool_bytes >= POOL_LEAST && !pool; pool_bytes /= 2)
        pool = sys_mmap(pool_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!pool) { /* RLIMIT_AS: nothing is known about leaks */
        incomplete = 1;
        return;
    }
    pool_bytes *= 2; /* the loop had gone on */
    sys_madvise(pool, pool_bytes, MADV_NOHUGEPAGE);
    sys_madvise(pool, pool_bytes, MADV_DONTDUMP);
    leak_own(pool, pool_bytes);
    root = pool_take(LEVEL_SLOTS * sizeof *root);
    leak_sandbox_start();
}

void leak_forked(void) {
    store_relaxed(&moving, 0);
    if (generation + 1 < 1u << LEAK_GENERATION_BITS)
        generation++;
    else
        incomplete = 1;
}

/* Return: what *@slot names, made if need be and @make; NULL when there is none. */
static void *child(void **slot, size_t bytes, bool make) {
    void *there = load_acquire(slot);
    if (likely(there) || !make)
        return there;
    void *fresh = pool_take(bytes);
    if (!fresh)
        return NULL;
    return cas(slot, NULL, fresh) ? fresh : load_acquire(slot);
}

static uint32_t index_at(uintptr_t address, int shift) {
    return (uint32_t)(address >> shift) & (LEVEL_SLOTS - 1);
}

/* Return: the place of @address's entry, NULL when there is none (or no memory). */
static leak_entry *slot_of(uintptr_t address, bool make) {
    if (!root || address >> ADDRESS_BITS)
        return NULL;
    const size_t level_bytes = LEVEL_SLOTS * sizeof(void *);
    void **middle = child(&root[index_at(address, 36)], level_bytes, make);
    void **lower =
        middle ? child(&middle[index_at(address, 24)], level_bytes, make) : NULL;
    leak_entry *leaf = lower ? child(&lower[index_at(address, 12)],
                                     LEAF_SLOTS * sizeof(leak_entry), make)
                             : NULL;
    return leaf ? &leaf[address >> 3 & (LEAF_SLOTS - 1)] : NULL;
}

void leak_put(const void *p, leak_entry entry) {
    if (!entry)
        return;
    leak_entry *slot = slot_of((uintptr_t)p, true);
    if (likely(slot))
        store_release(slot, entry);
    else
        store_relaxed(&incomplete, 1);
}

void leak_add(const void *p, uint64_t size, uint32_t node) {
    uint64_t stored = size < LEAK_SIZE_MAX ? size : LEAK_SIZE_MAX;
    if (p)
        leak_put(p, (stored + 1) << 32 | (uint64_t)generation << LEAK_NODE_BITS | node);
}

leak_entry leak_take(const void *p) {
    leak_entry *slot = slot_of((uintptr_t)p, false);
    return slot ? swap(slot, 0) : 0;
}

void leak_moving(int change) {
    add_relaxed(&moving, (uint32_t)change);
}

bool leak_is_moving(void) {
    return load_acquire(&moving) != 0;
}

bool leak_complete(void) {
    return !load_relaxed(&incomplete);
}

bool leak_is_ours(leak_entry entry) {
    return leak_entry_generation(entry) == generation;
}

static void each_of_leaf(void (*each)(void *, uintptr_t, leak_entry), void *context,
                         const leak_entry *leaf, uintptr_t page) {
    for (uint32_t i = 0; i < LEAF_SLOTS; i++)
        if (leaf[i])
            each(context, page + i * 8, leaf[i]);
}

void leak_each(void (*each)(void *, uintptr_t, leak_entry), void *context) {
    for (uintptr_t i = 0; root && i < LEVEL_SLOTS; i++) {
        void **middle = load_acquire(&root[i]);
        for (uintptr_t k = 0; middle && k < LEVEL_SLOTS; k++) {
            void **lower = load_acquire(&middle[k]);
            for (uintptr_t m = 0; lower && m < LEVEL_SLOTS; m++) {
                const leak_entry *leaf = load_acquire(&lower[m]);
                if (leaf)
                    each_of_leaf(each, context, leaf, i << 36 | k << 24 | m << 12);
            }
        }
    }
}
