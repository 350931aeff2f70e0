/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks decoded ahead of their reader, by threads of their own, and handed out in order.
 *
 *   chunk_ahead_put() ─► slots[put]  WAITING ─► a thread decodes ─► DONE ─► chunk_ahead_take()
 *
 * Few slots, a few MB each: the memory does not grow with the recording. No decoder looks at a
 * database: the caller reads the bytes.
 */
#ifndef DEARTH_CHUNK_AHEAD_H
#define DEARTH_CHUNK_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"

struct chunk_ahead;

/** Start the threads. @addresses: false = chunk_read_without_addresses().
 * Return: NULL when no thread or
 * no memory is to be had: decode without, then. */
struct chunk_ahead *chunk_ahead_new(bool addresses);
struct chunk_ahead *chunk_ahead_free(struct chunk_ahead *ahead); /* NULL allowed */

/** Is there a free slot? */
bool chunk_ahead_room(const struct chunk_ahead *ahead);

/** Hand in the next chunk; there must be room. @data: copied. Return: 0 or -ENOMEM. */
int chunk_ahead_put(struct chunk_ahead *ahead, const void *data, size_t n);

/**
 * Wait for the oldest chunk that was put and not yet taken; there must be one.
 * @events: valid until the next take
 * Return: as chunk_read().
 */
int chunk_ahead_take(struct chunk_ahead *ahead, const struct chunk_event **events,
                     uint64_t *first_event, uint32_t *n_events);

#endif
