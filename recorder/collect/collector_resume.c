/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on where a killed collector was: its memory is gone, the rows that it committed and
 * the rings are there.
 *
 *   process      sums ───────────────────────► live totals
 *   site_stat    ────────────────────────────► sums per site
 *   event_chunk  allocations minus what ends them ─► live blocks (none with --detail=sites)
 *   ring_mark    ────────────────────────────► cursors: the next record to take
 *   thread       ────────────────────────────► threads
 *
 * Invariant: all of these were written in one transaction (watched_checkpoint()), and the
 * segments from the mark on were not given back before it was committed.
 *
 * Who runs it: `dearth recover`, one thread, before the first round.
 */
#include <errno.h>
#include <stdlib.h>

#include "collector_damage.h"
#include "collector_private.h"
#include "error.h"
#include "event_reader.h"
#include "rows.h"
#include "text.h"
#include "watched.h"

/* Rows of one query about @id, one after another. Return: 1, 0 after the last, -errno. */
static int next_row(struct collector *c, sqlite3_stmt *s) {
    int rc = sqlite3_step(s);
    return rc == SQLITE_ROW    ? 1
           : rc == SQLITE_DONE ? 0
                               : store_error(c->store, "reading what was recorded");
}

static int ask(struct collector *c, const char *sql, int64_t id, sqlite3_stmt **out) {
    int r = store_prepare(c->store, sql, out);
    if (r == 0)
        sqlite3_bind_int64(*out, 1, id);
    return r;
}

static uint64_t column(sqlite3_stmt *s, int i) {
    return (uint64_t)sqlite3_column_int64(s, i);
}

/* --- one process --- */

#define THREAD_COLUMNS(X)                                                                \
    X(THREAD_ID, "id")                                                                   \
    X(THREAD_SERIAL, "serial")                                                           \
    X(THREAD_EVENTS, "events")                                                           \
    X(THREAD_ENDED_NS, "coalesce(ended_ns, 0)")                                          \
    X(THREAD_STARTED_NS, "coalesce(started_ns, 0)")
enum { THREAD_COLUMNS(STORE_COLUMN_ENUM) };

static int resume_threads(struct collector *c, struct watched *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = ask(
        c, STORE_SELECT(THREAD_COLUMNS) "FROM thread WHERE process_id = ?1 ORDER BY id",
        w->row, &s);
    while (r == 0 && (r = next_row(c, s)) > 0) {
        r = 0;
        w->threads = text_grow(w->threads, w->n_threads, sizeof *w->threads);
        w->threads[w->n_threads++] =
            (struct thread_seen){.row = sqlite3_column_int64(s, THREAD_ID),
                                 .serial = (uint32_t)column(s, THREAD_SERIAL),
                                 .events = column(s, THREAD_EVENTS),
                                 .stored_events = column(s, THREAD_EVENTS),
                                 .ended_ns = column(s, THREAD_ENDED_NS),
                                 .last_ns = column(s, THREAD_STARTED_NS)};
        idmap_put(&w->thread_of, w->threads[w->n_threads - 1].serial, w->n_threads);
        c->totals.threads++;
    }
    return r;
}

static uint32_t serial_of(const struct watched *w, int64_t thread_row) {
    for (uint32_t i = 0; i < w->n_threads; i++)
        if (w->threads[i].row == thread_row)
            return w->threads[i].serial;
    return 0;
}

#define STAT_COLUMNS(X)                                                                  \
    X(STAT_SITE_ID, "site_id")                                                           \
    X(STAT_FIRST_THREAD_ID, "first_thread_id")                                           \
    X(STAT_COUNT, "count")                                                               \
    X(STAT_FAILED, "failed")                                                             \
    X(STAT_FAILABLE, "failable")                                                         \
    X(STAT_BYTES, "bytes")                                                               \
    X(STAT_MIN_SIZE, "min_size")                                                         \
    X(STAT_MAX_SIZE, "max_size")                                                         \
    X(STAT_FREES, "frees")                                                               \
    X(STAT_LIVE_BLOCKS, "live_blocks")                                                   \
    X(STAT_LIVE_BYTES, "live_bytes")                                                     \
    X(STAT_PEAK_BLOCKS, "peak_blocks")                                                   \
    X(STAT_PEAK_BYTES, "peak_bytes")                                                     \
    X(STAT_TEMPORARY, "temporary")                                                       \
    X(STAT_LIFETIME_NS, "lifetime_ns")                                                   \
    X(STAT_CROSS_THREAD_FREES, "cross_thread_frees")                                     \
    X(STAT_FIRST_NS, "first_ns")                                                         \
    X(STAT_LAST_NS, "last_ns")                                                           \
    X(STAT_NEVER, "never")                                                               \
    X(STAT_SAMPLES, "samples")                                                           \
    X(STAT_OUTSIDE, "outside")
enum { STAT_COLUMNS(STORE_COLUMN_ENUM) };

static int resume_sites(struct collector *c, struct watched *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r =
        ask(c,
            STORE_SELECT(
                STAT_COLUMNS) "FROM site_stat WHERE process_id = ?1 AND recording_id = "
                              "(SELECT recording_id FROM process WHERE id = ?1)",
            w->row, &s);
    while (r == 0 && (r = next_row(c, s)) > 0) {
        r = 0;
        uint32_t site = watched_site_index(w, sqlite3_column_int64(s, STAT_SITE_ID));
        struct live_stat v = {
            .first_thread = serial_of(w, sqlite3_column_int64(s, STAT_FIRST_THREAD_ID))};
        uint64_t *const values[] = {&v.count,       &v.failed,
                                    &v.failable,    &v.bytes,
                                    &v.min_size,    &v.max_size,
                                    &v.frees,       &v.live_blocks,
                                    &v.live_bytes,  &v.peak_blocks,
                                    &v.peak_bytes,  &v.temporary,
                                    &v.lifetime_ns, &v.cross_thread_frees,
                                    &v.first_ns,    &v.last_ns,
                                    &v.never,       &v.samples,
                                    &v.outside};
        STORE_COLUMNS_MATCH(values, STAT_COUNT, STAT_OUTSIDE);
        for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
            *values[i] = column(s, STAT_COUNT + i);
        live_restore_site(w->live, site, &v);
        w->site_versions[site] = v.count + v.frees;
    }
    return r;
}

#define TOTAL_COLUMNS(X)                                                                 \
    X(TOTAL_EVENTS, "events")                                                            \
    X(TOTAL_ALLOCATIONS, "allocations")                                                  \
    X(TOTAL_FREES, "frees")                                                              \
    X(TOTAL_FAILED, "failed")                                                            \
    X(TOTAL_ASKED, "asked")                                                              \
    X(TOTAL_BYTES, "bytes")                                                              \
    X(TOTAL_LIVE_BLOCKS, "live_blocks")                                                  \
    X(TOTAL_LIVE_BYTES, "live_bytes")                                                    \
    X(TOTAL_INHERITED, "inherited")                                                      \
    X(TOTAL_REPLACED, "replaced")
enum { TOTAL_COLUMNS(STORE_COLUMN_ENUM) };

static int resume_totals(struct collector *c, struct watched *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct live_totals t = {0};
    int r = ask(c, STORE_SELECT(TOTAL_COLUMNS) "FROM process WHERE id = ?1", w->row, &s);
    if (r == 0 && (r = next_row(c, s)) > 0) {
        uint64_t *const values[] = {
            &t.events, &t.allocations, &t.frees,      &t.failed,    &t.asked,
            &t.bytes,  &t.live_blocks, &t.live_bytes, &t.inherited, &t.replaced};
        STORE_COLUMNS_MATCH(values, TOTAL_EVENTS, TOTAL_REPLACED);
        for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
            *values[i] = column(s, TOTAL_EVENTS + i);
        r = 0;
    }
    uint64_t calls = t.allocations + t.frees + t.failed + t.asked;
    t.unknown = t.events > calls ? t.events - calls : 0;
    live_restore(w->live, &t);
    return r;
}

/* --- its live blocks --- */

/* Allocations that nothing has ended yet: event number -> index into items. */
struct survivors {
    struct live_survivor {
        struct chunk_event event;
        uint64_t number;
        bool alive;
    } * items;
    size_t n, capacity;
    struct idmap by_number; /* number + 1 */
};

static void survive(struct survivors *all, const struct chunk_event *e, uint64_t number) {
    if (all->n == all->capacity) {
        size_t kept = 0; /* most have ended: what is left moves together */
        idmap_deinit(&all->by_number);
        for (size_t i = 0; i < all->n; i++)
            if (all->items[i].alive) {
                all->items[kept++] = all->items[i];
                idmap_put(&all->by_number, (int64_t)all->items[i].number + 1,
                          (int64_t)kept);
            }
        all->n = kept;
        if (kept * 2 >= all->capacity) {
            all->capacity = all->capacity ? 2 * all->capacity : 4096;
            all->items = text_realloc(all->items, all->capacity * sizeof *all->items);
        }
    }
    all->items[all->n++] =
        (struct live_survivor){.event = *e, .number = number, .alive = true};
    idmap_put(&all->by_number, (int64_t)number + 1, (int64_t)all->n);
}

static void apply(struct survivors *all, const struct chunk_event *e, uint64_t number) {
    int64_t at;
    bool ends = e->kind == SHM_EV_FREE || e->kind == SHM_EV_REALLOC_END;
    if (ends && e->reference != CHUNK_NONE &&
        idmap_get(&all->by_number, (int64_t)e->reference + 1, &at))
        all->items[at - 1].alive = false;
    if (e->address && (e->kind == SHM_EV_ALLOC || e->kind == SHM_EV_REALLOC_END))
        survive(all, e, number);
}

static int read_survivors(struct collector *c, const struct watched *w,
                          struct survivors *all) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_reader *reader = NULL;
    const struct chunk_event *events;
    struct allocation chunk;
    uint64_t first;
    uint32_t n;
    char *message = NULL;
    filter.process_id = w->row;
    int r = event_reader_new(c->store->db, &filter, &reader, &message);
    if (r < 0) {
        error_print(r, "%s", message ? message : "cannot read the events");
        free(message);
        return r;
    }
    while ((r = event_reader_chunk(reader, &events, &n, &first, &chunk)) > 0)
        for (uint32_t i = 0; i < n; i++)
            apply(all, &events[i], first + i);
    if (r < 0)
        error_print(r, "%s", event_reader_message(reader));
    event_reader_free(reader);
    return r;
}

/* A realloc that was under way has its old block in hand. Return: the ring, or none. */
static uint32_t taken_by(const struct idmap *pending, uint64_t number) {
    int64_t ring;
    return idmap_get(pending, (int64_t)number + 1, &ring) ? (uint32_t)ring : UINT32_MAX;
}

static void restore_block(struct watched *w, const struct live_survivor *one,
                          uint32_t ring, uint64_t begin_ns) {
    const struct chunk_event *e = &one->event;
    struct shm_event event = {.address = e->address, .size = e->size};
    struct live_input in = {.event = &event,
                            .time_ns = e->time_ns,
                            .thread = e->thread,
                            .site = e->site ? watched_site_index(w, e->site) : 0};
    live_restore_block(w->live, &in, one->number, ring, begin_ns);
}

/* The same address twice: the older one's free was never seen (live.h, `replaced`). */
static int resume_blocks(struct collector *c, struct watched *w,
                         const struct idmap *pending, uint64_t begin_ns) {
    struct survivors all = {0};
    struct idmap newest = {0};
    int r = read_survivors(c, w, &all);
    for (size_t i = all.n; r == 0 && i-- > 0;) {
        int64_t known;
        const struct live_survivor *one = &all.items[i];
        uint32_t ring = taken_by(pending, one->number);
        if (!one->alive || (ring == UINT32_MAX &&
                            idmap_get(&newest, (int64_t)one->event.address, &known)))
            continue;
        if (ring == UINT32_MAX)
            idmap_put(&newest, (int64_t)one->event.address, 1);
        restore_block(w, one, ring, begin_ns);
    }
    idmap_deinit(&newest);
    idmap_deinit(&all.by_number);
    free(all.items);
    return r;
}

/* --- its rings --- */

#define MARK_COLUMNS(X)                                                                  \
    X(MARK_RING, "ring")                                                                 \
    X(MARK_SEGMENT, "segment")                                                           \
    X(MARK_POSITION, "position")                                                         \
    X(MARK_THREAD, "thread")                                                             \
    X(MARK_PENDING, "pending")                                                           \
    X(MARK_PENDING_NS, "pending_ns")
enum { MARK_COLUMNS(STORE_COLUMN_ENUM) };

static void resume_cursor(struct collector *c, struct watched *w, uint32_t ring,
                          sqlite3_stmt *s) {
    struct cursor *cursor = &w->cursors[ring];
    uint32_t id = (uint32_t)column(s, MARK_SEGMENT);
    const struct shm_segment *segment = session_block(c->session, id);
    int64_t thread;
    cursor->shm = session_ring(c->session, w->shm, ring);
    if (!cursor->shm || !segment || column(s, MARK_POSITION) > SHM_SEGMENT_EVENTS ||
        !collector_damage_segment_ok(w, ring, segment, segment->serial)) {
        collector_damage_ring(w, ring);
        return;
    }
    cursor->serial = segment->serial;
    cursor->given =
        segment->serial - 1; /* what was held before it is not known any more */
    __atomic_store_n(&cursor->shm->given, cursor->given, __ATOMIC_RELEASE);
    cursor->seed = shm_segment_seed(w->block, ring, cursor->serial);
    cursor->segment = segment;
    cursor->id = cursor->oldest = cursor->marked = id;
    cursor->position = cursor->marked_position = (uint32_t)column(s, MARK_POSITION);
    if (idmap_get(&w->thread_of, sqlite3_column_int64(s, MARK_THREAD), &thread))
        cursor->thread = (uint32_t)thread;
}

static int resume_rings(struct collector *c, struct watched *w, struct idmap *pending,
                        uint64_t *begin_ns, uint32_t *damaged) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    w->n_cursors = w->shm->n_rings < SHM_MAX_RINGS ? w->shm->n_rings : SHM_MAX_RINGS;
    w->cursors = text_alloc((w->n_cursors + 1) * sizeof *w->cursors);
    int r = ask(c,
                STORE_SELECT(MARK_COLUMNS) "FROM ring_mark "
                                           "WHERE process_id = ?1",
                w->row, &s);
    while (r == 0 && (r = next_row(c, s)) > 0) {
        r = 0;
        uint64_t ring = column(s, MARK_RING);
        if (ring >= w->n_cursors) {
            collector_damage_block(w);
            ++*damaged;
            continue;
        }
        resume_cursor(c, w, (uint32_t)ring, s);
        *damaged += w->cursors[ring].damaged;
        if (sqlite3_column_type(s, MARK_PENDING) != SQLITE_NULL) {
            idmap_put(pending, sqlite3_column_int64(s, MARK_PENDING) + 1, (int64_t)ring);
            *begin_ns = column(s, MARK_PENDING_NS);
        }
    }
    return r;
}

/* --- all --- */

static int resume_writer(struct collector *c, struct watched *w) {
    AUTO_FREE char *chunks = text_format(
        "SELECT count(*) FROM event_chunk WHERE process_id = %lld", (long long)w->row);
    if (!c->keep_events)
        return 0;
    w->n_chunks = (uint32_t)store_int(c->store, chunks, 0);
    w->writer = chunk_writer_new(live_totals(w->live)->events);
    return w->writer ? 0 : error_print(-ENOMEM, "out of memory for a chunk of events");
}

static int resume_process(struct collector *c, uint32_t index, int64_t row,
                          struct collector_resumed *out) {
    uint32_t block = c->session->arena->processes[index];
    struct idmap pending = {0};
    uint64_t begin_ns = 0;
    AUTO_FREE char *modules =
        text_format("DELETE FROM process_module WHERE process_id = %lld", (long long)row);
    struct watched *w = watched_new(c, index, block);
    w->row = row;
    out->processes++;
    int r = store_exec(c->store, modules); /* written anew at its end */
    if (r == 0)
        r = resume_threads(c, w);
    if (r == 0)
        r = resume_sites(c, w);
    if (r == 0)
        r = resume_totals(c, w);
    if (r == 0)
        r = resume_writer(c, w);
    if (r == 0)
        r = resume_rings(c, w, &pending, &begin_ns, &out->damaged);
    if (r == 0 && c->keep_events)
        r = resume_blocks(c, w, &pending, begin_ns);
    idmap_deinit(&pending);
    if (r < 0)
        watched_free(w);
    else
        watched_enter(c, w);
    return r;
}

#define ENDED_COLUMNS(X)                                                                 \
    X(ENDED_PROCESSES, "count(*)")                                                       \
    X(ENDED_EVENTS, "total(events)")                                                     \
    X(ENDED_ALLOCATIONS, "total(allocations)")                                           \
    X(ENDED_FREES, "total(frees)")                                                       \
    X(ENDED_FAILED, "total(failed)")                                                     \
    X(ENDED_BYTES, "total(bytes)")                                                       \
    X(ENDED_LIVE_BLOCKS, "total(live_blocks)")                                           \
    X(ENDED_LIVE_BYTES, "total(live_bytes)")                                             \
    X(ENDED_EVENTS_LOST, "total(events_lost)")                                           \
    X(ENDED_STACKS_LOST, "total(stacks_lost)")                                           \
    X(ENDED_STACKS_TRUNCATED, "total(stacks_truncated)")                                 \
    X(ENDED_STACKS_INCOMPLETE, "total(stacks_incomplete)")                               \
    X(ENDED_UNWIND_FALLBACKS, "total(unwind_fallbacks)")                                 \
    X(ENDED_BOOT_EVENTS, "total(boot_events)")                                           \
    X(ENDED_WAITED_NS, "total(waited_ns)")                                               \
    X(ENDED_INHERITED, "total(inherited)")                                               \
    X(ENDED_REPLACED, "total(replaced)")                                                 \
    X(ENDED_THREADS,                                                                     \
      "(SELECT count(*) FROM thread JOIN process p ON p.id = process_id WHERE "          \
      "p.recording_id = ?1 AND p.\"end\" <> 'running')")
enum { ENDED_COLUMNS(STORE_COLUMN_ENUM) };

/* What is over counts as the rows of its process say. */
static int resume_ended(struct collector *c) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct collector_totals *t = &c->totals;
    int r = ask(
        c,
        STORE_SELECT(
            ENDED_COLUMNS) "FROM process WHERE recording_id = ?1 AND \"end\" <> 'running'",
        c->recording_id, &s);
    if (r < 0 || (r = next_row(c, s)) <= 0)
        return r;
    uint64_t *const values[] = {&t->events,
                                &t->allocations,
                                &t->frees,
                                &t->failed,
                                &t->bytes,
                                &t->live_blocks,
                                &t->live_bytes,
                                &t->events_lost,
                                &t->stacks_lost,
                                &t->stacks_truncated,
                                &t->stacks_incomplete,
                                &t->unwind_fallbacks,
                                &t->boot_events,
                                &t->waited_ns,
                                &t->inherited,
                                &t->replaced};
    t->processes = (uint32_t)column(s, ENDED_PROCESSES);
    STORE_COLUMNS_MATCH(values, ENDED_EVENTS, ENDED_REPLACED);
    for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
        *values[i] = column(s, ENDED_EVENTS + i);
    t->threads = (uint32_t)column(s, ENDED_THREADS);
    return 0;
}

/* Which entry of the directory each process has: serial -> index. */
static void find_entries(const struct collector *c, struct idmap *entries) {
    for (uint32_t i = 0; i < session_n_processes(c->session); i++) {
        const struct shm_process *p = session_process(c->session, i);
        if (p && p->serial)
            idmap_put(entries, p->serial, i);
    }
}

#define RUNNING_COLUMNS(X)                                                               \
    X(RUNNING_ID, "id")                                                                  \
    X(RUNNING_ORDINAL, "ordinal")                                                        \
    X(RUNNING_IS_RUNNING, "\"end\" = 'running'")
enum { RUNNING_COLUMNS(STORE_COLUMN_ENUM) };

static int resume_running(struct collector *c, struct collector_resumed *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct idmap entries = {0};
    int r = ask(c,
                STORE_SELECT(RUNNING_COLUMNS) "FROM process "
                                              "WHERE recording_id = ?1 ORDER BY ordinal",
                c->recording_id, &s);
    c->n_watched = session_n_processes(c->session);
    find_entries(c, &entries);
    while (r == 0 && (r = next_row(c, s)) > 0) {
        int64_t index, serial = sqlite3_column_int64(s, RUNNING_ORDINAL);
        r = 0;
        if (!idmap_get(&entries, serial, &index))
            continue; /* nothing of it is left: its row stays as it is */
        if (sqlite3_column_int(s, RUNNING_IS_RUNNING))
            r = resume_process(c, (uint32_t)index, sqlite3_column_int64(s, RUNNING_ID),
                               out);
        else
            c->done[index] = (uint32_t)serial;
    }
    idmap_deinit(&entries);
    return r;
}

int collector_resume(struct collector *c, struct collector_resumed *out) {
    *out = (struct collector_resumed){0};
    c->resumed = true;
    AUTO_FREE char *peak = text_format("SELECT peak_bytes FROM recording WHERE id = %lld",
                                       (long long)c->recording_id);
    AUTO_FREE char *when = text_format("SELECT peak_ns FROM recording WHERE id = %lld",
                                       (long long)c->recording_id);
    int r = rows_begin(c);
    if (r == 0)
        r = resume_ended(c);
    if (r == 0)
        r = resume_running(c, out);
    c->sum.peak_bytes = (uint64_t)store_int(c->store, peak, 0);
    c->sum.peak_ns = (uint64_t)store_int(c->store, when, 0);
    if (r < 0) {
        store_rollback(c->store);
        c->transaction_ns = 0;
    }
    return r;
}
