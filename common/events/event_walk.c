/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over a recording's events: see event_walk.h. */
#include "event_walk.h"

#include "error.h"
#include "text.h"

int event_walk_open(struct store *store, const struct event_filter *filter,
                    struct event_reader **out) {
    AUTO_FREE char *message = NULL;
    int r = event_reader_new(store->db, filter, out, &message);
    if (r < 0)
        error_print(r, "%s: %s", store->path, message ? message : "out of memory");
    return r;
}

int event_walk_full(const struct event_walk *walk, int err) {
    return error_print(err, "out of memory: %zu blocks are live at once",
                       walk->pending.n);
}

static int end_process(struct event_walk *walk) {
    int r = walk->process_id && walk->end_process ? walk->end_process(walk) : 0;
    event_pending_deinit(&walk->pending);
    return r;
}

static int take_chunk(struct event_walk *walk, const struct chunk_event *events,
                      uint32_t n, uint64_t first) {
    int r = walk->pairs ? event_pending_open(&walk->pending, events, n, first) : 0;
    if (r < 0)
        return event_walk_full(walk, r);
    for (uint32_t i = 0; i < n; i++)
        if ((r = walk->take(walk, &events[i], first + i)) < 0)
            return r;
    r = walk->pairs ? event_pending_close(&walk->pending, NULL, NULL) : 0;
    return r < 0 ? event_walk_full(walk, r) : 0;
}

static int walk_all(struct store *store, struct event_reader *reader,
                    struct event_walk *walk) {
    const struct chunk_event *events;
    struct allocation chunk;
    uint32_t n;
    uint64_t first;
    int r;
    while ((r = event_reader_chunk(reader, &events, &n, &first, &chunk)) > 0) {
        if (walk->process_id != chunk.process_id && (r = end_process(walk)) < 0)
            return r;
        walk->process_id = chunk.process_id;
        if ((r = take_chunk(walk, events, n, first)) < 0)
            return r;
    }
    if (r < 0)
        return error_print(r, "%s: %s", store->path, event_reader_message(reader));
    return end_process(walk);
}

int event_walk(struct store *store, const struct event_filter *filter,
               struct event_walk *walk) {
    struct event_reader *reader = NULL;
    int r = event_walk_open(store, filter, &reader);
    if (r < 0)
        return r;
    walk->reader = reader;
    r = walk_all(store, reader, walk);
    walk->reader = NULL;
    event_reader_free(reader);
    event_pending_deinit(&walk->pending);
    return r;
}
