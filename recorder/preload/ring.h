/* SPDX-License-Identifier: Apache-2.0 */
/* Events into the thread's ring: see ring.c. */
#ifndef DEARTH_PRELOAD_RING_H
#define DEARTH_PRELOAD_RING_H

#include "thread.h"

struct ring_entry {
    uint64_t address, size;
    uint32_t node;
    uint8_t kind, op;
    uint16_t aux; /* without SHM_AUX_CHECK */
};

/** Get the next segment. Return: false when the event must be dropped (counted). */
bool ring_extend(struct thread *thread, unsigned kind);

/** Say how many records each ring of the process has. Context: it is about to end. */
void ring_finish(void);

/** Publish one event. Context: re-entry flag held; @thread is the caller's. */
static inline void ring_emit(struct thread *thread, uint64_t time,
                             const struct ring_entry *entry) {
    if (unlikely(thread->head >= SHM_SEGMENT_EVENTS) && !ring_extend(thread, entry->kind))
        return;
    struct shm_segment *segment = thread->segment;
    struct shm_event *event = &segment->records[thread->head];
    uint64_t rest = entry->node | (uint64_t)entry->kind << 32 |
                    (uint64_t)entry->op << 40 | (uint64_t)entry->aux << 48;
    event->time = time;
    event->address = entry->address;
    event->size = entry->size;
    rest |= shm_event_check(thread->seed, time, entry->address, entry->size, rest) << 56;
    __builtin_memcpy(&event->node, &rest, sizeof rest);
    store_release(&segment->head, ++thread->head);
}

#endif
