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
};

void event_pending_deinit(struct event_pending *p); /* twice is safe */
/** Add @e, which is event @number. Return: 0 or -ENOMEM. */
int event_pending_put(struct event_pending *p, const struct chunk_event *e,
                      uint64_t number);
/** Take @number out; @out->reference is @number. Return: false when it is not there. */
bool event_pending_take(struct event_pending *p, uint64_t number,
                        struct chunk_event *out);

#endif
