/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: who gets which ring of the process, without any call at thread exit.
 *
 *   tls.thread ─► struct thread (wiped by fork) ─► slots[slot].owner = claims << 32 | tid
 *                                               └► ring number `slot`, its segments
 *
 * A new thread takes over the slot of a dead one and continues its chain of segments. The
 * claim count makes the swap of `owner` fail when the same tid came back in between.
 *
 * Invariant: a slot's struct thread and ring are touched only by the thread that `owner`
 * names, and that thread is alive.
 */
#include "thread.h"
#include "arena.h"
#include "leak.h"
#include "local.h"
#include "preload.h"
#include "process.h"
#include "ring.h"
#include "stamp.h"
#include "sys.h"
#include "unwind.h"

__thread struct tls tls __attribute__((tls_model("initial-exec")));

/* Mappings outlive fork (their contents do not), so a child uses its parent's again. */
static struct thread *memory[SHM_MAX_RINGS];

#define PROBES 8u /* slots looked at for a dead owner before a fresh slot is used */

static bool claim(uint32_t slot, uint64_t owner, uint32_t tid) {
    return cas(&local->slots[slot].owner, owner, ((owner >> 32) + 1) << 32 | tid);
}

/* Whether the thread is gone; in a sandbox it cannot be asked. */
static bool is_dead(uint32_t tid) {
    return !sys_is_sandboxed && sys_tgkill(local->pid, tid, 0) == -ESRCH;
}

static bool claim_dead(uint32_t slot, uint32_t tid) {
    uint64_t owner = load_acquire(&local->slots[slot].owner);
    uint32_t old = (uint32_t)owner;
    if (!old)
        return false; /* handed out, not yet claimed */
    if (old != tid && !is_dead(old))
        return false;
    return claim(slot, owner, tid);
}

static int32_t claim_fresh(uint32_t tid) {
    uint32_t *n = &local->counts.n_rings;
    for (;;) {
        uint32_t slot = load_relaxed(n);
        if (slot >= SHM_MAX_RINGS)
            return -1;
        if (slot)
            store_relaxed(&preload.threaded, 1);
        if (!cas(n, slot, slot + 1))
            continue;
        show_count(n, &local->process->n_rings);
        return claim(slot, 0, tid) ? (int32_t)slot : -1;
    }
}

static int32_t claim_any(uint32_t tid) {
    uint32_t n = load_acquire(&local->counts.n_rings);
    for (uint32_t i = 0; i < n; i++) /* my own number: its last owner is surely dead */
        if ((uint32_t)load_relaxed(&local->slots[i].owner) == tid && claim_dead(i, tid))
            return (int32_t)i;
    for (uint32_t i = 0; i < PROBES && i < n; i++) {
        uint32_t slot = add_relaxed(&local->slot_cursor, 1) % n;
        if (claim_dead(slot, tid))
            return (int32_t)slot;
    }
    int32_t fresh = claim_fresh(tid);
    if (fresh >= 0)
        return fresh;
    for (uint32_t i = 0; i < n; i++)
        if (claim_dead(i, tid))
            return (int32_t)i;
    return -1;
}

struct thread *thread_of(uint32_t slot) {
    return slot < SHM_MAX_RINGS ? load_acquire(&memory[slot]) : NULL;
}

static size_t memory_bytes(void) {
    size_t per_frame = sizeof(struct frame) + sizeof(struct fresh_frame) +
                       UNWIND_WORDS_PER_FRAME * sizeof(struct stack_word) +
                       sizeof(void *);
    return sizeof(struct thread) + preload.max_depth * per_frame +
           sizeof(struct fresh_frame) + UNWIND_BRANCHES * sizeof(struct branch) +
           UNWIND_SPARE_FRAMES * sizeof(void *);
}

bool thread_advise(struct thread *thread, int advice) {
    return sys_madvise(thread, memory_bytes(), advice) == 0;
}

void thread_wipe(void) {
    uint32_t n = local->counts.n_rings;
    for (uint32_t i = 0; i < n && i < SHM_MAX_RINGS; i++)
        if (memory[i])
            __builtin_memset(memory[i], 0, memory_bytes());
}

static struct thread *memory_of(uint32_t slot) {
    if (load_acquire(&memory[slot]))
        return memory[slot];
    size_t bytes = memory_bytes();
    struct thread *thread = sys_mmap(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (thread)
        sys_madvise(thread, bytes, MADV_WIPEONFORK);
    if (!thread)
        return NULL;
    if (!cas(&memory[slot], NULL, thread)) {
        sys_munmap(thread, bytes);
        return load_acquire(&memory[slot]);
    }
    leak_own(thread, bytes);
    return thread;
}

#define PREPARED 32u /* threads: some 3 MiB of address space */

void thread_prepare(void) {
    uint32_t n = load_acquire(&local->counts.n_rings);
    for (uint32_t i = 0; i < n + PREPARED && i < SHM_MAX_RINGS; i++)
        memory_of(i);
}

/* Few processes have more threads than their own block has rings for. */
static struct shm_ring *ring_of(uint32_t slot) {
    if (likely(slot < SHM_INNER_RINGS))
        return &local->process->rings[slot];
    uint32_t i = slot - SHM_INNER_RINGS;
    struct shm_ring *rings =
        arena_install(&local->process->ring_blocks[i / SHM_RINGS_PER_BLOCK],
                      &local->ring_blocks[i / SHM_RINGS_PER_BLOCK]);
    return rings ? &rings[i % SHM_RINGS_PER_BLOCK] : NULL;
}

static void arrange(struct thread *thread, struct shm_ring *ring, uint32_t slot,
                    uint32_t tid) {
    bool continues = thread->live;
    thread->frames = (struct frame *)(thread + 1);
    thread->words = (struct stack_word *)(thread->frames + preload.max_depth);
    thread->fresh = (struct fresh_frame *)(thread->words +
                                           preload.max_depth * UNWIND_WORDS_PER_FRAME);
    thread->branches = (struct branch *)(thread->fresh + preload.max_depth + 1);
    thread->addresses = (void **)(thread->branches + UNWIND_BRANCHES);
    thread->slot = slot;
    thread->tid = tid;
    thread->ring = ring;
    thread->depth = 0;
    thread->cut_sp = 0;
    thread->stack_lo = thread->stack_hi = 0;
    if (!continues) {
        thread->segment = NULL;
        thread->head = SHM_SEGMENT_EVENTS;
        thread->spare_node = 0;
    }
    thread->serial = add_relaxed(&local->counts.n_threads, 1) + 1;
    show_count(&local->counts.n_threads, &local->process->n_threads);
    store_relaxed(&thread->ring->serial, thread->serial);
    store_release(&thread->live,
                  preload.wiper == WIPER_HOOKS ? THREAD_WATCHED : THREAD_LIVE);
}

struct thread *thread_attach(void) {
    if (unlikely(preload.wiper == WIPER_HOOKS)) {
        process_wipe();
        if (tls.thread && tls.thread->live)
            return tls.thread;
    }
    if (!process_ready())
        return NULL;
    uint32_t tid = sys_gettid();
    int32_t slot = claim_any(tid);
    struct thread *thread = slot < 0 ? NULL : memory_of((uint32_t)slot);
    struct shm_ring *ring = thread ? ring_of((uint32_t)slot) : NULL;
    if (!ring) {
        count_up(lost);
        return NULL;
    }
    arrange(thread, ring, (uint32_t)slot, tid);
    tls.thread = thread;
    if (preload.flags & SHM_EVENTS) {
        struct ring_entry entry = {
            .address = tid, .size = thread->serial, .kind = SHM_EV_THREAD};
        ring_emit(thread, stamp_now(), &entry);
    }
    /* last: a ring with an owner and without a record is an overwritten one */
    store_release(&ring->tid, tid);
    return thread;
}
