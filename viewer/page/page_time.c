/* SPDX-License-Identifier: Apache-2.0 */
/* Bins of time: see page_time.h. */
#include "page_time.h"

#include <stdlib.h>
#include <string.h>

#include "event_walk.h"
#include "idmap.h"
#include "shm.h"
#include "text.h"

#define ROUNDING_NS 1024u /* at most, of times in chunks */
#define FINE        64u   /* moments of a bin */
#define NO_ROW      UINT32_MAX
#define MAX_SITE    (1 << 24) /* a larger row of `site` is damage */

/* What an event did to a row. */
struct change {
    uint32_t row;
    uint64_t time_ns;
    int64_t live;
    uint64_t bytes, count;
};

struct walker {
    struct page_time *time;
    uint32_t *row_of; /* by row of `site`, of this process: row + 1 */
    uint32_t n_row_of;
    uint32_t first, next; /* sites of this process: [first, next) */
    int64_t process_id;
    /* Changes of the last ROUNDING_NS up to the peak, until it is known which came before it. */
    struct change *window;
    size_t n_window, n_best;
    int64_t sum, best;
    uint64_t last_event_ns; /* of the recording */
    struct idmap ends;      /* process → when it ended */
    int64_t *grid;          /* growth of all, by moment */
    int64_t live;           /* of this process */
};

void page_time_deinit(struct page_time *time) {
    free(time->cells);
    free(time->heads);
    time->cells = NULL;
    time->heads = NULL;
    time->n_cells = 0;
}

/* --- time --- */

static uint32_t part(uint64_t n, uint64_t of, uint64_t moments) {
    uint64_t at = (uint64_t)((unsigned __int128)n * moments / of);
    return (uint32_t)(at < moments ? at : moments - 1);
}

static uint32_t moment_of(const struct page_time *t, uint64_t ns) {
    uint32_t before = t->peak_bins * FINE, after = PAGE_TIME_BINS * FINE - before;
    if (ns <= t->peak_ns)
        return part(ns, t->peak_ns + 1, before);
    return before + part(ns - t->peak_ns - 1, t->end_ns - t->peak_ns, after);
}

static void choose_bins(struct page_time *t) {
    t->peak_bins = part(t->peak_ns, t->end_ns, PAGE_TIME_BINS);
    if (t->peak_bins < 1)
        t->peak_bins = 1;
}

/* --- changes to cells --- */

/* Events of a process come in the order of time: the cell is the newest, or a new one. */
static struct page_time_cell *cell_of(struct page_time *t, uint32_t row, uint32_t bin) {
    uint32_t *at = &t->heads[row];
    while (*at && t->cells[*at - 1].bin > bin)
        at = &t->cells[*at - 1].next;
    if (*at && t->cells[*at - 1].bin == bin)
        return &t->cells[*at - 1];
    uint32_t next = *at, new = t->n_cells + 1;
    *at = new;
    t->cells = text_grow(t->cells, t->n_cells, sizeof *t->cells);
    t->cells[t->n_cells] = (struct page_time_cell){.next = next, .bin = bin};
    return &t->cells[t->n_cells++];
}

static void apply(struct walker *w, const struct change *c, uint32_t moment) {
    struct page_time *t = w->time;
    uint32_t bin = moment / FINE;
    if (c->row != NO_ROW) {
        uint32_t head = t->heads[c->row];
        struct page_time_cell *cell = head && t->cells[head - 1].bin == bin
                                          ? &t->cells[head - 1]
                                          : cell_of(t, c->row, bin);
        cell->live += c->live;
        cell->bytes += c->bytes;
        cell->count += c->count;
    }
    w->grid[moment] += c->live;
    w->live += c->live;
    if (w->live > t->high[bin])
        t->high[bin] = w->live;
    if (w->live < t->low[bin])
        t->low[bin] = w->live;
}

/* What lies behind the largest sum came after the peak. */
static void close_window(struct walker *w) {
    uint32_t after = w->time->peak_bins * FINE;
    for (size_t i = 0; i < w->n_window; i++)
        apply(w, &w->window[i],
              i < w->n_best ? moment_of(w->time, w->window[i].time_ns) : after);
    w->n_window = w->n_best = 0;
    w->sum = w->best = 0;
}

static void take_changes(struct walker *w, const struct change *changes, size_t n) {
    uint64_t peak = w->time->peak_ns, ns = n ? changes->time_ns : 0;
    bool first = !w->n_window;
    if (ns > peak && w->n_window)
        close_window(w);
    if (ns > peak || ns + ROUNDING_NS <= peak) {
        for (size_t i = 0; i < n; i++)
            apply(w, &changes[i], moment_of(w->time, ns));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        w->window = text_grow(w->window, w->n_window, sizeof *w->window);
        w->window[w->n_window++] = changes[i];
        w->sum += changes[i].live;
    }
    if (n && (w->sum > w->best || first)) {
        w->best = w->sum;
        w->n_best = w->n_window;
    }
}

/* --- the walk --- */

static uint32_t row_of(const struct walker *w, int64_t site) {
    return site > 0 && (uint64_t)site < w->n_row_of && w->row_of[site]
               ? w->row_of[site] - 1
               : NO_ROW;
}

static bool is_site(int64_t id) {
    return id > 0 && id <= MAX_SITE;
}

/* Sites and chunks both come in the order of processes, but perhaps not of the same. */
static void begin_process(struct walker *w, int64_t process_id) {
    const struct page_time *t = w->time;
    for (uint32_t i = w->first; i < w->next; i++)
        if (is_site(t->sites[i].site_id))
            w->row_of[t->sites[i].site_id] = 0;
    w->process_id = process_id;
    w->live = 0;
    uint32_t from = 0, to = t->n_sites;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (t->sites[middle].process_id < process_id)
            from = middle + 1;
        else
            to = middle;
    }
    w->first = w->next = from;
    for (; w->next < t->n_sites && t->sites[w->next].process_id == process_id;
         w->next++) {
        const struct page_time_site *site = &t->sites[w->next];
        if (!is_site(site->site_id))
            continue;
        w->row_of = text_reach(w->row_of, &w->n_row_of, (uint32_t)site->site_id,
                               sizeof *w->row_of);
        w->row_of[site->site_id] = site->row + 1;
    }
}

static int take_event(struct event_walk *walk, const struct chunk_event *e,
                      uint64_t number) {
    struct walker *w = walk->context;
    struct change changes[2];
    struct chunk_event old;
    size_t n = 0;
    (void)number;
    if (w->process_id != walk->process_id)
        begin_process(w, walk->process_id);
    if (event_pending_end(&walk->pending, e, &old))
        changes[n++] =
            (struct change){row_of(w, old.site), e->time_ns, -(int64_t)old.size, 0, 0};
    if (event_allocates(e->kind)) {
        bool made = e->kind == SHM_EV_ALLOC || e->kind == SHM_EV_REALLOC_END;
        uint64_t bytes = made ? e->size : 0;
        changes[n++] =
            (struct change){row_of(w, e->site), e->time_ns, (int64_t)bytes, bytes, 1};
    }
    take_changes(w, changes, n);
    return 0;
}

/* Blocks of a process that has ended while others went on are gone, freed or not. */
static int finish_process(struct event_walk *walk) {
    struct walker *w = walk->context;
    struct page_time *t = w->time;
    int64_t end;
    close_window(w);
    if (!idmap_get(&w->ends, walk->process_id, &end) || (uint64_t)end >= w->last_event_ns)
        return 0;
    uint32_t moment = (uint64_t)end < t->peak_ns ? moment_of(t, (uint64_t)end)
                                                 : moment_of(t, (uint64_t)end + 1);
    for (size_t i = 0; i < walk->pending.capacity; i++) {
        const struct chunk_event *e = &walk->pending.slots[i];
        if (e->reference == CHUNK_NONE)
            continue;
        struct change gone = {row_of(w, e->site), 0, -(int64_t)e->size, 0, 0};
        apply(w, &gone, moment);
    }
    return 0;
}

#define ENDED_COLUMNS(X)                                                                 \
    X(ENDED_ID, "id")                                                                    \
    X(ENDED_ENDED_NS, "ended_ns")
enum { ENDED_COLUMNS(STORE_COLUMN_ENUM) };

static int read_ends(struct store *store, struct walker *w) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        store,
        STORE_SELECT(ENDED_COLUMNS) "FROM process WHERE recording_id = ?1 AND "
                                    "ended_ns IS NOT NULL AND id > 0",
        &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, w->time->recording_id);
    while (sqlite3_step(q) == SQLITE_ROW)
        idmap_put(&w->ends, sqlite3_column_int64(q, ENDED_ID),
                  sqlite3_column_int64(q, ENDED_ENDED_NS));
    return 0;
}

/* The moments of all processes together. One alone was followed event by event. */
static void outline(struct walker *w) {
    struct page_time *t = w->time;
    int64_t live = 0;
    for (uint32_t bin = 0; bin < PAGE_TIME_BINS; bin++) {
        int64_t high = live, low = live;
        for (uint32_t i = bin * FINE; i < (bin + 1) * FINE; i++) {
            live += w->grid[i];
            high = live > high ? live : high;
            low = live < low ? live : low;
        }
        bool exact = t->n_processes <= 1;
        t->high[bin] = exact && t->high[bin] > high ? t->high[bin] : high;
        t->low[bin] = exact && t->low[bin] < low ? t->low[bin] : low;
    }
    if ((int64_t)t->peak_bytes > t->high[t->peak_bins - 1])
        t->high[t->peak_bins - 1] = (int64_t)t->peak_bytes;
}

int page_time_load(struct store *store, struct page_time *time) {
    struct walker w = {.time = time};
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_walk walk = {
        .context = &w, .take = take_event, .end_process = finish_process, .pairs = true};
    AUTO_FREE char *last =
        text_format("SELECT max(c.end_ns) FROM event_chunk c JOIN process p ON "
                    "p.id = c.process_id WHERE p.recording_id = %lld",
                    (long long)time->recording_id);
    filter.recording_id = time->recording_id;
    filter.ahead = filter.no_addresses = true;
    int64_t last_ns = store_int(store, last, 0);
    w.last_event_ns = last_ns < 0 ? 0 : (uint64_t)last_ns;
    if (time->peak_ns > w.last_event_ns)
        time->peak_ns = w.last_event_ns;
    time->end_ns = w.last_event_ns + 2; /* behind the peak, too */
    choose_bins(time);
    time->heads = text_alloc((time->n_rows + 1) * sizeof *time->heads);
    for (uint32_t i = 0; i < PAGE_TIME_BINS; i++) {
        time->high[i] = INT64_MIN;
        time->low[i] = INT64_MAX;
    }
    w.grid = text_alloc((size_t)PAGE_TIME_BINS * FINE * sizeof *w.grid);
    int r = read_ends(store, &w);
    if (r == 0)
        r = event_walk(store, &filter, &walk);
    if (r == 0)
        outline(&w);
    free(w.grid);
    free(w.window);
    free(w.row_of);
    idmap_deinit(&w.ends);
    return r;
}
