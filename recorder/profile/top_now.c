/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what runs: see top.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"
#include "heading.h"
#include "process_stat.h"
#include "top.h"

void top_now_deinit(struct top_now *now) {
    for (uint32_t i = 0; i < now->n_items; i++)
        free(now->items[i].name);
    free(now->items);
    free(now->command);
    free(now->state);
    free(now->session);
    free(now->replay_state);
    *now = (struct top_now){0};
}

/* --- does it still run? --- */

/* The dearth that records holds a lock on its arena. */
static bool is_recorded(const char *arena) {
    int fd = arena ? open(arena, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) < 0;
    close(fd);
    return held;
}

static bool is_replayed(int64_t pid, int64_t start) {
    struct process_stat stat;
    return pid > 0 && process_stat_read(pid, &stat) == 0 && (int64_t)stat.start == start;
}

/* --- the recording --- */

#define RUN_COLUMNS(X)                                                                   \
    X(RUN_ID, "id")                                                                      \
    X(RUN_STATE, "state")                                                                \
    X(RUN_SESSION, "session")                                                            \
    X(RUN_STARTED, "started_unix_ns")                                                    \
    X(RUN_DURATION, "duration_ns")                                                       \
    X(RUN_PEAK, "peak_bytes")
enum { RUN_COLUMNS(STORE_COLUMN_ENUM) };

static uint64_t since(int64_t started_unix_ns) {
    uint64_t now = clock_unix_ns();
    return now > (uint64_t)started_unix_ns ? now - (uint64_t)started_unix_ns : 0;
}

static int read_recording(struct store *store, struct top_now *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct heading heading = {0};
    int r = store_prepare(
        store,
        STORE_SELECT(
            RUN_COLUMNS) "FROM recording ORDER BY state = 'running' DESC, id DESC LIMIT 1",
        &s);
    if (r < 0)
        return r;
    if (sqlite3_step(s) != SQLITE_ROW)
        return 0;
    out->recording = sqlite3_column_int64(s, RUN_ID);
    out->state = text_dup(store_column_text(s, RUN_STATE));
    out->session = text_dup(store_column_text(s, RUN_SESSION));
    out->recording_runs = out->state && strcmp(out->state, "running") == 0;
    out->duration_ns = out->recording_runs
                           ? since(sqlite3_column_int64(s, RUN_STARTED))
                           : (uint64_t)sqlite3_column_int64(s, RUN_DURATION);
    out->peak_bytes = (uint64_t)sqlite3_column_int64(s, RUN_PEAK);
    if (out->recording_runs && !is_recorded(out->session)) {
        out->recording_runs = false;
        out->left = true;
    }
    r = heading_load(store, out->recording, &heading);
    out->command = text_dup(heading.command);
    out->sites = heading.sites;
    out->sample_bytes = heading.sample_bytes;
    out->threads = heading.threads;
    heading_deinit(&heading);
    return r;
}

#define SUM_COLUMNS(X)                                                                   \
    X(SUM_PROCESSES, "count(*)")                                                         \
    X(SUM_ALIVE, "sum(p.\"end\" = 'running')")                                           \
    X(SUM_EVENTS, "sum(events)")                                                         \
    X(SUM_ALLOCATIONS, "sum(allocations)")                                               \
    X(SUM_FREES, "sum(frees)")                                                           \
    X(SUM_FAILED, "sum(failed)")                                                         \
    X(SUM_BYTES, "sum(bytes)")                                                           \
    X(SUM_LIVE_BLOCKS, "sum(live_blocks)")                                               \
    X(SUM_LIVE_BYTES, "sum(live_bytes)")                                                 \
    X(SUM_LOST, "sum(events_lost)")
enum { SUM_COLUMNS(STORE_COLUMN_ENUM) };

static int read_sums(struct store *store, struct top_now *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store, STORE_SELECT(SUM_COLUMNS) "FROM process p WHERE p.recording_id = ?1", &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, out->recording);
    if (sqlite3_step(s) != SQLITE_ROW)
        return store_error(store, "reading processes");
    uint64_t *const numbers[] = {
        &out->processes, &out->alive, &out->events,      &out->allocations, &out->frees,
        &out->failed,    &out->bytes, &out->live_blocks, &out->live_bytes,  &out->lost};
    STORE_COLUMNS_MATCH(numbers, SUM_PROCESSES, SUM_LOST);
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        *numbers[i] = (uint64_t)sqlite3_column_int64(s, SUM_PROCESSES + i);
    return 0;
}

#define ITEM_COLUMNS(X)                                                                  \
    X(ITEM_ID, "t.site_id")                                                              \
    X(ITEM_STACK, "s.stack_id")                                                          \
    X(ITEM_OP, "s.op")                                                                   \
    X(ITEM_NAME, "l.name")                                                               \
    X(ITEM_COUNT, "sum(t.count)")                                                        \
    X(ITEM_BYTES, "sum(t.bytes)")                                                        \
    X(ITEM_LIVE, "sum(t.live_bytes)")
enum { ITEM_COLUMNS(STORE_COLUMN_ENUM) };
enum { ITEMS_RECORDING = 1, ITEMS_LIMIT };

static int read_items(struct store *store, enum top_sort sort, uint32_t limit,
                      struct top_now *out) {
    static const char *const orders[] = {[TOP_LIVE] = "sum(t.live_bytes)",
                                         [TOP_BYTES] = "sum(t.bytes)",
                                         [TOP_COUNT] = "sum(t.count)"};
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *sql = text_format(
        STORE_SELECT(
            ITEM_COLUMNS) "FROM site_stat t JOIN site s ON s.id = t.site_id LEFT "
                          "JOIN location l ON l.id = s.location_id WHERE "
                          "t.recording_id = ? GROUP BY t.site_id ORDER BY %s "
                          "DESC, t.site_id LIMIT ?",
        orders[sort]);
    int r = store_prepare(store, sql, &s), rc;
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, ITEMS_RECORDING, out->recording);
    sqlite3_bind_int64(s, ITEMS_LIMIT, limit ? (int64_t)limit : -1);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *op = store_column_text(s, ITEM_OP);
        out->items = text_grow(out->items, out->n_items, sizeof *out->items);
        struct top_site *item = &out->items[out->n_items++];
        *item =
            (struct top_site){.id = sqlite3_column_int64(s, ITEM_ID),
                              .stack_id = sqlite3_column_int64(s, ITEM_STACK),
                              .name = text_dup(store_column_text(s, ITEM_NAME)),
                              .count = (uint64_t)sqlite3_column_int64(s, ITEM_COUNT),
                              .bytes = (uint64_t)sqlite3_column_int64(s, ITEM_BYTES),
                              .live_bytes = (uint64_t)sqlite3_column_int64(s, ITEM_LIVE)};
        snprintf(item->op, sizeof item->op, "%s", op ? op : "?");
    }
    return rc == SQLITE_DONE ? 0 : store_error(store, "reading sites");
}

/* --- the replay --- */

#define REPLAY_COLUMNS(X)                                                                \
    X(REPLAY_ID, "id")                                                                   \
    X(REPLAY_STATE, "state")                                                             \
    X(REPLAY_STARTED, "started_unix_ns")                                                 \
    X(REPLAY_DURATION, "duration_ns")                                                    \
    X(REPLAY_PLANNED, "planned")                                                         \
    X(REPLAY_PID, "json_extract(options, '$.pid')")                                      \
    X(REPLAY_PID_START, "json_extract(options, '$.pid_start')")
enum { REPLAY_COLUMNS(STORE_COLUMN_ENUM) };

#define DONE_COLUMNS(X)                                                                  \
    X(DONE_EXECUTIONS, "count(*)")                                                       \
    X(DONE_FAULTS, "count(DISTINCT site_id || ' ' || occurrence || ' ' || mode)")
enum { DONE_COLUMNS(STORE_COLUMN_ENUM) };

#define FOUND_COLUMNS(X)                                                                 \
    X(FOUND_VERDICT, "a.verdict")                                                        \
    X(FOUND_LOCATIONS, "count(DISTINCT coalesce(s.location_id, -s.id))")
enum { FOUND_COLUMNS(STORE_COLUMN_ENUM) };

static int read_done(struct store *store, struct top_now *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store, STORE_SELECT(DONE_COLUMNS) "FROM attempt WHERE replay_id = ?1", &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, out->replay);
    if (sqlite3_step(s) != SQLITE_ROW)
        return store_error(store, "reading attempts");
    out->executions = (uint64_t)sqlite3_column_int64(s, DONE_EXECUTIONS);
    out->faults = (uint64_t)sqlite3_column_int64(s, DONE_FAULTS);
    return 0;
}

static int read_found(struct store *store, struct top_now *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
            store,
            STORE_SELECT(FOUND_COLUMNS) "FROM attempt a JOIN site s ON s.id = "
                                        "a.site_id WHERE a.replay_id = ?1 AND "
                                        "a.how <> 'snapshot' AND a.severity NOT IN "
                                        "('ok', 'none') GROUP BY a.verdict",
            &s),
        rc;
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, out->replay);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        enum verdict verdict = verdict_from_name(store_column_text(s, FOUND_VERDICT));
        out->found[verdict] += (uint64_t)sqlite3_column_int64(s, FOUND_LOCATIONS);
    }
    return rc == SQLITE_DONE ? 0 : store_error(store, "reading attempts");
}

static int read_replay(struct store *store, struct top_now *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store,
        STORE_SELECT(
            REPLAY_COLUMNS) "FROM replay WHERE recording_id = ?1 ORDER BY id DESC LIMIT 1",
        &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, out->recording);
    if (sqlite3_step(s) != SQLITE_ROW)
        return 0;
    out->replay = sqlite3_column_int64(s, REPLAY_ID);
    out->replay_state = text_dup(store_column_text(s, REPLAY_STATE));
    out->planned = (uint64_t)sqlite3_column_int64(s, REPLAY_PLANNED);
    bool running = out->replay_state && strcmp(out->replay_state, "running") == 0;
    out->replay_runs = running && is_replayed(sqlite3_column_int64(s, REPLAY_PID),
                                              sqlite3_column_int64(s, REPLAY_PID_START));
    out->left |= running && !out->replay_runs;
    out->replay_ns = running ? since(sqlite3_column_int64(s, REPLAY_STARTED))
                             : (uint64_t)sqlite3_column_int64(s, REPLAY_DURATION);
    r = read_done(store, out);
    return r < 0 ? r : read_found(store, out);
}

/* --- */

int top_now_read(struct store *store, enum top_sort sort, uint32_t limit,
                 struct top_now *out) {
    *out = (struct top_now){.read_ns = clock_mono_ns()};
    int r = store_exec(store, "BEGIN");
    if (r == 0)
        r = read_recording(store, out);
    if (r == 0 && out->recording) {
        r = read_sums(store, out);
        r = r < 0 ? r : read_items(store, sort, limit, out);
        r = r < 0 ? r : read_replay(store, out);
    }
    if (r < 0) {
        store_rollback(store);
        top_now_deinit(out);
        return r;
    }
    return store_exec(store, "COMMIT");
}
