/*
 * What growing blocks by realloc() cost, by process and site of the realloc() call: one pass over the
 * events with their addresses.
 *
 *   old  size 100 at A ──realloc──► new  size 400 at B     grown + 1; B != A: moved + 1, copied + 100
 *
 * An event of a realloc() names the one that made its old block, which alone knows the old
 * size and address: a block that was not seen being made is not counted.
 */
#include <errno.h>

#include "../common/error.h"
#include "../common/event_pending.h"
#include "../common/event_reader.h"
#include "../common/idmap.h"
#include "../schemas/shm.h"
#include "profile.h"

void profile_add_realloc(struct profile_numbers *n, const struct chunk_event *old,
                         const struct chunk_event *e) {
    if (e->kind != SHM_EV_REALLOC_END || e->size <= old->size)
        return;
    n->grown++;
    if (e->address == old->address)
        return;
    n->moved++;
    n->copied_bytes += old->size;
}

static void count(struct idmap *map, int64_t key, uint64_t n) {
    int64_t sum = 0;
    if (!n)
        return;
    idmap_get(map, key, &sum);
    idmap_put(map, key, sum + (int64_t)n);
}

static void add_event(struct profile_reallocs *out, struct event_pending *pending,
                      int64_t process_id, const struct chunk_event *e) {
    struct profile_numbers n = {0};
    struct chunk_event old;
    if (!event_pending_end(pending, e, &old) || !e->site)
        return;
    profile_add_realloc(&n, &old, e);
    int64_t key = profile_at_peak_key(process_id, e->site);
    count(&out->grown, key, n.grown);
    count(&out->moved, key, n.moved);
    count(&out->copied_bytes, key, n.copied_bytes);
}

static int read_all(struct profile_reallocs *out, struct event_pending *pending,
                    struct store *store, struct event_reader *reader) {
    const struct chunk_event *events;
    struct allocation chunk;
    uint32_t n;
    uint64_t first;
    int64_t process = 0;
    int r;
    while ((r = event_reader_chunk(reader, &events, &n, &first, &chunk)) > 0) {
        if (process != chunk.process_id)
            event_pending_deinit(pending); /* numbers are those of one process */
        process = chunk.process_id;
        if ((r = event_pending_open(pending, events, n, first)) == 0) {
            for (uint32_t i = 0; i < n; i++)
                add_event(out, pending, process, &events[i]);
            r = event_pending_close(pending, NULL, NULL);
        }
        if (r < 0)
            return error_print(r, "out of memory: %zu blocks are live at once",
                               pending->n);
    }
    return r < 0 ? error_print(r, "%s: %s", store->path, event_reader_message(reader))
                 : 0;
}

int profile_reallocs(struct store *store, int64_t recording_id,
                     struct profile_reallocs *out) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_reader *reader = NULL;
    struct event_pending pending = {0};
    AUTO_FREE char *message = NULL;
    filter.recording_id = recording_id;
    filter.ahead = true;
    int r = event_reader_new(store->db, &filter, &reader, &message);
    if (r < 0)
        return error_print(r, "%s: %s", store->path, message ? message : "out of memory");
    r = read_all(out, &pending, store, reader);
    event_reader_free(reader);
    event_pending_deinit(&pending);
    return r;
}

void profile_reallocs_deinit(struct profile_reallocs *p) {
    idmap_deinit(&p->grown);
    idmap_deinit(&p->moved);
    idmap_deinit(&p->copied_bytes);
}
