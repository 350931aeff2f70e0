/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations whose end is not yet seen: see event_pending.h. Linear probing. */
#include "event_pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm.h"

void event_pending_deinit(struct event_pending *p) {
    free(p->slots);
    free(p->ended);
    *p = (struct event_pending){0};
}

/* Neighbours in number are neighbours in memory, sixteen at a time: most blocks are freed soon after
 * they were made. Larger groups would make runs that a wrapped-around number has to probe
 * through. */
static size_t pending_home(const struct event_pending *p, uint64_t number) {
    uint64_t group = (number >> 4) * 0x9e3779b97f4a7c15ull >> 20;
    return (size_t)(group << 4 | (number & 15)) & (p->capacity - 1);
}

static int pending_grow(struct event_pending *p) {
    struct event_pending bigger = {.capacity = p->capacity ? p->capacity * 2 : 1024};
    bigger.slots = malloc(bigger.capacity * sizeof *bigger.slots);
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < bigger.capacity; i++)
        bigger.slots[i].reference = CHUNK_NONE;
    for (size_t i = 0; i < p->capacity; i++) {
        if (p->slots[i].reference == CHUNK_NONE)
            continue;
        size_t at = pending_home(&bigger, p->slots[i].reference);
        while (bigger.slots[at].reference != CHUNK_NONE)
            at = (at + 1) & (bigger.capacity - 1);
        bigger.slots[at] = p->slots[i];
    }
    free(p->slots);
    p->slots = bigger.slots;
    p->capacity = bigger.capacity;
    return 0;
}

int event_pending_put(struct event_pending *p, const struct chunk_event *e,
                      uint64_t number) {
    if (p->n + 1 > p->capacity / 4 * 3) {
        int r = pending_grow(p);
        if (r < 0)
            return r;
    }
    size_t at = pending_home(p, number);
    while (p->slots[at].reference != CHUNK_NONE)
        at = (at + 1) & (p->capacity - 1);
    p->slots[at] = *e;
    p->slots[at].reference = number;
    p->n++;
    return 0;
}

/* Take @number out. Deletion shifts later members of the run back, so no tombstones stay. */
bool event_pending_take(struct event_pending *p, uint64_t number,
                        struct chunk_event *out) {
    if (!p->n)
        return false;
    size_t mask = p->capacity - 1, at = pending_home(p, number);
    while (p->slots[at].reference != number) {
        if (p->slots[at].reference == CHUNK_NONE)
            return false;
        at = (at + 1) & mask;
    }
    *out = p->slots[at];
    for (size_t next = (at + 1) & mask; p->slots[next].reference != CHUNK_NONE;
         next = (next + 1) & mask) {
        size_t home = pending_home(p, p->slots[next].reference);
        if (((next - home) & mask) >= ((next - at) & mask)) {
            p->slots[at] = p->slots[next];
            at = next;
        }
    }
    p->slots[at].reference = CHUNK_NONE;
    p->n--;
    return true;
}

static bool makes_block(const struct chunk_event *e) {
    return e->kind == SHM_EV_ALLOC || e->kind == SHM_EV_REALLOC_END;
}

int event_pending_open(struct event_pending *p, const struct chunk_event *events,
                       uint32_t n, uint64_t first) {
    if (!p->ended && !(p->ended = malloc(CHUNK_MAX_EVENTS)))
        return -ENOMEM;
    memset(p->ended, 0, n);
    p->events = events;
    p->n_events = n;
    p->first = first;
    return 0;
}

bool event_pending_end(struct event_pending *p, const struct chunk_event *e,
                       struct chunk_event *out) {
    if (e->reference == CHUNK_NONE || e->kind == SHM_EV_REALLOC_FAIL)
        return false;
    uint64_t at = e->reference - p->first; /* wraps around for earlier chunks */
    if (at >= p->n_events)
        return event_pending_take(p, e->reference, out);
    if (p->ended[at] || !makes_block(&p->events[at]))
        return false;
    p->ended[at] = 1;
    *out = p->events[at];
    out->reference = e->reference;
    return true;
}

int event_pending_close(struct event_pending *p,
                        bool (*keep)(const void *context, const struct chunk_event *e),
                        const void *context) {
    int r = 0;
    for (uint32_t i = 0; i < p->n_events && r == 0; i++)
        if (!p->ended[i] && makes_block(&p->events[i]) &&
            (!keep || keep(context, &p->events[i])))
            r = event_pending_put(p, &p->events[i], p->first + i);
    p->n_events = 0;
    return r;
}
