/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by recording: see page_memory.h.
 *
 *   site_stat ─► rows (process, site) ─► columns      page_suite ─► the test of a row
 *   events ─ page_time ─► cells ───────► columns      process ─► objects
 */
#include "page_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "page_suite.h"
#include "page_time.h"
#include "store.h"
#include "text.h"

/* What a row has, in the order of its columns: NAME, where it is read from in site_stat x and thread t. */
#define ROW_COLUMNS(X)                                                                   \
    X(ROW_PROCESS, "x.process_id")                                                       \
    X(ROW_SITE, "x.site_id")                                                             \
    X(ROW_COUNT, "x.count")                                                              \
    X(ROW_BYTES, "x.bytes")                                                              \
    X(ROW_PEAK, "x.peak_bytes")                                                          \
    X(ROW_LARGEST, "x.max_size")                                                         \
    X(ROW_FREES, "x.frees")                                                              \
    X(ROW_LIVE_BLOCKS, "x.live_blocks")                                                  \
    X(ROW_LIVE, "x.live_bytes")                                                          \
    X(ROW_TEMPORARY, "x.temporary")                                                      \
    X(ROW_CROSS_THREAD, "x.cross_thread_frees")                                          \
    X(ROW_LIFETIME_US, "x.lifetime_ns / 1000")                                           \
    X(ROW_LAST_US, "x.last_ns / 1000")                                                   \
    X(ROW_THREAD, "coalesce(t.serial, 0)")
enum { ROW_COLUMNS(STORE_COLUMN_ENUM) ROW_TEST, N_ROW_COLUMNS }; /* test: index + 1 */

static const char *const row_names[N_ROW_COLUMNS] = {
    [ROW_PROCESS] = "process",
    [ROW_SITE] = "site",
    [ROW_COUNT] = "count",
    [ROW_BYTES] = "bytes",
    [ROW_PEAK] = "peak",
    [ROW_LARGEST] = "largest",
    [ROW_FREES] = "frees",
    [ROW_LIVE_BLOCKS] = "live_blocks",
    [ROW_LIVE] = "live",
    [ROW_TEMPORARY] = "temporary",
    [ROW_CROSS_THREAD] = "cross_thread",
    [ROW_LIFETIME_US] = "lifetime_us",
    [ROW_LAST_US] = "last_us",
    [ROW_THREAD] = "thread",
    [ROW_TEST] = "test",
};

struct memory {
    const struct report_data *data;
    const struct idmap *sites;
    struct page_columns *columns;
    struct json *json;
    size_t index; /* of the recording */
    int64_t recording_id;
    struct idmap processes; /* row of `process` → place in the list + 1 */
    struct idmap tests;     /* page_suite_rows() */
    struct page_time time;
    int64_t (*rows)[N_ROW_COLUMNS]; /* time.n_rows; process and site are places + 1 */
    uint32_t *row_of;               /* by place of a site: its newest row + 1 */
    bool events;
};

static size_t new_column(struct memory *m, const char *name, enum page_column_kind kind) {
    AUTO_FREE char *whole = text_format("%zu.%s", m->index, name);
    return page_columns_new(m->columns, whole, kind);
}

/* What counts, of a file that may hold anything. */
static uint64_t natural(sqlite3_stmt *s, int column) {
    int64_t n = sqlite3_column_int64(s, column);
    return n < 0 ? 0 : (uint64_t)n;
}

static int prepare(struct memory *m, const char *sql, sqlite3_stmt **out) {
    int r = store_prepare(m->data->store, sql, out);
    if (r == 0)
        sqlite3_bind_int64(*out, 1, m->recording_id);
    return r;
}

/* --- processes --- */

#define PROCESS_COLUMNS(X)                                                               \
    X(PROCESS_ID, "id")                                                                  \
    X(PROCESS_PARENT, "parent_id")                                                       \
    X(PROCESS_PID, "pid")                                                                \
    X(PROCESS_ORIGIN, "origin")                                                          \
    X(PROCESS_EXE, "exe")                                                                \
    X(PROCESS_ARGV, "argv")                                                              \
    X(PROCESS_STARTED, "started_ns")                                                     \
    X(PROCESS_ENDED, "ended_ns")                                                         \
    X(PROCESS_END, "\"end\"")                                                            \
    X(PROCESS_CODE, "exit_code")                                                         \
    X(PROCESS_SIGNAL, "exit_signal")
enum { PROCESS_COLUMNS(STORE_COLUMN_ENUM) };

static void add_number(struct json *j, const char *name, sqlite3_stmt *s, int column) {
    if (sqlite3_column_type(s, column) == SQLITE_NULL)
        json_null(j, name);
    else
        json_int(j, name, sqlite3_column_int64(s, column));
}

static void add_process(struct memory *m, sqlite3_stmt *s) {
    struct json *j = m->json;
    int64_t parent = 0;
    idmap_get(&m->processes, sqlite3_column_int64(s, PROCESS_PARENT), &parent);
    idmap_put(&m->processes, sqlite3_column_int64(s, PROCESS_ID),
              (int64_t)m->processes.n + 1);
    json_open(j, NULL, '{');
    json_int(j, "parent", parent - 1);
    json_int(j, "pid", sqlite3_column_int64(s, PROCESS_PID));
    json_text(j, "origin", store_column_text(s, PROCESS_ORIGIN));
    json_text(j, "exe", store_column_text(s, PROCESS_EXE));
    json_text(j, "argv", store_column_text(s, PROCESS_ARGV));
    add_number(j, "started_ns", s, PROCESS_STARTED);
    add_number(j, "ended_ns", s, PROCESS_ENDED);
    json_text(j, "end", store_column_text(s, PROCESS_END));
    add_number(j, "exit_code", s, PROCESS_CODE);
    add_number(j, "exit_signal", s, PROCESS_SIGNAL);
    int64_t test = 0;
    idmap_get(&m->tests, page_suite_row(sqlite3_column_int64(s, PROCESS_ID), 0), &test);
    if (test)
        json_int(j, "test", test - 1);
    json_close(j, '}');
}

static int add_processes(struct memory *m) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE,
        r = prepare(
            m,
            STORE_SELECT(
                PROCESS_COLUMNS) "FROM process WHERE recording_id = ?1 AND id > 0 ORDER BY "
                                 "ordinal",
            &s);
    json_open(m->json, "processes", '[');
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        add_process(m, s);
    json_close(m->json, ']');
    if (r < 0)
        return r;
    m->time.n_processes = m->processes.n;
    return step == SQLITE_DONE ? 0 : store_error(m->data->store, "reading processes");
}

/* --- rows and cells --- */

/* What is not added up where sites share a row. */
static bool is_most(int column) {
    return column == ROW_PEAK || column == ROW_LARGEST || column == ROW_LAST_US;
}

/* The row of a site in a process: a new one, or that of a site that it is folded with. */
static uint32_t row_of(struct memory *m, int64_t process, int64_t site) {
    struct page_time *t = &m->time;
    uint32_t *at = &m->row_of[site - 1];
    if (*at && m->rows[*at - 1][ROW_PROCESS] == process)
        return *at - 1;
    m->rows = text_grow(m->rows, t->n_rows, sizeof *m->rows);
    memset(m->rows[t->n_rows], 0, sizeof *m->rows);
    m->rows[t->n_rows][ROW_PROCESS] = process;
    m->rows[t->n_rows][ROW_SITE] = site;
    *at = ++t->n_rows;
    return *at - 1;
}

static void add_row(struct memory *m, sqlite3_stmt *s) {
    struct page_time *t = &m->time;
    int64_t site, process = 0, id = sqlite3_column_int64(s, ROW_SITE);
    int64_t process_id = sqlite3_column_int64(s, ROW_PROCESS);
    if (!idmap_get(m->sites, id, &site) ||
        !idmap_get(&m->processes, process_id, &process))
        return;
    uint32_t at = row_of(m, process, site);
    int64_t *row = m->rows[at];
    t->sites = text_grow(t->sites, t->n_sites, sizeof *t->sites);
    t->sites[t->n_sites++] = (struct page_time_site){process_id, id, at};
    int64_t test = 0; /* where sites of one row are of several tests: none */
    idmap_get(&m->tests, page_suite_row(process_id, id), &test);
    row[ROW_TEST] = !row[ROW_COUNT] || row[ROW_TEST] == test ? test : 0;
    for (int i = ROW_COUNT; i <= ROW_THREAD; i++) {
        uint64_t n = natural(s, i), sum = (uint64_t)row[i] + n;
        if (i == ROW_THREAD)
            row[i] = row[i] ? row[i] : (int64_t)n;
        else if (is_most(i))
            row[i] = (int64_t)n > row[i] ? (int64_t)n : row[i];
        else
            row[i] = sum < INT64_MAX ? (int64_t)sum : INT64_MAX;
    }
}

/* Process and site are written less the ones before: they count from 1, so that the first is less 0. */
static void add_columns(struct memory *m) {
    size_t first = m->columns->n;
    int n = m->data->suite ? N_ROW_COLUMNS : ROW_TEST;
    for (int i = 0; i < n; i++)
        new_column(m, row_names[i],
                   i < ROW_COUNT ? PAGE_COLUMN_SIGNED : PAGE_COLUMN_NATURAL);
    for (uint32_t k = 0; k < m->time.n_rows; k++)
        for (int i = 0; i < n; i++) {
            int64_t less = i < ROW_COUNT && k ? m->rows[k - 1][i] : 0;
            page_columns_put(m->columns, first + (size_t)i, m->rows[k][i] - less);
        }
}

static int add_rows(struct memory *m) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE,
        r = prepare(
            m,
            STORE_SELECT(ROW_COLUMNS) "FROM site_stat x LEFT JOIN thread t ON t.id = "
                                      "x.first_thread_id WHERE x.recording_id = ?1 ORDER "
                                      "BY x.process_id, x.site_id",
            &s);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        add_row(m, s);
    if (r < 0)
        return r;
    add_columns(m);
    return step == SQLITE_DONE ? 0 : store_error(m->data->store, "reading site_stat");
}

/* A row's cells by time; they hang on it the newest first. */
static void add_cells(struct memory *m) {
    const struct page_time *t = &m->time;
    size_t n = new_column(m, "cells", PAGE_COLUMN_NATURAL);
    size_t bin = new_column(m, "cell_bin", PAGE_COLUMN_NATURAL);
    size_t live = new_column(m, "cell_live", PAGE_COLUMN_SIGNED);
    size_t bytes = new_column(m, "cell_bytes", PAGE_COLUMN_NATURAL);
    size_t count = new_column(m, "cell_count", PAGE_COLUMN_NATURAL);
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct page_time_cell *list[PAGE_TIME_BINS];
        uint32_t n_list = 0;
        for (uint32_t at = t->heads[i]; at; at = t->cells[at - 1].next)
            list[n_list++] = &t->cells[at - 1];
        page_columns_put(m->columns, n, n_list);
        for (uint32_t k = n_list, last = 0; k-- > 0; last = list[k]->bin) {
            page_columns_put(m->columns, bin, list[k]->bin - last);
            page_columns_put(m->columns, live, list[k]->live);
            page_columns_put(m->columns, bytes, (int64_t)list[k]->bytes);
            page_columns_put(m->columns, count, (int64_t)list[k]->count);
        }
    }
}

static void add_outline(struct memory *m) {
    size_t high = new_column(m, "high", PAGE_COLUMN_SIGNED);
    size_t low = new_column(m, "low", PAGE_COLUMN_SIGNED);
    for (uint32_t i = 0; i < PAGE_TIME_BINS; i++) {
        page_columns_put(m->columns, high, m->time.high[i]);
        page_columns_put(m->columns, low, m->time.low[i]);
    }
    json_int(m->json, "end_ns", (int64_t)m->time.end_ns);
    json_int(m->json, "bins", PAGE_TIME_BINS);
    json_int(m->json, "peak_bins", m->time.peak_bins);
}

/* --- a recording --- */

#define RECORDING_COLUMNS(X)                                                             \
    X(RECORDING_DETAIL, "detail")                                                        \
    X(RECORDING_PEAK_NS, "peak_ns")                                                      \
    X(RECORDING_PEAK_BYTES, "peak_bytes")
enum { RECORDING_COLUMNS(STORE_COLUMN_ENUM) };

static int add_heading(struct memory *m) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *frees_past = NULL;
    int r = kept_unknown(m->data->store, m->recording_id, &frees_past);
    if (r == 0)
        r = prepare(m, STORE_SELECT(RECORDING_COLUMNS) "FROM recording WHERE id = ?1",
                    &s);
    if (r < 0)
        return r;
    if (sqlite3_step(s) != SQLITE_ROW)
        return store_error(m->data->store, "reading a recording");
    const char *detail = store_column_text(s, RECORDING_DETAIL);
    m->events = detail && strcmp(detail, "events") == 0;
    m->time.peak_ns = natural(s, RECORDING_PEAK_NS);
    m->time.peak_bytes = natural(s, RECORDING_PEAK_BYTES);
    json_int(m->json, "recording", m->recording_id);
    /* whose free() is another's: what was never freed is not known then */
    json_text(m->json, "frees_past", frees_past);
    return 0;
}

static int add_recording(struct memory *m) {
    json_open(m->json, NULL, '{');
    m->time.recording_id = m->recording_id;
    int r = add_heading(m);
    if (r == 0)
        r = add_processes(m);
    if (r == 0)
        r = add_rows(m);
    if (r == 0 && m->events)
        r = page_time_load(m->data->store, &m->time);
    /* said; all that does not come from them is still worth a page */
    bool damaged = r == -EBADMSG;
    if (damaged) {
        m->events = false;
        r = 0;
    }
    json_bool(m->json, "damaged", damaged);
    json_bool(m->json, "timed", m->events);
    if (r == 0 && m->events) {
        add_cells(m);
        add_outline(m);
    }
    json_int(m->json, "peak_ns", (int64_t)m->time.peak_ns);
    json_close(m->json, '}');
    return r;
}

int page_memory_add(const struct report_data *data, const struct idmap *sites,
                    size_t n_sites, struct page_columns *columns, struct json *json) {
    int r = 0;
    json_open(json, "memory", '[');
    for (size_t i = 0; r == 0 && i < data->n_recordings; i++) {
        struct memory m = {data,
                           sites,
                           columns,
                           json,
                           .index = i,
                           .recording_id = data->recordings[i].id,
                           .row_of = text_alloc((n_sites + 1) * sizeof(uint32_t))};
        if (data->suite)
            page_suite_rows(data, &m.tests);
        r = add_recording(&m);
        idmap_deinit(&m.processes);
        idmap_deinit(&m.tests);
        page_time_deinit(&m.time);
        free(m.time.sites);
        free(m.rows);
        free(m.row_of);
    }
    json_close(json, ']');
    return r;
}
