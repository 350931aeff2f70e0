/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was live at the recording's peak, by process and site: one pass over each process's events up
 * to that moment.
 *
 *   events ... [ window: the last ROUNDING_NS before the moment ] moment
 *   applied     applied too, then taken back to where the sum was largest
 *
 * Times in chunks are rounded down (common/events/chunk.h), so which events of the window came before
 * the peak cannot be told by time. It is told by what the peak is: the largest sum.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_walk.h"
#include "idmap.h"
#include "profile.h"
#include "shm.h"

#define ROUNDING_NS 1024u

/* What applying an event of the window did. */
struct step {
    uint64_t number;
    bool began;             /* put `number` in */
    bool ended;             /* took `old` out */
    struct chunk_event old; /* reference = its own number */
};

struct peak {
    uint64_t moment_ns;
    struct step *steps;
    size_t n_steps, n_best; /* n_best: steps up to the largest sum */
    int64_t sum, best;      /* bytes, since the window began */
    struct idmap ends;      /* process → when it ended */
    struct idmap *out;
};

int64_t profile_at_peak_key(int64_t process_id, int64_t site_id) {
    return process_id << 36 | site_id; /* sites have far fewer than 2^36 rows */
}

#define ENDED_COLUMNS(X)                                                                 \
    X(ENDED_ID, "id")                                                                    \
    X(ENDED_ENDED_NS, "ended_ns")
enum { ENDED_COLUMNS(STORE_COLUMN_ENUM) };

/* When processes ended: their blocks are gone then, freed or not. */
static int read_ends(struct store *store, int64_t recording_id, struct idmap *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        store,
        STORE_SELECT(ENDED_COLUMNS) "FROM process WHERE recording_id = ?1 AND "
                                    "ended_ns IS NOT NULL",
        &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, recording_id);
    while (sqlite3_step(q) == SQLITE_ROW)
        idmap_put(out, sqlite3_column_int64(q, ENDED_ID),
                  sqlite3_column_int64(q, ENDED_ENDED_NS));
    return 0;
}

/* Apply one event to the set of live blocks. */
static int apply(struct event_walk *walk, const struct chunk_event *e, uint64_t number,
                 struct step *done) {
    *done = (struct step){.number = number};
    if (e->reference != CHUNK_NONE && e->kind != SHM_EV_REALLOC_FAIL)
        done->ended = event_pending_take(&walk->pending, e->reference, &done->old);
    done->began = e->kind == SHM_EV_ALLOC || e->kind == SHM_EV_REALLOC_END;
    if (done->began && event_pending_put(&walk->pending, e, number) < 0)
        return event_walk_full(walk, -ENOMEM);
    return 0;
}

static int add_event(struct event_walk *walk, const struct chunk_event *e,
                     uint64_t number) {
    struct peak *p = walk->context;
    struct step step;
    if (e->time_ns > p->moment_ns)
        return 0;
    int r = apply(walk, e, number, &step);
    if (r < 0 || e->time_ns + ROUNDING_NS <= p->moment_ns)
        return r;
    p->steps = text_grow(p->steps, p->n_steps, sizeof *p->steps);
    p->steps[p->n_steps++] = step;
    p->sum +=
        (step.began ? (int64_t)e->size : 0) - (step.ended ? (int64_t)step.old.size : 0);
    if (p->sum > p->best || p->n_steps == 1) {
        p->best = p->sum;
        p->n_best = p->n_steps;
    }
    return 0;
}

/* Go back to the largest sum and add what is live then to the result. */
static int finish_process(struct event_walk *walk) {
    struct peak *p = walk->context;
    struct event_pending *live = &walk->pending;
    struct chunk_event gone;
    int64_t end;
    while (p->n_steps > p->n_best) {
        const struct step *s = &p->steps[--p->n_steps];
        if (s->began)
            event_pending_take(live, s->number, &gone);
        if (s->ended && event_pending_put(live, &s->old, s->old.reference) < 0)
            return event_walk_full(walk, -ENOMEM);
    }
    bool over =
        idmap_get(&p->ends, walk->process_id, &end) && (uint64_t)end < p->moment_ns;
    for (size_t i = 0; i < live->capacity && !over; i++) {
        const struct chunk_event *e = &live->slots[i];
        if (e->reference == CHUNK_NONE || !e->site)
            continue;
        int64_t key = profile_at_peak_key(walk->process_id, e->site), sum = 0;
        idmap_get(p->out, key, &sum);
        idmap_put(p->out, key, sum + (int64_t)e->size);
    }
    p->n_steps = p->n_best = 0;
    p->sum = p->best = 0;
    return 0;
}

int profile_at_peak(struct store *store, int64_t recording_id, uint64_t moment_ns,
                    struct idmap *out) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct peak p = {.moment_ns = moment_ns, .out = out};
    struct event_walk walk = {
        .context = &p, .take = add_event, .end_process = finish_process};
    filter.recording_id = recording_id;
    filter.max_ns = moment_ns;
    filter.ahead = filter.no_addresses = true;
    int r = read_ends(store, recording_id, &p.ends);
    if (r == 0)
        r = event_walk(store, &filter, &walk);
    idmap_deinit(&p.ends);
    free(p.steps);
    return r;
}

/* --- never freed --- */

static void count(struct idmap *map, int64_t key, int64_t n) {
    int64_t sum = 0;
    idmap_get(map, key, &sum);
    idmap_put(map, key, sum + n);
}

int profile_live_without_tail(struct store *store, int64_t recording_id, uint64_t tail_ns,
                              struct idmap *blocks, struct idmap *bytes) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_reader *reader = NULL;
    struct idmap ends = {0};
    struct allocation a;
    filter.recording_id = recording_id;
    filter.ends = true;
    int r = read_ends(store, recording_id, &ends);
    if (r == 0)
        r = event_walk_open(store, &filter, &reader);
    while (r >= 0 && reader && (r = event_reader_next(reader, &a)) > 0) {
        int64_t end = INT64_MAX;
        idmap_get(&ends, a.process_id, &end);
        if (a.ended || !a.event.address || a.event.time_ns + tail_ns > (uint64_t)end)
            continue;
        count(blocks, profile_at_peak_key(a.process_id, a.event.site), 1);
        count(bytes, profile_at_peak_key(a.process_id, a.event.site),
              (int64_t)a.event.size);
    }
    if (r < 0 && reader)
        error_print(r, "%s: %s", store->path, event_reader_message(reader));
    event_reader_free(reader);
    idmap_deinit(&ends);
    return r;
}
