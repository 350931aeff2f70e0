/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What growing blocks by realloc() cost, by process and site of the realloc() call: one pass over the
 * events with their addresses.
 *
 *   old  size 100 at A ──realloc──► new  size 400 at B     grown + 1; B != A: moved + 1, copied + 100
 *
 * An event of a realloc() names the one that made its old block, which alone knows the old
 * size and address: a block that was not seen being made is not counted.
 */
#include "event_walk.h"
#include "idmap.h"
#include "profile.h"
#include "shm.h"

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

static int add_event(struct event_walk *walk, const struct chunk_event *e,
                     uint64_t number) {
    struct profile_reallocs *out = walk->context;
    struct profile_numbers n = {0};
    struct chunk_event old;
    (void)number;
    if (!event_pending_end(&walk->pending, e, &old) || !e->site)
        return 0;
    profile_add_realloc(&n, &old, e);
    int64_t key = profile_at_peak_key(walk->process_id, e->site);
    count(&out->grown, key, n.grown);
    count(&out->moved, key, n.moved);
    count(&out->copied_bytes, key, n.copied_bytes);
    return 0;
}

int profile_reallocs(struct store *store, int64_t recording_id,
                     struct profile_reallocs *out) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_walk walk = {.context = out, .take = add_event, .pairs = true};
    filter.recording_id = recording_id;
    filter.ahead = true;
    return event_walk(store, &filter, &walk);
}

void profile_reallocs_deinit(struct profile_reallocs *p) {
    idmap_deinit(&p->grown);
    idmap_deinit(&p->moved);
    idmap_deinit(&p->copied_bytes);
}
