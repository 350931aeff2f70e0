/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles that the aggregates cannot give: by size, by thread. One pass over the events;
 * the only state is the set of blocks live at that point
 * (common/events/event_pending.h).
 */
#include <stdlib.h>
#include <string.h>

#include "event_walk.h"
#include "profile.h"
#include "shm.h"

#define MAX_THREADS (1u << 24) /* a larger serial is damage, not a thread */

struct fold {
    struct profile *profile;
    enum profile_by by;
    bool reallocs;
    struct store *store;
    struct event_walk walk;
    struct live { /* per item, in the current process */
        uint64_t bytes, peak;
    } * live;
    uint32_t n_live;
    uint64_t
        *last_allocation; /* per thread serial: number + 1 of its newest allocation */
    uint32_t n_threads;
    uint32_t size_items[65]; /* item of a size class + 1 */
    uint32_t *thread_items;  /* item of a thread serial + 1, of the current process */
    uint32_t n_thread_items;
};

/* 0, 1, 2, 3..4, 5..8, ...: class = bits needed for size - 1, plus one. */
static unsigned size_class(uint64_t size) {
    return size == 0 ? 0 : size == 1 ? 1 : 65 - (unsigned)__builtin_clzll(size - 1);
}

static uint32_t make_item(struct profile *p, const char *key, const char *name) {
    return (uint32_t)(profile_item(p, key, name) - p->items);
}

static uint32_t item_of_size(struct fold *f, uint64_t size) {
    unsigned class = size_class(size);
    if (class > 64)
        class = 64;
    if (!f->size_items[class]) {
        char buf[16];
        uint64_t high = class < 2     ? class
                        : class == 64 ? UINT64_MAX
                                      : 1ull << (class - 1);
        AUTO_FREE char *key = text_format("%02u", class);
        AUTO_FREE char *name =
            text_format("%s%s", class < 3 ? "" : "up to ", text_bytes(high, buf));
        f->size_items[class] = make_item(f->profile, key, name) + 1;
    }
    return f->size_items[class] - 1;
}

#define THREAD_COLUMNS(X)                                                                \
    X(THREAD_TID, "t.tid")                                                               \
    X(THREAD_PID, "p.pid")                                                               \
    X(THREAD_ORDINAL, "p.ordinal")                                                       \
    X(THREAD_EXE, "p.exe")
enum { THREAD_COLUMNS(STORE_COLUMN_ENUM) };

static uint32_t item_of_thread(struct fold *f, uint32_t serial) {
    f->thread_items =
        text_reach(f->thread_items, &f->n_thread_items, serial, sizeof *f->thread_items);
    if (!f->thread_items[serial]) {
        int64_t id = event_reader_thread(f->walk.reader, serial);
        AUTO_FREE char *sql =
            text_format(STORE_SELECT(THREAD_COLUMNS) "FROM process p LEFT JOIN thread t "
                                                     "ON t.id = %lld WHERE p.id = %lld",
                        (long long)id, (long long)f->walk.process_id);
        AUTO_STMT sqlite3_stmt *q = NULL;
        long long tid = 0, pid = 0, ordinal = 0;
        const char *exe = "?";
        if (store_prepare(f->store, sql, &q) == 0 && sqlite3_step(q) == SQLITE_ROW) {
            tid = sqlite3_column_int64(q, THREAD_TID);
            pid = sqlite3_column_int64(q, THREAD_PID);
            ordinal = sqlite3_column_int64(q, THREAD_ORDINAL);
            exe =
                store_column_text(q, THREAD_EXE) ? store_column_text(q, THREAD_EXE) : "?";
        }
        AUTO_FREE char *key = text_format("%lld.%u %s", ordinal, serial, exe);
        AUTO_FREE char *name =
            text_format("thread %u (tid %lld) of %s (pid %lld)", serial, tid, exe, pid);
        f->thread_items[serial] = make_item(f->profile, key, name) + 1;
    }
    return f->thread_items[serial] - 1;
}

static uint32_t item_of(struct fold *f, const struct chunk_event *e) {
    return f->by == PROFILE_BY_SIZE ? item_of_size(f, e->size)
                                    : item_of_thread(f, e->thread);
}

static void begin_block(struct fold *f, uint32_t item, const struct chunk_event *e) {
    f->live = text_reach(f->live, &f->n_live, item, sizeof *f->live);
    struct live *live = &f->live[item];
    live->bytes += e->size;
    if (live->bytes > live->peak)
        live->peak = live->bytes;
}

static void end_block(struct fold *f, const struct chunk_event *old,
                      const struct chunk_event *e) {
    uint32_t item = item_of(f, old);
    struct profile_numbers *n = &f->profile->items[item].n;
    f->live[item].bytes -= old->size;
    n->frees++;
    n->lifetime_ns += e->time_ns > old->time_ns ? e->time_ns - old->time_ns : 0;
    n->cross_thread_frees += e->thread != old->thread;
    n->temporary +=
        e->thread == old->thread && f->last_allocation[e->thread] == old->reference + 1;
}

static int fold_event(struct event_walk *walk, const struct chunk_event *e,
                      uint64_t number) {
    struct fold *f = walk->context;
    struct chunk_event old;
    if (e->thread >= MAX_THREADS)
        return 0;
    f->last_allocation = text_reach(f->last_allocation, &f->n_threads, e->thread,
                                    sizeof *f->last_allocation);
    bool ends = event_pending_end(&walk->pending, e, &old) && old.thread < MAX_THREADS;
    if (ends)
        end_block(f, &old, e);
    if (!event_allocates(e->kind))
        return 0;
    uint32_t item = item_of(f, e);
    bool made = e->kind == SHM_EV_ALLOC || e->kind == SHM_EV_REALLOC_END;
    struct profile_numbers one = {.count = 1,
                                  .failed = !made && e->kind != SHM_EV_ASKED,
                                  .bytes = made ? e->size : 0,
                                  .max_size = e->size,
                                  .first_ns = e->time_ns,
                                  .last_ns = e->time_ns};
    if (ends && f->reallocs)
        profile_add_realloc(&one, &old, e);
    profile_add(&f->profile->items[item].n, &one);
    if (made) {
        f->last_allocation[e->thread] = number + 1;
        begin_block(f, item, e);
    }
    return 0;
}

static void clear(void *array, size_t n) {
    if (array)
        memset(array, 0, n);
}

/* What is left is live for good; peaks of processes add up. */
static int finish_process(struct event_walk *walk) {
    struct fold *f = walk->context;
    for (size_t i = 0; i < walk->pending.capacity; i++) {
        const struct chunk_event *e = &walk->pending.slots[i];
        if (e->reference == CHUNK_NONE || e->thread >= MAX_THREADS)
            continue;
        struct profile_numbers *n = &f->profile->items[item_of(f, e)].n;
        n->live_blocks++;
        n->live_bytes += e->size;
    }
    for (uint32_t i = 0; i < f->profile->n_items && i < f->n_live; i++)
        f->profile->items[i].n.peak_bytes += f->live[i].peak;
    clear(f->live, f->n_live * sizeof *f->live);
    clear(f->last_allocation, f->n_threads * sizeof *f->last_allocation);
    clear(f->thread_items, f->n_thread_items * sizeof *f->thread_items);
    return 0;
}

int profile_load_events(struct store *store, int64_t recording_id, enum profile_by by,
                        bool reallocs, struct profile *out) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct fold fold = {.profile = out,
                        .by = by,
                        .reallocs = reallocs,
                        .store = store,
                        .walk = {.context = &fold,
                                 .take = fold_event,
                                 .end_process = finish_process,
                                 .pairs = true}};
    *out = (struct profile){0};
    filter.recording_id = recording_id;
    filter.ahead = true;
    filter.no_addresses = !reallocs;
    int r = event_walk(store, &filter, &fold.walk);
    for (uint32_t i = 0; i < out->n_items; i++)
        profile_add(&out->total, &out->items[i].n);
    free(fold.live);
    free(fold.last_allocation);
    free(fold.thread_items);
    if (r < 0)
        profile_deinit(out);
    return r;
}
