/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing single calls of a recording: see calls.h. */
#include "calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_reader.h"
#include "frames.h"
#include "idmap.h"
#include "shm.h"
#include "sites.h"
#include "text.h"

/* Where a call stands in the recording. Times are rounded, numbers within a process not. */
struct position {
    uint64_t time_ns, number;
    int64_t process;
};

struct found {
    struct position at;
    uint32_t site;
};

struct selection {
    struct store *store;
    int64_t recording_id;
    const struct plan_options *options;
    struct sites *sites;
    struct idmap index; /* site row → index + 1 */
    struct idmap main; /* thread row → 1 when it is its process's main thread, else 2 */
    struct position start, end;
    uint64_t *before;   /* by site: calls before the region */
    struct idmap taken; /* process → calls of it in `found` */
    struct found *found;
    uint64_t n_found;
};

bool calls_wanted(const struct plan_options *o) {
    return o->from_symbol || o->until_symbol || o->thread != THREAD_ANY || o->call_first;
}

static int compare_positions(const struct position *a, const struct position *b) {
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->process != b->process)
        return a->process < b->process ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* --- can it be known? --- */

#define CALLS_COLUMNS(X)                                                                 \
    X(CALLS_KNOWN, "detail = 'events'")                                                  \
    X(CALLS_MIXED,                                                                       \
      "EXISTS (SELECT 1 FROM site_stat s WHERE s.recording_id = r.id AND s.failable > 0 AND (s.never > 0 OR (r.marked AND s.outside > 0)))")
enum { CALLS_COLUMNS(STORE_COLUMN_ENUM) };

static int check_recording(const struct selection *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        w->store, STORE_SELECT(CALLS_COLUMNS) "FROM recording r WHERE id = ?1", &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, w->recording_id);
    if (sqlite3_step(s) != SQLITE_ROW)
        return store_error(w->store, "reading the recording");
    if (!sqlite3_column_int(s, CALLS_KNOWN))
        return error_print(-ENODATA,
                           "%s: recording %lld holds no single calls; --nth, --thread, "
                           "--from-symbol and --until-symbol need them: record again "
                           "without --detail=sites",
                           w->store->path, (long long)w->recording_id);
    if (sqlite3_column_int(s, CALLS_MIXED))
        return error_print(
            -ENOTSUP,
            "%s: in recording %lld sites have calls that dearth.h lets fail and others; "
            "which is which is not recorded, so that --nth, --thread, --from-symbol and "
            "--until-symbol cannot count them",
            w->store->path, (long long)w->recording_id);
    return 0;
}

/* --- the calls --- */

#define THREAD_COLUMNS(X)                                                                \
    X(THREAD_ID, "t.id")                                                                 \
    X(THREAD_IS_MAIN, "t.tid = p.pid")
enum { THREAD_COLUMNS(STORE_COLUMN_ENUM) };

static int load_threads(struct selection *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step, r = store_prepare(
                  w->store,
                  STORE_SELECT(
                      THREAD_COLUMNS) "FROM thread t JOIN process p "
                                      "ON p.id = t.process_id WHERE p.recording_id = ?1",
                  &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, w->recording_id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        idmap_put(&w->main, sqlite3_column_int64(s, THREAD_ID),
                  sqlite3_column_int(s, THREAD_IS_MAIN) ? 1 : 2);
    return step == SQLITE_DONE ? 0 : store_error(w->store, "reading threads");
}

/* Is it a call that the library would count? @site: its index, out */
static bool counts(const struct selection *w, const struct allocation *a,
                   uint32_t *site) {
    int64_t index, main;
    if (a->event.kind == SHM_EV_REALLOC_END && !a->event.size)
        return false;
    if (!a->event.site || !idmap_get(&w->index, a->event.site, &index))
        return false;
    *site = (uint32_t)index - 1;
    if (!w->sites->list[*site].failable)
        return false;
    if (w->options->thread == THREAD_ANY)
        return true;
    return idmap_get(&w->main, a->thread_id, &main) &&
           (main == 1) == (w->options->thread == THREAD_MAIN);
}

typedef void each_call(struct selection *w, const struct allocation *a, void *argument);

static int each(struct selection *w, each_call *call, void *argument) {
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_reader *reader = NULL;
    struct allocation a;
    char *message = NULL;
    filter.recording_id = w->recording_id;
    filter.allocations_only = true;
    int r = event_reader_new(w->store->db, &filter, &reader, &message);
    if (r < 0) {
        r = error_print(r, "%s: %s", w->store->path, message ? message : "events");
        free(message);
        return r;
    }
    while ((r = event_reader_next(reader, &a)) > 0)
        call(w, &a, argument);
    if (r < 0)
        error_print(r, "%s: %s", w->store->path, event_reader_message(reader));
    event_reader_free(reader);
    return r;
}

static struct position position_of(const struct allocation *a) {
    return (struct position){a->event.time_ns, a->number, a->process_id};
}

/* --- the region --- */

/* By site: is @glob's function on its stack? */
static bool *sites_below(const struct sites *sites, const char *glob) {
    const struct plan_input *in = &sites->input;
    bool *frames = text_alloc(in->n_frames + 1), *stacks = text_alloc(in->n_stacks + 1);
    bool *below = text_alloc(in->n_sites + 1);
    for (uint32_t i = 0; i < in->n_frames; i++)
        for (uint32_t k = 0; k < in->frames[i].n_symbols; k++)
            frames[i] |= frame_function_matches(
                &(struct frame){.function = in->frames[i].functions[k]}, glob);
    for (uint32_t i = 0; i < in->n_stacks; i++) {
        const struct plan_stack *s = &in->stacks[i];
        stacks[i] = frames[s->frame] || (s->parent && stacks[s->parent - 1]);
    }
    for (uint32_t i = 0; i < in->n_sites; i++)
        below[i] = in->sites[i].stack && stacks[in->sites[i].stack - 1];
    free(frames);
    free(stacks);
    return below;
}

struct search {
    const bool *below;
    bool found;
    struct position at;
};

static void search_first(struct selection *w, const struct allocation *a,
                         void *argument) {
    struct search *search = argument;
    struct position at = position_of(a);
    int64_t index;
    if (!a->event.site || !idmap_get(&w->index, a->event.site, &index) ||
        !search->below[index - 1] || compare_positions(&at, &w->start) < 0)
        return;
    if (!search->found || compare_positions(&at, &search->at) < 0)
        search->at = at;
    search->found = true;
}

/* The first call below @glob's function that is not before the region's start. */
static int find_first(struct selection *w, const char *option, const char *glob,
                      struct position *out) {
    bool *below = sites_below(w->sites, glob);
    struct search search = {.below = below};
    int r = each(w, search_first, &search);
    free(below);
    if (r == 0 && !search.found)
        return error_print(-ENOENT,
                           "--%s %s: no recorded call was made below such a function%s",
                           option, glob,
                           out == &w->end && w->options->from_symbol
                               ? " after the one of --from-symbol"
                               : "; is it inlined without debug information, or not "
                                 "exported?");
    *out = search.at;
    return r;
}

static int find_region(struct selection *w) {
    const struct plan_options *o = w->options;
    int r = 0;
    w->end = (struct position){UINT64_MAX, UINT64_MAX, INT64_MAX};
    if (o->from_symbol)
        r = find_first(w, "from-symbol", o->from_symbol, &w->start);
    if (r == 0 && o->until_symbol)
        r = find_first(w, "until-symbol", o->until_symbol, &w->end);
    return r;
}

/* --- counting --- */

/* One of the N first overall is one of the N first of its process. */
static void remember(struct selection *w, struct position at, uint32_t site) {
    int64_t n = 0;
    idmap_get(&w->taken, at.process, &n);
    if ((uint64_t)n >= w->options->call_last)
        return;
    idmap_put(&w->taken, at.process, n + 1);
    w->found = text_grow(w->found, w->n_found, sizeof *w->found);
    w->found[w->n_found++] = (struct found){at, site};
}

static void count_call(struct selection *w, const struct allocation *a, void *argument) {
    struct position at = position_of(a);
    uint32_t site;
    (void)argument;
    if (!counts(w, a, &site) || compare_positions(&at, &w->end) >= 0)
        return;
    struct plan_window *window = &w->sites->windows[site];
    if (compare_positions(&at, &w->start) < 0) {
        w->before[site]++;
        return;
    }
    window->last++;
    if (w->options->call_first)
        remember(w, at, site);
}

static void set_windows(struct selection *w) {
    for (uint32_t i = 0; i < w->sites->input.n_sites; i++) {
        struct plan_window *window = &w->sites->windows[i];
        window->first = w->before[i] + 1;
        window->last += w->before[i];
    }
}

static int compare_found(const void *x, const void *y) {
    return compare_positions(&((const struct found *)x)->at,
                             &((const struct found *)y)->at);
}

static int compare_picks(const void *x, const void *y) {
    const struct plan_pick *a = x, *b = y;
    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    return (a->call > b->call) - (a->call < b->call);
}

static int pick(struct selection *w) {
    const struct plan_options *o = w->options;
    struct sites *sites = w->sites;
    if (w->n_found < o->call_first)
        return error_print(-ERANGE, "--nth %llu: only %llu such calls were recorded",
                           (unsigned long long)o->call_first,
                           (unsigned long long)w->n_found);
    qsort(w->found, w->n_found, sizeof *w->found, compare_found);
    uint64_t last = o->call_last < w->n_found ? o->call_last : w->n_found;
    sites->picks = text_alloc((last - o->call_first + 2) * sizeof *sites->picks);
    uint32_t n = 0;
    for (uint64_t call = 1; call <= last; call++) {
        uint32_t site = w->found[call - 1].site;
        uint64_t occurrence = ++w->before[site];
        if (call >= o->call_first)
            sites->picks[n++] = (struct plan_pick){site, occurrence, call};
    }
    qsort(sites->picks, n, sizeof *sites->picks, compare_picks);
    sites->input.n_picks = n;
    return 0;
}

int calls_choose(struct store *store, int64_t recording_id,
                 const struct plan_options *options, struct sites *sites) {
    struct selection w = {
        .store = store, .recording_id = recording_id, .options = options, .sites = sites};
    int r = check_recording(&w);
    for (uint32_t i = 0; i < sites->input.n_sites; i++)
        idmap_put(&w.index, sites->list[i].id, (int64_t)i + 1);
    sites->windows = text_alloc((sites->input.n_sites + 1) * sizeof *sites->windows);
    w.before = text_alloc((sites->input.n_sites + 1) * sizeof *w.before);
    if (r == 0)
        r = load_threads(&w);
    if (r == 0)
        r = find_region(&w);
    if (r == 0)
        r = each(&w, count_call, NULL);
    if (r == 0) {
        set_windows(&w);
        if (options->call_first)
            r = pick(&w);
    }
    sites->input.windows = sites->windows;
    sites->input.picks = sites->picks;
    idmap_deinit(&w.index);
    idmap_deinit(&w.main);
    idmap_deinit(&w.taken);
    free(w.before);
    free(w.found);
    return r;
}
