/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations whose end is not yet seen, by event number: an open-addressing hash for
 * readers of events, which learn from a free only the number of the allocation that it
 * ends.
 */
#ifndef DEARTH_EVENT_PENDING_H
#define DEARTH_EVENT_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"

/* Zero is valid and empty. In a slot, `reference` is the allocation's own number;
 * CHUNK_NONE marks an empty slot. */
struct event_pending {
    struct chunk_event *slots;
    size_t n, capacity; /* capacity is 0 or a power of two; n <= 3/4 of it */
    /* The open chunk: its own allocations are looked up in place. */
    const struct chunk_event *events; /* not owned */
    uint64_t first;
    uint32_t n_events;
    uint8_t *ended; /* CHUNK_MAX_EVENTS: 1 = this allocation has ended */
};

void event_pending_deinit(struct event_pending *p); /* twice is safe */
/** Add @e, which is event @number. Return: 0 or -ENOMEM. */
int event_pending_put(struct event_pending *p, const struct chunk_event *e,
                      uint64_t number);
/** Take @number out; @out->reference is @number. Return: false when it is not there. */
bool event_pending_take(struct event_pending *p, uint64_t number,
                        struct chunk_event *out);

/**
 * Look at a chunk: most blocks are freed in the chunk that they were made in, and are never
 * put into the hash. Close it before the next.
 * @events, @n, @first: as decoded; must stay where they are until event_pending_close()
 * Return: 0 or -ENOMEM.
 */
int event_pending_open(struct event_pending *p, const struct chunk_event *events,
                       uint32_t n, uint64_t first);
/**
 * Find and take the allocation that @e (of the open chunk) ends, in the chunk or in the hash.
 * Return: false when it ends none, or one that is not there; else @out->reference is its
 * number.
 */
bool event_pending_end(struct event_pending *p, const struct chunk_event *e,
                       struct chunk_event *out);
/**
 * Put the allocations of the chunk that have not ended into the hash.
 * @keep: which are of interest, NULL = all; @context: its first argument
 * Return: 0 or -ENOMEM.
 */
int event_pending_close(struct event_pending *p,
                        bool (*keep)(const void *context, const struct chunk_event *e),
                        const void *context);

#endif
