/* SPDX-License-Identifier: Apache-2.0 */
/* Reading single events from chunks: see event_reader.h. */
#include "event_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_ahead.h"
#include "columns.h"
#include "event_pending.h"
#include "shm.h"
#include "sqlite_api.h"

/* Times in chunks are rounded down by at most this much (chunk.h); others are not. */
#define ROUNDING_NS      1024u
/* Above this many sites, looking each up to narrow the chunks costs more than it saves. */
#define NARROW_MAX_SITES 64u

/* The times between events alone take about a bit each; a file that was made to fill the memory of its
 * reader has 65536 events in a few hundred bytes. */
#define EVENTS_START    4000000u
#define EVENTS_PER_BYTE 16u

struct chunk_row {
    int64_t id, recording_id, process_id;
    uint64_t first_event, n_events, start_ns, end_ns, min_size, max_size;
    bool wanted; /* has events to hand out */
};

struct thread_row {
    int64_t process_id, id;
    uint64_t serial, started_ns, ended_ns;
    bool wanted;
};

struct event_reader {
    sqlite3 *db;
    sqlite3_stmt *read_data;
    struct event_filter filter;
    struct chunk_row *chunks;
    size_t n_chunks, at_chunk; /* at_chunk: the next to decode */
    struct thread_row *threads;
    size_t n_threads, first_thread, end_thread; /* [first, end): of the current process */
    size_t first_chunk;                         /* of the current process */
    uint32_t last_serial;                       /* thread that the last row was of, */
    int64_t last_thread;                        /* and its id */
    struct chunk_event *events;                 /* CHUNK_MAX_EVENTS */
    uint32_t n_events, at_event;
    uint64_t first_number;
    const struct chunk_row *chunk; /* whose events these are */
    struct event_pending pending;
    struct chunk_event *left; /* never ended, of the process just finished, by number */
    size_t n_left, at_left;
    uint64_t decoded;
    struct chunk_ahead *ahead; /* NULL = chunks are decoded when they are asked for */
    size_t at_ahead;           /* the next chunk to hand in */
    char *message;
};

const char *event_kind_name(uint8_t kind) {
    static const char *const names[] = {
        [SHM_EV_ALLOC] = "alloc",         [SHM_EV_FAIL] = "fail",
        [SHM_EV_INJECTED] = "injected",   [SHM_EV_FREE] = "free",
        [SHM_EV_REALLOC_END] = "realloc", [SHM_EV_REALLOC_FAIL] = "realloc_fail",
        [SHM_EV_ASKED] = "asked"};
    if (kind >= sizeof names / sizeof *names || !names[kind])
        return "unknown";
    return names[kind];
}

bool event_allocates(uint8_t kind) {
    return kind != SHM_EV_FREE;
}

static bool makes_block(uint8_t kind) {
    return kind == SHM_EV_ALLOC || kind == SHM_EV_REALLOC_END;
}

/* --- messages --- */

static int fail(struct event_reader *r, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct event_reader *r, int err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    free(r->message);
    if (vasprintf(&r->message, format, args) < 0)
        r->message = NULL;
    va_end(args);
    return err;
}

/* Return: -EIO, for the compiler to see: it does not look into fail(). */
static int fail_sql(struct event_reader *r, const char *doing) {
    fail(r, -EIO, "%s: %s", doing, sqlite3_errmsg(r->db));
    return -EIO;
}

static int fail_memory(struct event_reader *r) {
    return fail(r, -ENOMEM, "out of memory");
}

const char *event_reader_message(const struct event_reader *r) {
    return r->message ? r->message : "out of memory";
}

uint64_t event_reader_decoded(const struct event_reader *r) {
    return r->decoded;
}

/* --- sets of ids --- */

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool ids_have(const struct event_ids *ids, int64_t id) {
    if (ids->n == 1)
        return ids->items[0] == id;
    return ids->n && bsearch(&id, ids->items, ids->n, sizeof id, compare_ids);
}

static void ids_sort(struct event_ids *ids) {
    if (ids->n > 1)
        qsort(ids->items, ids->n, sizeof *ids->items, compare_ids);
}

static int compare_numbers(const void *a, const void *b) {
    uint64_t x = ((const struct chunk_event *)a)->reference;
    uint64_t y = ((const struct chunk_event *)b)->reference;
    return (x > y) - (x < y);
}

/* Move what is pending to `left`, in order. */
static int pending_drain(struct event_reader *r) {
    struct event_pending *p = &r->pending;
    r->n_left = r->at_left = 0;
    if (!p->n)
        return 0;
    free(r->left);
    if (!(r->left = malloc(p->n * sizeof *r->left)))
        return fail_memory(r);
    for (size_t i = 0; i < p->capacity; i++) {
        if (p->slots[i].reference == CHUNK_NONE)
            continue;
        r->left[r->n_left++] = p->slots[i];
        p->slots[i].reference = CHUNK_NONE;
    }
    p->n = 0;
    qsort(r->left, r->n_left, sizeof *r->left, compare_numbers);
    return 0;
}

/* --- choosing chunks --- */

static void *next_row(void *rows_pointer, size_t *n, size_t size) {
    void **rows = rows_pointer;
    if ((*n & (*n - 1)) == 0) { /* at 0, 1, 2, 4, 8 ...: double */
        void *bigger = realloc(*rows, (*n ? *n * 2 : 1) * size);
        if (!bigger)
            return NULL;
        *rows = bigger;
    }
    return memset((char *)*rows + (*n)++ * size, 0, size);
}

/* Parameters of the next two queries; 0 = all. */
enum { FILTER_RECORDING = 1, FILTER_PROCESS };

#define CHUNK_COLUMNS(X)                                                                 \
    X(CHUNK_ID, "c.id")                                                                  \
    X(CHUNK_RECORDING_ID, "p.recording_id")                                              \
    X(CHUNK_PROCESS_ID, "c.process_id")                                                  \
    X(CHUNK_FIRST_EVENT, "c.first_event")                                                \
    X(CHUNK_N_EVENTS, "c.n_events")                                                      \
    X(CHUNK_START_NS, "c.start_ns")                                                      \
    X(CHUNK_END_NS, "c.end_ns")                                                          \
    X(CHUNK_MIN_SIZE, "c.min_size")                                                      \
    X(CHUNK_MAX_SIZE, "c.max_size")                                                      \
    X(CHUNK_BYTES, "length(c.data)")
enum { CHUNK_COLUMNS(STORE_COLUMN_ENUM) };

static const char chunks_sql[] = STORE_SELECT(
    CHUNK_COLUMNS) "FROM event_chunk c JOIN process p "
                   "ON p.id = c.process_id WHERE (:recording = 0 OR p.recording_id = :recording) AND (:process = 0 OR "
                   "c.process_id = :process) ORDER BY c.process_id, c.ordinal";

static int read_chunk_rows(struct event_reader *r) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(r->db, chunks_sql, -1, &q, NULL) != SQLITE_OK)
        return fail_sql(r, "this database has no readable events");
    sqlite3_bind_int64(q, FILTER_RECORDING, r->filter.recording_id);
    sqlite3_bind_int64(q, FILTER_PROCESS, r->filter.process_id);
    int rc;
    uint64_t events = 0, bytes = 0;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct chunk_row *c = next_row(&r->chunks, &r->n_chunks, sizeof *c);
        if (!c) {
            sqlite3_finalize(q);
            return fail_memory(r);
        }
        int64_t *const ids[] = {&c->id, &c->recording_id, &c->process_id};
        uint64_t *const numbers[] = {&c->first_event, &c->n_events, &c->start_ns,
                                     &c->end_ns,      &c->min_size, &c->max_size};
        STORE_COLUMNS_MATCH(ids, CHUNK_ID, CHUNK_PROCESS_ID);
        STORE_COLUMNS_MATCH(numbers, CHUNK_FIRST_EVENT, CHUNK_MAX_SIZE);
        for (int i = 0; i < 3; i++)
            *ids[i] = sqlite3_column_int64(q, CHUNK_ID + i);
        for (int i = 0; i < 6; i++)
            *numbers[i] = (uint64_t)sqlite3_column_int64(q, CHUNK_FIRST_EVENT + i);
        if (c->n_events > CHUNK_MAX_EVENTS)
            c->n_events = 0; /* damaged: check_chunk() */
        events += c->n_events;
        bytes += (uint64_t)sqlite3_column_int64(q, CHUNK_BYTES);
    }
    sqlite3_finalize(q);
    if (rc == SQLITE_DONE && events > EVENTS_START + EVENTS_PER_BYTE * bytes) {
        fail(r, -EBADMSG, "the file is damaged: its %llu bytes cannot hold %llu events",
             (unsigned long long)bytes, (unsigned long long)events);
        return -EBADMSG;
    }
    return rc == SQLITE_DONE ? 0 : fail_sql(r, "reading event_chunk");
}

#define THREAD_COLUMNS(X)                                                                \
    X(THREAD_PROCESS_ID, "t.process_id")                                                 \
    X(THREAD_ID, "t.id")                                                                 \
    X(THREAD_SERIAL, "t.serial")                                                         \
    X(THREAD_STARTED_NS, "coalesce(t.started_ns, 0)")                                    \
    X(THREAD_ENDED_NS, "t.ended_ns")
enum { THREAD_COLUMNS(STORE_COLUMN_ENUM) };

static int read_thread_rows(struct event_reader *r) {
    sqlite3_stmt *q = NULL;
    static const char sql[] = STORE_SELECT(
        THREAD_COLUMNS) "FROM thread t JOIN process p ON p.id = t.process_id "
                        "WHERE (:recording = 0 OR p.recording_id = :recording) AND (:process = 0 OR t.process_id = :process) "
                        "ORDER BY t.process_id, t.serial";
    if (sqlite3_prepare_v2(r->db, sql, -1, &q, NULL) != SQLITE_OK)
        return fail_sql(r, "this database has no readable threads");
    sqlite3_bind_int64(q, FILTER_RECORDING, r->filter.recording_id);
    sqlite3_bind_int64(q, FILTER_PROCESS, r->filter.process_id);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct thread_row *t = next_row(&r->threads, &r->n_threads, sizeof *t);
        if (!t) {
            sqlite3_finalize(q);
            return fail_memory(r);
        }
        t->process_id = sqlite3_column_int64(q, THREAD_PROCESS_ID);
        t->id = sqlite3_column_int64(q, THREAD_ID);
        t->serial = (uint64_t)sqlite3_column_int64(q, THREAD_SERIAL);
        t->started_ns = (uint64_t)sqlite3_column_int64(q, THREAD_STARTED_NS);
        t->ended_ns = sqlite3_column_type(q, THREAD_ENDED_NS) == SQLITE_NULL
                          ? UINT64_MAX
                          : (uint64_t)sqlite3_column_int64(q, THREAD_ENDED_NS);
        t->wanted = !r->filter.threads.given || ids_have(&r->filter.threads, t->id);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? 0 : fail_sql(r, "reading thread");
}

static bool passes_row(const struct event_filter *f, const struct chunk_row *c) {
    if ((f->chunk_id && f->chunk_id != c->id) || ids_have(&f->not_chunks, c->id))
        return false;
    if (c->end_ns < f->min_ns || c->start_ns > f->max_ns)
        return false;
    if (c->first_event + c->n_events <= f->min_number || c->first_event > f->max_number)
        return false;
    /* min_size and max_size are over allocating calls; frees have size 0. */
    bool sizes_decide = f->allocations_only || f->ends || f->min_size > 0;
    return !sizes_decide || (c->max_size >= f->min_size && c->min_size <= f->max_size);
}

/* Leave out chunks that no wanted thread was alive in. */
static void narrow_by_threads(struct event_reader *r) {
    if (!r->filter.threads.given)
        return;
    for (size_t i = 0; i < r->n_chunks; i++) {
        struct chunk_row *c = &r->chunks[i];
        bool hit = false;
        for (size_t k = 0; k < r->n_threads && !hit; k++) {
            const struct thread_row *t = &r->threads[k];
            hit = t->wanted && t->process_id == c->process_id &&
                  c->end_ns + ROUNDING_NS >= t->started_ns && c->start_ns <= t->ended_ns;
        }
        c->wanted &= hit;
    }
}

#define ACTIVE_COLUMNS(X)                                                                \
    X(ACTIVE_PROCESS_ID, "t.process_id")                                                 \
    X(ACTIVE_FIRST_NS, "t.first_ns")                                                     \
    X(ACTIVE_LAST_NS, "t.last_ns")
enum { ACTIVE_COLUMNS(STORE_COLUMN_ENUM) };

/* Leave out chunks in which no wanted site was active, by site_stat's first and last
 * call. Only for complete recordings: of others the aggregates may be missing. */
static int narrow_by_sites(struct event_reader *r) {
    static const char sql[] = STORE_SELECT(
        ACTIVE_COLUMNS) "FROM site_stat t "
                        "JOIN recording r ON r.id = t.recording_id WHERE t.site_id = ?1 AND r.state = "
                        "'complete' UNION ALL SELECT p.id, 0, 9223372036854775807, NULL FROM process p "
                        "JOIN recording r ON r.id = p.recording_id WHERE r.state <> 'complete'";
    if (!r->filter.sites.given || r->filter.sites.n > NARROW_MAX_SITES)
        return 0;
    bool *hit = calloc(r->n_chunks + 1, sizeof *hit);
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(r->db, sql, -1, &q, NULL);
    for (size_t i = 0; hit && rc == SQLITE_OK && i < r->filter.sites.n; i++) {
        sqlite3_bind_int64(q, 1, r->filter.sites.items[i]);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
            uint64_t first = (uint64_t)sqlite3_column_int64(q, ACTIVE_FIRST_NS);
            uint64_t last = (uint64_t)sqlite3_column_int64(q, ACTIVE_LAST_NS);
            for (size_t k = 0; k < r->n_chunks; k++)
                hit[k] |= r->chunks[k].process_id ==
                              sqlite3_column_int64(q, ACTIVE_PROCESS_ID) &&
                          r->chunks[k].end_ns + ROUNDING_NS >= first &&
                          r->chunks[k].start_ns <= last;
        }
        rc = rc == SQLITE_DONE ? sqlite3_reset(q) : rc;
    }
    for (size_t k = 0; hit && k < r->n_chunks; k++)
        r->chunks[k].wanted &= hit[k];
    sqlite3_finalize(q);
    bool memory = !hit;
    free(hit);
    return memory            ? fail_memory(r)
           : rc == SQLITE_OK ? 0
                             : fail_sql(r, "reading site_stat");
}

static int choose_chunks(struct event_reader *r) {
    int e = read_chunk_rows(r);
    if (e == 0)
        e = read_thread_rows(r);
    if (e < 0)
        return e;
    for (size_t i = 0; i < r->n_chunks; i++)
        r->chunks[i].wanted = passes_row(&r->filter, &r->chunks[i]);
    narrow_by_threads(r);
    return narrow_by_sites(r);
}

int event_reader_new(sqlite3 *db, const struct event_filter *filter,
                     struct event_reader **out, char **message) {
    struct event_reader *r = calloc(1, sizeof *r);
    *message = NULL;
    if (!r) {
        free(filter->threads.items);
        free(filter->sites.items);
        free(filter->not_chunks.items);
        return -ENOMEM;
    }
    r->db = db;
    r->filter = *filter;
    ids_sort(&r->filter.threads);
    ids_sort(&r->filter.sites);
    ids_sort(&r->filter.not_chunks);
    int e = choose_chunks(r);
    if (e == 0 && sqlite3_prepare_v2(db, "SELECT data FROM event_chunk WHERE id = ?1", -1,
                                     &r->read_data, NULL) != SQLITE_OK)
        e = fail_sql(r, "reading event_chunk");
    if (e == 0 && !(r->events = malloc(CHUNK_MAX_EVENTS * sizeof *r->events)))
        e = fail_memory(r);
    if (e < 0) {
        *message = r->message;
        r->message = NULL;
        event_reader_free(r);
        return e;
    }
    *out = r;
    return 0;
}

struct event_reader *event_reader_free(struct event_reader *r) {
    if (!r)
        return NULL;
    chunk_ahead_free(r->ahead);
    sqlite3_finalize(r->read_data);
    free(r->filter.threads.items);
    free(r->filter.sites.items);
    free(r->filter.not_chunks.items);
    free(r->chunks);
    free(r->threads);
    free(r->events);
    event_pending_deinit(&r->pending);
    free(r->left);
    free(r->message);
    free(r);
    return NULL;
}

/* --- decoding --- */

static void enter_process(struct event_reader *r, const struct chunk_row *c) {
    int64_t process_id = c->process_id;
    r->last_serial = 0;
    r->first_chunk = (size_t)(c - r->chunks);
    while (r->first_chunk && r->chunks[r->first_chunk - 1].process_id == process_id)
        r->first_chunk--;
    size_t at = 0; /* rows are sorted by process */
    while (at < r->n_threads && r->threads[at].process_id < process_id)
        at++;
    r->first_thread = at;
    while (at < r->n_threads && r->threads[at].process_id == process_id)
        at++;
    r->end_thread = at;
}

/* The bytes of a chunk, valid until sqlite3_reset(). Return: 0 or -errno. */
static int read_bytes(struct event_reader *r, const struct chunk_row *c,
                      const void **data, size_t *n) {
    sqlite3_bind_int64(r->read_data, 1, c->id);
    if (sqlite3_step(r->read_data) != SQLITE_ROW) {
        sqlite3_reset(r->read_data);
        return fail_sql(r, "reading event_chunk");
    }
    *data = sqlite3_column_blob(r->read_data, 0);
    *n = (size_t)sqlite3_column_bytes(r->read_data, 0);
    return 0;
}

/* @e: what decoding said. */
static int check_chunk(struct event_reader *r, const struct chunk_row *c, int e) {
    r->decoded++;
    if (e == 0 && (r->first_number != c->first_event || r->n_events != c->n_events))
        e = -EBADMSG;
    if (e < 0) {
        r->n_events = 0;
        return fail(
            r, e,
            "event chunk %lld (recording %lld, process %lld, events %llu to %llu) is "
            "damaged; to read the others add: WHERE chunk_id <> %lld",
            (long long)c->id, (long long)c->recording_id, (long long)c->process_id,
            (unsigned long long)c->first_event,
            (unsigned long long)(c->first_event + c->n_events - 1), (long long)c->id);
    }
    return 0;
}

static void enter_chunk(struct event_reader *r, const struct chunk_row *c) {
    if (!r->chunk || r->chunk->process_id != c->process_id)
        enter_process(r, c);
    r->at_event = r->n_events = 0;
    r->chunk = c;
}

static int decode(struct event_reader *r, const struct chunk_row *c) {
    const void *data;
    size_t n;
    enter_chunk(r, c);
    int e = read_bytes(r, c, &data, &n);
    if (e < 0)
        return e;
    e = data ? chunk_read(data, n, r->events, &r->first_number, &r->n_events) : -EBADMSG;
    sqlite3_reset(r->read_data);
    return check_chunk(r, c, e);
}

/* Keep the decoders busy. */
static int hand_in(struct event_reader *r) {
    int e = 0;
    if (r->at_ahead < r->at_chunk)
        r->at_ahead = r->at_chunk;
    for (; e == 0 && r->at_ahead < r->n_chunks && chunk_ahead_room(r->ahead);
         r->at_ahead++) {
        const void *data;
        size_t n;
        if (!r->chunks[r->at_ahead].wanted)
            continue;
        if ((e = read_bytes(r, &r->chunks[r->at_ahead], &data, &n)) < 0)
            return e;
        if (chunk_ahead_put(r->ahead, data, n) < 0)
            e = fail_memory(r);
        sqlite3_reset(r->read_data);
    }
    return e;
}

static int decode_ahead(struct event_reader *r, const struct chunk_row *c,
                        const struct chunk_event **events) {
    int e = hand_in(r);
    if (e < 0)
        return e;
    enter_chunk(r, c);
    e = chunk_ahead_take(r->ahead, events, &r->first_number, &r->n_events);
    return check_chunk(r, c, e);
}

static const struct thread_row *find_thread(const struct event_reader *r,
                                            uint32_t serial) {
    size_t low = r->first_thread, high = r->end_thread;
    if (serial && serial <= high - low && r->threads[low + serial - 1].serial == serial)
        return &r->threads[low + serial - 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->threads[middle].serial == serial)
            return &r->threads[middle];
        if (r->threads[middle].serial < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int64_t event_reader_thread(const struct event_reader *r, uint32_t serial) {
    const struct thread_row *t = find_thread(r, serial);
    return t ? t->id : 0;
}

/* @e: of the current chunk. */
static bool passes(const struct event_reader *r, const struct chunk_event *e) {
    const struct event_filter *f = &r->filter;
    uint64_t number = r->first_number + (uint64_t)(e - r->events);
    if (number < f->min_number || number > f->max_number)
        return false;
    if (f->allocations_only && !event_allocates(e->kind))
        return false;
    if (e->time_ns < f->min_ns || e->time_ns > f->max_ns || e->size < f->min_size ||
        e->size > f->max_size || (f->ops && (e->op >= 32 || !(f->ops >> e->op & 1))))
        return false;
    if (f->sites.given && !ids_have(&f->sites, e->site))
        return false;
    if (f->threads.given) {
        const struct thread_row *t = find_thread(r, e->thread);
        return t && t->wanted;
    }
    return true;
}

/* The chunk that holds event @number of the current process. */
static int64_t chunk_of(const struct event_reader *r, uint64_t number) {
    size_t low = r->first_chunk, high = (size_t)(r->chunk - r->chunks);
    while (low < high) { /* the last whose first event is not behind it */
        size_t middle = low + (high - low + 1) / 2;
        if (r->chunks[middle].first_event <= number)
            low = middle;
        else
            high = middle - 1;
    }
    return r->chunks[low].id;
}

/* @chunk_id: of the chunk that the event lies in. */
static void hand_out(struct event_reader *r, const struct chunk_event *e, uint64_t number,
                     int64_t chunk_id, struct allocation *out) {
    if (e->thread != r->last_serial || !r->last_serial) {
        r->last_serial = e->thread;
        r->last_thread = event_reader_thread(r, e->thread);
    }
    *out = (struct allocation){.event = *e,
                               .number = number,
                               .recording_id = r->chunk->recording_id,
                               .process_id = r->chunk->process_id,
                               .chunk_id = chunk_id,
                               .thread_id = r->last_thread};
}

/* One event without looking for ends. Return: 1 = @out is set. */
static int plain_event(struct event_reader *r, struct allocation *out) {
    const struct chunk_event *e = &r->events[r->at_event++];
    if (!passes(r, e))
        return 0;
    hand_out(r, e, r->first_number + r->at_event - 1, r->chunk->id, out);
    return 1;
}

/* Of the current chunk: is this an allocation to hand out? */
static bool wanted(const struct event_reader *r, const struct chunk_event *e) {
    return r->chunk->wanted && event_allocates(e->kind) && passes(r, e);
}

/* @old_number: of an allocation that ends; in the current chunk, or put into pending because it
 * was wanted. */
static bool wanted_number(const struct event_reader *r, uint64_t old_number) {
    uint64_t at = old_number - r->first_number;
    return at >= r->n_events || wanted(r, &r->events[at]);
}

static bool keep_pending(const void *reader, const struct chunk_event *e) {
    return wanted(reader, e);
}

/* One event with ends: an allocation that it ends is handed out, or itself if it failed. */
static int paired_event(struct event_reader *r, struct allocation *out) {
    const struct chunk_event *e = &r->events[r->at_event];
    uint64_t number = r->first_number + r->at_event++;
    struct chunk_event old;
    if (event_pending_end(&r->pending, e, &old) && wanted_number(r, old.reference)) {
        uint64_t old_number = old.reference;
        old.reference = CHUNK_NONE;
        hand_out(r, &old, old_number, chunk_of(r, old_number), out);
        out->ended = true;
        out->moved = e->kind == SHM_EV_REALLOC_END;
        out->ended_ns = e->time_ns;
        out->ended_by = event_reader_thread(r, e->thread);
        return 1;
    }
    if (makes_block(e->kind) || !wanted(r, e))
        return 0;
    hand_out(r, e, number, r->chunk->id, out);
    return 1;
}

static bool same_process(const struct chunk_row *a, const struct chunk_row *b) {
    return a && b && a->process_id == b->process_id;
}

/* Find the next chunk worth decoding; ends of pending allocations may lie in unwanted
 * ones. */
static const struct chunk_row *next_chunk(struct event_reader *r) {
    while (r->at_chunk < r->n_chunks) {
        const struct chunk_row *c = &r->chunks[r->at_chunk];
        if (c->wanted || (r->pending.n && same_process(c, r->chunk) &&
                          !ids_have(&r->filter.not_chunks, c->id)))
            return c;
        if (r->pending.n && !same_process(c, r->chunk))
            return NULL; /* drain first */
        r->at_chunk++;
    }
    return NULL;
}

int event_reader_next(struct event_reader *r, struct allocation *out) {
    for (;;) {
        while (r->at_left < r->n_left) {
            struct chunk_event e = r->left[r->at_left++];
            uint64_t number = e.reference;
            e.reference = CHUNK_NONE;
            hand_out(r, &e, number, chunk_of(r, number), out);
            return 1;
        }
        while (r->at_event < r->n_events) {
            int done = r->filter.ends ? paired_event(r, out) : plain_event(r, out);
            if (done)
                return done;
        }
        if (event_pending_close(&r->pending, keep_pending, r) < 0)
            return fail_memory(r);
        const struct chunk_row *c = next_chunk(r);
        if (r->pending.n && !same_process(c, r->chunk)) {
            int e = pending_drain(r);
            if (e < 0)
                return e;
            continue;
        }
        if (!c)
            return 0;
        r->at_chunk++;
        int e = decode(r, c);
        if (e < 0)
            return e;
        if (r->filter.ends &&
            event_pending_open(&r->pending, r->events, r->n_events, r->first_number) < 0)
            return fail_memory(r);
    }
}

int event_reader_chunk(struct event_reader *r, const struct chunk_event **events,
                       uint32_t *n, uint64_t *first, struct allocation *chunk) {
    while (r->at_chunk < r->n_chunks && !r->chunks[r->at_chunk].wanted)
        r->at_chunk++;
    if (r->at_chunk == r->n_chunks)
        return 0;
    if (r->filter.ahead && !r->ahead)
        r->ahead = chunk_ahead_new(!r->filter.no_addresses);
    r->filter.ahead = r->ahead != NULL;
    const struct chunk_row *c = &r->chunks[r->at_chunk];
    *events = r->events;
    int e = r->ahead ? decode_ahead(r, c, events) : decode(r, c);
    r->at_chunk++;
    if (e < 0)
        return e;
    *n = r->n_events;
    *first = r->first_number;
    *chunk = (struct allocation){.recording_id = r->chunk->recording_id,
                                 .process_id = r->chunk->process_id,
                                 .chunk_id = r->chunk->id};
    return 1;
}
