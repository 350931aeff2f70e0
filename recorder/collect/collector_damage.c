/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage to what a process and we share, by a write of the program that went astray. A word is
 * believed only as far as it agrees with what we know without it.
 *
 *   record     check bits by a seed that is not in the arena; kind, function, time
 *   segment    whose it is, its number in the ring; `head` never goes back
 *   ring       `given`, `dropped` are ours; `made` names what must be linked
 *   process    what it said of itself once; its place in the directory; it has no fewer rings
 *   its end    no ring has an owner and no record, or records behind its `head`
 *
 * What only we write is put back. A ring that contradicts itself is read no further and says so
 * (`dropped`), so that its thread neither waits nor writes for nobody: it counts.
 *
 * Who runs it: dearth, the collector's thread.
 */
#include "collector_damage.h"
#include "collector_private.h"

void collector_damage_ring(struct watched *w, uint32_t ring) {
    struct cursor *cursor = &w->cursors[ring];
    if (!cursor->damaged)
        w->damaged++;
    cursor->damaged = true;
    if (cursor->shm)
        __atomic_store_n(&cursor->shm->dropped, 1, __ATOMIC_RELEASE);
}

void collector_damage_block(struct watched *w) {
    if (!w->block_damaged)
        w->damaged++;
    w->block_damaged = true;
}

static struct identity identity_of(const struct shm_process *p) {
    return (struct identity){.origin = p->origin,
                             .pid = p->pid,
                             .ppid = p->ppid,
                             .serial = p->serial,
                             .slot = p->slot,
                             .parent = p->parent,
                             .parent_slot = p->parent_slot,
                             .started = p->started,
                             .pid_start_time = p->pid_start_time,
                             .pid_namespace = p->pid_namespace};
}

static bool is_same(const struct identity *a, const struct identity *b) {
    return a->origin == b->origin && a->pid == b->pid && a->ppid == b->ppid &&
           a->serial == b->serial && a->slot == b->slot && a->parent == b->parent &&
           a->parent_slot == b->parent_slot && a->started == b->started &&
           a->pid_start_time == b->pid_start_time && a->pid_namespace == b->pid_namespace;
}

void collector_damage_remember(struct watched *w) {
    w->identity = identity_of(w->shm);
}

static void put_identity_back(struct watched *w) {
    struct shm_process *p = w->shm;
    p->origin = w->identity.origin;
    p->pid = w->identity.pid;
    p->ppid = w->identity.ppid;
    p->serial = w->identity.serial;
    p->slot = w->identity.slot;
    p->parent = w->identity.parent;
    p->parent_slot = w->identity.parent_slot;
    p->started = w->identity.started;
    p->pid_start_time = w->identity.pid_start_time;
    p->pid_namespace = w->identity.pid_namespace;
}

/* As many as have been seen, or are there to be seen. */
static uint32_t n_rings_seen(const struct watched *w) {
    uint32_t n = SHM_INNER_RINGS;
    while (n > w->n_cursors && !w->shm->rings[n - 1].first)
        n--;
    return n > w->n_cursors ? n : w->n_cursors;
}

void collector_damage_check_process(struct collector *c, struct watched *w) {
    struct shm_process *p = w->shm;
    const struct identity now = identity_of(p);
    uint32_t *place = &c->session->arena->processes[w->index];
    uint32_t n = __atomic_load_n(&p->n_rings, __ATOMIC_ACQUIRE);
    uint32_t state = __atomic_load_n(&p->state, __ATOMIC_ACQUIRE);
    if (!is_same(&now, &w->identity)) {
        collector_damage_block(w);
        put_identity_back(w);
    }
    if (n < w->n_cursors || n > SHM_MAX_RINGS) {
        collector_damage_block(w);
        __atomic_store_n(&p->n_rings, n_rings_seen(w), __ATOMIC_RELEASE);
    }
    if (state == SHM_PROCESS_EMPTY || state > SHM_PROCESS_EXITED) {
        collector_damage_block(w);
        __atomic_store_n(&p->state, SHM_PROCESS_READY, __ATOMIC_RELEASE);
    }
    if (__atomic_load_n(place, __ATOMIC_ACQUIRE) != w->block) {
        collector_damage_block(w);
        __atomic_store_n(place, w->block, __ATOMIC_RELEASE);
    }
}

void collector_damage_check_ring(struct watched *w, uint32_t ring) {
    struct cursor *cursor = &w->cursors[ring];
    struct shm_ring *shm = cursor->shm;
    if (!shm)
        return;
    uint32_t made = __atomic_load_n(&shm->made, __ATOMIC_RELAXED);
    uint32_t given = __atomic_load_n(&shm->given, __ATOMIC_RELAXED);
    uint32_t dropped = __atomic_load_n(&shm->dropped, __ATOMIC_RELAXED);
    /* one segment may be linked and not counted yet */
    bool far = cursor->serial > made + 1 ||
               (made > cursor->given && made - cursor->given > SHM_RING_SEGMENTS_MAX);
    if (far || given != cursor->given || dropped != cursor->damaged)
        collector_damage_ring(w, ring);
    if (given != cursor->given)
        __atomic_store_n(&shm->given, cursor->given, __ATOMIC_RELEASE);
}

bool collector_damage_segment_ok(const struct watched *w, uint32_t ring,
                                 const struct shm_segment *segment, uint32_t serial) {
    return segment && segment->owner == w->block && segment->ring == ring &&
           segment->serial == serial;
}

bool collector_damage_time_ok(const struct collector *c, uint64_t time) {
    /* the clock that it took may be a little ahead of ours, not more */
    return time >= c->start_ticks &&
           (time <= c->now.ticks || time <= session_ticks(c->session) + c->second);
}

/* Two records behind the last that it has shown: it was further (one may be that which it was
 * writing when it was killed). What a segment holds of its former life is older than all in it. */
static bool has_more(const struct collector *c, const struct cursor *cursor) {
    uint64_t last = cursor->position ? cursor->segment->records[cursor->position - 1].time
                                     : cursor->event.time;
    uint32_t n = 0;
    for (uint32_t i = cursor->position; i < SHM_SEGMENT_EVENTS && n < 2; i++, n++) {
        const struct shm_event e = cursor->segment->records[i];
        if (e.time < last || !collector_damage_event_ok(c, cursor, &e))
            break;
        last = e.time;
    }
    return n == 2;
}

static uint64_t n_taken(const struct cursor *cursor) {
    return cursor->serial
               ? (cursor->serial - 1ull) * SHM_SEGMENT_EVENTS + cursor->position
               : 0;
}

static bool ends_well(const struct collector *c, const struct watched *w, uint32_t ring) {
    const struct cursor *cursor = &w->cursors[ring];
    const struct shm_ring *shm = cursor->shm;
    if (!shm)
        return ring >= SHM_INNER_RINGS; /* no block was to be had for it */
    if (!cursor->segment)
        return !shm->tid || shm->lost || w->shm->lost;
    return !cursor->segment->next && shm->made <= cursor->serial &&
           shm->emitted <= n_taken(cursor) && !has_more(c, cursor);
}

void collector_damage_check_end(struct collector *c, struct watched *w) {
    collector_damage_check_process(c, w);
    for (uint32_t i = 0; i < w->n_cursors; i++) {
        collector_damage_check_ring(w, i);
        if (!w->cursors[i].damaged && !ends_well(c, w, i))
            collector_damage_ring(w, i);
    }
}

uint64_t collector_damage_unread(const struct watched *w) {
    const uint64_t most = (SHM_RING_SEGMENTS_MAX + 1ull) * SHM_SEGMENT_EVENTS;
    uint64_t unread = 0;
    for (uint32_t i = 0; i < w->n_cursors; i++) {
        const struct cursor *cursor = &w->cursors[i];
        if (!cursor->damaged || !cursor->shm)
            continue;
        uint64_t emitted = cursor->shm->emitted, taken = n_taken(cursor);
        if (emitted > taken && emitted - taken <= most)
            unread += emitted - taken;
    }
    return unread;
}
