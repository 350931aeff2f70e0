/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures by chance (shm.h, struct shm_chance): each chosen call fails with a probability.
 *
 *   call chosen? ─► number n of the session ─► space, interval ─► mix(seed, n) < threshold?
 *                                                                   └► times ─► log, NULL
 *
 * Whether call n fails depends on n and the seed alone, so that one seed makes the same calls
 * fail in every run of a program that makes the same calls in the same order: one thread, one
 * process. Who runs it: any thread of the target, re-entry flag held.
 */
#include "fault_chance.h"
#include "arena.h"
#include "fault.h"
#include "local.h"
#include "node.h"
#include "preload.h"
#include "thread.h"

/* The choice is a list of sites, laid down like the orders of a snapshot run. */
static bool is_chosen(struct dearth_key key) {
    uint32_t block = preload.orders_block;
    const struct shm_orders *chosen = block ? arena_block(block) : NULL;
    const uint32_t mask = SHM_ORDER_INDEX - 1;
    if (!chosen)
        return true;
    uint32_t at = (uint32_t)key.lo & mask;
    for (uint32_t i = 0; i <= mask && chosen->index[at]; i++, at = (at + 1) & mask)
        if (chosen->index[at] <= SHM_MAX_ORDERS &&
            key_equal(chosen->orders[chosen->index[at] - 1u].site, key))
            return true;
    return false;
}

/* splitmix64, its n-th number. Source: https://prng.di.unimi.it/splitmix64.c */
static uint64_t mix(uint64_t seed, uint64_t n) {
    uint64_t z = seed + n * 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static bool strikes(struct shm_chance *chance, uint64_t call, uint64_t size) {
    uint64_t before = __atomic_fetch_add(&chance->bytes, size, __ATOMIC_RELAXED);
    if (before < chance->space || (chance->interval && call % chance->interval) ||
        mix(chance->seed, call) > chance->threshold)
        return false;
    return !chance->times || add_relaxed(&chance->struck, 1) < chance->times;
}

bool fault_chance_due(struct thread *thread, uint32_t node, uint64_t size) {
    struct shm_header *arena = preload.arena;
    struct shm_chance *chance = &arena->chance;
    if (!node || !is_chosen(node_at(node)->key))
        return false;
    uint64_t call = __atomic_add_fetch(&chance->calls, 1, __ATOMIC_RELAXED);
    if (!strikes(chance, call, size))
        return false;
    uint32_t i = add_relaxed(&chance->n_failed, 1);
    if (i < SHM_CHANCE_LOG) {
        struct shm_chance_failed *failed = &chance->failed[i];
        failed->call = call;
        failed->size = size;
        failed->occurrence = load_relaxed(&node_at(node)->count);
        failed->node = node;
        failed->process = local->process_id;
        failed->pid = local->pid;
        failed->tid = thread->tid;
        store_release(&failed->state, shm_fired(preload.nonce, i));
    }
    store_release(&arena->any_fired, 1);
    dearth_fault_injected();
    return true;
}
