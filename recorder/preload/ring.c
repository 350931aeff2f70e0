/*
 * The thread's ring: a chain of segments that only this thread writes (ring_emit() in
 * preload.h) and only the collector reads and recycles.
 *
 *   ring of slot: first ─► segment ─next─► segment ─next─► segment (thread->segment)
 *                        full            full             head < SHM_SEGMENT_EVENTS
 *
 * Invariant: a segment's header is complete before it is linked (release), and a segment
 * that is linked behind is never touched by the writer again.
 */
#include "preload.h"

/* A loss is a call: of a realloc, the record of its end. */
static bool drop(struct thread *thread, unsigned kind) {
    if (kind != SHM_EV_REALLOC_BEGIN && kind != SHM_EV_THREAD)
        add_relaxed(&thread->ring->lost, 1);
    return false;
}

/* Too much unread: wait for the collector, or drop. Return: whether there is room now. */
static bool backlog_ok(struct thread *thread) {
    struct shm_ring *ring = thread->ring;
    if (likely(load_acquire(&ring->segments) < SHM_RING_SEGMENTS_MAX))
        return true;
    if (preload.flags & SHM_DROP_WHEN_FULL)
        return false;
    struct arena_watch watch = {0};
    uint64_t begin = arena_now_ns();
    /* At first half a ms: the collector drains a ring in about that. It has 30 ms of work then. */
    const long longest_ns = 8000000;
    long sleep_ns = 500000;
    bool room = false;
    while (!room && !arena_abandoned(&watch) && !load_relaxed(&local->process->closed)) {
        arena_sleep(sleep_ns);
        if (sleep_ns < longest_ns)
            sleep_ns *= 2;
        room = load_acquire(&ring->segments) < SHM_RING_SEGMENTS_MAX;
    }
    ring->waited_ns += arena_now_ns() - begin;
    return room;
}

bool ring_extend(struct thread *thread, unsigned kind) {
    struct shm_ring *ring = thread->ring;
    if (unlikely(load_relaxed(&preload.arena->detached) ||
                 load_relaxed(&local->process->closed)) ||
        !backlog_ok(thread))
        return drop(thread, kind);
    uint32_t id = arena_take(&ring->waited_ns);
    if (unlikely(!id))
        return drop(thread, kind);
    struct shm_segment *segment = arena_block(id);
    store_relaxed(&segment->head, 0);
    store_relaxed(&segment->next, 0);
    segment->owner = local->process_id;
    segment->ring = thread->slot;
    add_relaxed(&ring->segments, 1);
    if (thread->segment) /* a short thread never gets here and touches few pages */
        sys_populate(segment, SHM_BLOCK_BYTES);
    if (thread->segment)
        store_release(&thread->segment->next, id);
    else
        store_release(&ring->first, id);
    thread->segment = segment;
    thread->head = 0;
    return true;
}
