/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a recording's events, process by process, that profiles and the page are made from.
 *
 *   chunk, chunk, chunk │ chunk, chunk       of two processes
 *     take() per event  │   take() ...
 *                 end_process()     end_process()
 *
 * Numbers of events are those of one process: what waits for its end waits no longer than it.
 */
#ifndef DEARTH_EVENT_WALK_H
#define DEARTH_EVENT_WALK_H

#include "event_pending.h"
#include "event_reader.h"
#include "store.h"

/* Zero is valid; the caller sets what it needs of the first four. */
struct event_walk {
    void *context;
    /** Event @number of the process. Return: 0, or a negative errno after a message. */
    int (*take)(struct event_walk *walk, const struct chunk_event *e, uint64_t number);
    /** The process is over; `pending` is what is left. NULL = none. Return: as take(). */
    int (*end_process)(struct event_walk *walk);
    bool pairs; /* take() may ask event_pending_end() what the event ends */

    struct event_pending
        pending; /* of the process; without `pairs` the caller's to fill */
    int64_t process_id;
    const struct event_reader *reader;
};

/**
 * Walk over the events of the chunks that @filter chooses.
 * Return: 0, or a negative errno after a message.
 */
int event_walk(struct store *store, const struct event_filter *filter,
               struct event_walk *walk);

/** event_reader_new() with a message. Return: as that. */
int event_walk_open(struct store *store, const struct event_filter *filter,
                    struct event_reader **out);

/** No room for what is pending, said. Return: @err */
int event_walk_full(const struct event_walk *walk, int err);

#endif
