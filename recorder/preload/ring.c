/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread's ring: a chain of segments that only this thread writes (ring_emit() in
 * preload.h) and only the collector reads and recycles.
 *
 *   ring of slot: first ─► segment ─next─► segment ─next─► segment (thread->segment)
 *                        full            full             head < SHM_SEGMENT_EVENTS
 *
 * Invariant: a segment's header is complete before it is linked (release), and a segment
 * that is linked behind is never touched by the writer again. Where the thread is, and how
 * many segments it has made, is in struct thread; the shared words only show it.
 */
#include "ring.h"
#include "arena.h"
#include "binding.h"
#include "local.h"
#include "preload.h"
#include "sys.h"
#include "thread.h"

/* A loss is a call: of a realloc, the record of its end. */
static bool drop(struct thread *thread, unsigned kind) {
    if (kind != SHM_EV_REALLOC_BEGIN && kind != SHM_EV_THREAD)
        store_relaxed(&thread->ring->lost, ++thread->lost);
    return false;
}

/* Records that were ever written. */
static uint64_t emitted(const struct thread *thread) {
    uint32_t full = thread->made ? thread->made - 1 : 0;
    return (uint64_t)full * SHM_SEGMENT_EVENTS + (thread->made ? thread->head : 0);
}

/* The ring was found overwritten: nobody reads it. */
static bool is_dropped(struct thread *thread) {
    if (likely(!load_acquire(&thread->ring->dropped)))
        return false;
    if (!thread->published)
        store_release(&thread->ring->emitted, emitted(thread));
    thread->published = 1;
    return true;
}

/* A count of the collector's that cannot be is an overwritten one: it will be put right. */
static bool has_room(struct thread *thread) {
    uint32_t given = load_acquire(&thread->ring->given);
    if (given - thread->given <= thread->made - thread->given)
        thread->given = given;
    uint32_t backlog = thread->made - thread->given;
    return backlog < SHM_RING_SEGMENTS ||
           (backlog < SHM_RING_SEGMENTS_MAX && arena_has_plenty());
}

/* Too much unread: wait for the collector, or drop. Return: whether there is room now. */
static bool backlog_ok(struct thread *thread) {
    struct shm_ring *ring = thread->ring;
    if (likely(has_room(thread)))
        return true;
    if (preload.flags & SHM_DROP_WHEN_FULL)
        return false;
    struct arena_watch watch = {0};
    uint64_t begin = arena_now_ns();
    /* At first half a ms: the collector drains a ring in about that. It has 30 ms of work then. */
    const long longest_ns = 8000000;
    long sleep_ns = 500000;
    bool room = false;
    while (!room && !arena_abandoned(&watch) && !load_relaxed(&local->process->closed) &&
           !is_dropped(thread)) {
        arena_sleep(sleep_ns);
        if (sleep_ns < longest_ns)
            sleep_ns *= 2;
        room = has_room(thread);
    }
    ring->waited_ns += arena_now_ns() - begin;
    return room;
}

/* Its pages, at once; a recycled block has been ours before, as often as not, and asking takes as long as some faults. */
static void populate(uint32_t id, struct shm_segment *segment) {
    if (id < LOCAL_BLOCKS_KNOWN) {
        uint64_t *word = &local->populated[id / 64], bit = 1ull << id % 64;
        if (load_relaxed(word) & bit)
            return;
        or_relaxed(word, bit);
    }
    sys_populate(segment, SHM_BLOCK_BYTES);
}

bool ring_extend(struct thread *thread, unsigned kind) {
    struct shm_ring *ring = thread->ring;
    if (unlikely(is_dropped(thread) || load_relaxed(&preload.arena->detached) ||
                 load_relaxed(&local->process->closed)) ||
        !backlog_ok(thread))
        return drop(thread, kind);
    uint32_t id = arena_take(&ring->waited_ns);
    if (unlikely(!id))
        return drop(thread, kind);
    struct shm_segment *segment = arena_block(id);
    store_relaxed(&segment->head, 0);
    store_relaxed(&segment->next, 0);
    /* who wanted this block, too, may still look whether it is free: arena.c */
    store_relaxed(&segment->owner, local->process_id);
    store_relaxed(&segment->ring, thread->slot);
    store_relaxed(&segment->serial, ++thread->made);
    thread->seed = shm_segment_seed(local->process_id, thread->slot, thread->made);
    if (thread->segment) /* a short thread never gets here and touches few pages */
        populate(id, segment);
    if (thread->segment)
        store_release(&thread->segment->next, id);
    else
        store_release(&ring->first, id);
    store_release(&ring->made, thread->made);
    thread->segment = segment;
    thread->head = 0;
    if (thread->made > 1)
        binding_look_again();
    return true;
}

/* A thread that makes no more calls does not put its `head` right any more. */
static void finish(struct thread *thread) {
    struct shm_segment *segment = load_acquire(&thread->segment);
    uint32_t head = load_acquire(&thread->head), shown;
    if (!thread->live || !segment || load_acquire(&thread->segment) != segment)
        return;
    do
        shown = load_acquire(&segment->head);
    while (shown < head && !cas(&segment->head, shown, head));
    store_release(&thread->ring->made, thread->made);
    store_release(&thread->ring->emitted, emitted(thread));
}

void ring_finish(void) {
    uint32_t n = load_acquire(&local->counts.n_rings);
    for (uint32_t i = 0; i < n; i++) {
        struct thread *thread = thread_of(i);
        if (thread)
            finish(thread);
    }
}
