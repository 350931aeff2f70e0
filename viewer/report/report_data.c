/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a report's values: see report_data.h. Every table is read once, in the order of
 * its rows, and joined in memory by binary search: linear in the database, whatever the
 * number of sites. Strings are interned in the report, so equal paths are kept once.
 */
#include "report_data.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "report_private.h"
#include "store.h"

/* --- strings --- */

static uint64_t hash_text(const char *s, size_t n) {
    uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3ull;
    return h;
}

static void strings_grow(struct report_strings *t) {
    size_t capacity = t->capacity ? t->capacity * 2 : 256;
    char **slots = text_alloc(capacity * sizeof *slots);
    for (size_t i = 0; i < t->capacity; i++) {
        if (!t->slots[i])
            continue;
        size_t at = hash_text(t->slots[i], strlen(t->slots[i])) & (capacity - 1);
        while (slots[at])
            at = (at + 1) & (capacity - 1);
        slots[at] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
}

const char *report_keep(struct report_data *data, const char *s) {
    struct report_strings *t = &data->private->strings;
    if (!s)
        return NULL;
    if (t->n * 2 >= t->capacity)
        strings_grow(t);
    size_t at = hash_text(s, strlen(s)) & (t->capacity - 1);
    for (; t->slots[at]; at = (at + 1) & (t->capacity - 1))
        if (strcmp(t->slots[at], s) == 0)
            return t->slots[at];
    t->n++;
    return t->slots[at] = text_dup(s);
}

static const char *keep_column(struct report_data *data, sqlite3_stmt *s, int column) {
    return report_keep(data, store_column_text(s, column));
}

/* Of a column that is NOT NULL, which a damaged file need not keep to. */
static const char *keep_text(struct report_data *data, sqlite3_stmt *s, int column) {
    const char *text = store_column_text(s, column);
    return report_keep(data, text ? text : "");
}

static int64_t int_or(sqlite3_stmt *s, int column, int64_t fallback) {
    return sqlite3_column_type(s, column) == SQLITE_NULL
               ? fallback
               : sqlite3_column_int64(s, column);
}

static uint64_t natural(sqlite3_stmt *s, int column) {
    int64_t v = sqlite3_column_int64(s, column);
    return v < 0 ? 0 : (uint64_t)v;
}

/* Room for one more item of @size in @items (a pointer to the array). Return: the new
 * item, zeroed. */
static void *append(void *items, size_t *n, size_t size) {
    void **array = items;
    if ((*n & (*n - 1)) == 0) /* 0, 1, 2, 4, ...: full */
        *array = text_realloc(*array, (*n ? *n * 2 : 1) * size);
    void *item = (char *)*array + (*n)++ * size;
    return memset(item, 0, size);
}

/* --- which recordings --- */

/* Same program, same build: see report_data.h. The newest, or the one that is asked for. */
static const char same_build[] =
    "CREATE TEMP TABLE chosen_recording AS SELECT r.id FROM recording r, recording "
    "newest WHERE newest.id = %lld AND r.exe = newest.exe AND (%d OR r.id = newest.id) "
    "AND NOT EXISTS (  SELECT 1 FROM process p JOIN process_module pm ON pm.process_id = "
    "p.id  JOIN module m ON m.id = pm.module_id  JOIN (SELECT DISTINCT m2.path, "
    "m2.build_id FROM process p2 JOIN process_module pm2        ON pm2.process_id = "
    "p2.id JOIN module m2 ON m2.id = pm2.module_id        WHERE p2.recording_id = %lld) "
    "fresh ON fresh.path = m.path  WHERE p.recording_id = r.id AND r.id <> newest.id AND "
    "m.path NOT LIKE '[%%'  AND fresh.build_id <> m.build_id);CREATE TEMP TABLE "
    "chosen_replay AS SELECT id FROM replay WHERE recording_id IN (SELECT id FROM "
    "chosen_recording);CREATE UNIQUE INDEX temp.chosen_recording_id ON "
    "chosen_recording(id);CREATE UNIQUE INDEX temp.chosen_replay_id ON "
    "chosen_replay(id);";

static void drop_chosen(struct store *store) {
    sqlite3_exec(store->db,
                 "DROP TABLE IF EXISTS temp.chosen_recording;"
                 "DROP TABLE IF EXISTS temp.chosen_replay;",
                 NULL, NULL, NULL);
}

static int choose(struct report_data *data, int64_t wanted, bool alike) {
    int64_t id = store_recording(data->store, wanted);
    if (id < 0)
        return (int)id;
    drop_chosen(data->store);
    AUTO_FREE char *sql = text_format(same_build, (long long)id, alike, (long long)id);
    return store_exec(data->store, sql);
}

/* The end of a loop over rows. @r: what preparing gave; @step: the last sqlite3_step(). */
static int end_reading(struct report_data *data, int r, int step, const char *doing) {
    if (r)
        return r;
    return step == SQLITE_DONE ? 0 : store_error(data->store, doing);
}

#define RECORDING_COLUMNS(X)                                                             \
    X(RECORDING_ID, "id")                                                                \
    X(RECORDING_STATE, "state")                                                          \
    X(RECORDING_STARTED_UNIX_NS, "started_unix_ns")                                      \
    X(RECORDING_DURATION_NS, "duration_ns")                                              \
    X(RECORDING_EXE, "exe")                                                              \
    X(RECORDING_ARGV, "argv")                                                            \
    X(RECORDING_CWD, "cwd")                                                              \
    X(RECORDING_EXIT_CODE, "exit_code")                                                  \
    X(RECORDING_EXIT_SIGNAL, "exit_signal")                                              \
    X(RECORDING_EXACT, "exact")                                                          \
    X(RECORDING_EVENTS, "events")                                                        \
    X(RECORDING_ALLOCATIONS, "allocations")                                              \
    X(RECORDING_FREES, "frees")                                                          \
    X(RECORDING_FAILED, "failed")                                                        \
    X(RECORDING_BYTES, "bytes")                                                          \
    X(RECORDING_PEAK_BYTES, "peak_bytes")                                                \
    X(RECORDING_LIVE_BLOCKS, "live_blocks")                                              \
    X(RECORDING_LIVE_BYTES, "live_bytes")                                                \
    X(RECORDING_EVENTS_LOST, "events_lost")                                              \
    X(RECORDING_STACKS_LOST, "stacks_lost")                                              \
    X(RECORDING_STACKS_TRUNCATED, "stacks_truncated")                                    \
    X(RECORDING_STACKS_INCOMPLETE, "stacks_incomplete")                                  \
    X(RECORDING_UNWIND_FALLBACKS, "unwind_fallbacks")                                    \
    X(RECORDING_WAITED_NS, "waited_ns")                                                  \
    X(RECORDING_OWN_BYTES, "own_bytes")                                                  \
    X(RECORDING_PROCESSES_LOST, "processes_lost")                                        \
    X(RECORDING_RINGS_DAMAGED, "rings_damaged")                                          \
    X(RECORDING_SITES, "(SELECT count(DISTINCT site_id) FROM site_stat x WHERE "         \
                       "x.recording_id = r.id)")                                         \
    X(RECORDING_PROCESSES,                                                               \
      "(SELECT count(*) FROM process p WHERE p.recording_id = r.id)")                    \
    X(RECORDING_THREADS, "(SELECT count(*) FROM process p JOIN thread t ON "             \
                         "t.process_id = p.id WHERE p.recording_id = r.id)")
enum { RECORDING_COLUMNS(STORE_COLUMN_ENUM) };

static int load_recordings(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            RECORDING_COLUMNS) "FROM recording r WHERE id IN chosen_recording ORDER BY id",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_recording *x =
            append(&data->recordings, &data->n_recordings, sizeof *x);
        x->id = sqlite3_column_int64(s, RECORDING_ID);
        x->state = keep_text(data, s, RECORDING_STATE);
        x->started_unix_ns = sqlite3_column_int64(s, RECORDING_STARTED_UNIX_NS);
        x->duration_ns = int_or(s, RECORDING_DURATION_NS, -1);
        x->exe = keep_text(data, s, RECORDING_EXE);
        x->argv = keep_column(data, s, RECORDING_ARGV);
        x->cwd = keep_text(data, s, RECORDING_CWD);
        x->has_code = sqlite3_column_type(s, RECORDING_EXIT_CODE) != SQLITE_NULL;
        x->exit_code = sqlite3_column_int64(s, RECORDING_EXIT_CODE);
        x->exit_signal = sqlite3_column_int(s, RECORDING_EXIT_SIGNAL);
        x->exact = sqlite3_column_int(s, RECORDING_EXACT) == 1;
        x->events = int_or(s, RECORDING_EVENTS, -1);
        x->allocations = int_or(s, RECORDING_ALLOCATIONS, -1);
        x->frees = int_or(s, RECORDING_FREES, -1);
        x->failed = int_or(s, RECORDING_FAILED, -1);
        x->bytes = int_or(s, RECORDING_BYTES, -1);
        x->peak_bytes = int_or(s, RECORDING_PEAK_BYTES, -1);
        x->live_blocks = int_or(s, RECORDING_LIVE_BLOCKS, -1);
        x->live_bytes = int_or(s, RECORDING_LIVE_BYTES, -1);
        x->events_lost = int_or(s, RECORDING_EVENTS_LOST, -1);
        x->stacks_lost = int_or(s, RECORDING_STACKS_LOST, -1);
        x->stacks_truncated = int_or(s, RECORDING_STACKS_TRUNCATED, -1);
        x->stacks_incomplete = int_or(s, RECORDING_STACKS_INCOMPLETE, -1);
        x->unwind_fallbacks = int_or(s, RECORDING_UNWIND_FALLBACKS, -1);
        x->waited_ns = int_or(s, RECORDING_WAITED_NS, -1);
        x->own_bytes = int_or(s, RECORDING_OWN_BYTES, -1);
        x->processes_lost = int_or(s, RECORDING_PROCESSES_LOST, -1);
        x->rings_damaged = int_or(s, RECORDING_RINGS_DAMAGED, -1);
        x->sites = int_or(s, RECORDING_SITES, -1);
        x->processes = int_or(s, RECORDING_PROCESSES, -1);
        x->threads = int_or(s, RECORDING_THREADS, -1);
    }
    return end_reading(data, r, step, "reading recordings");
}

#define REPLAY_COLUMNS(X)                                                                \
    X(REPLAY_ID, "id")                                                                   \
    X(REPLAY_RECORDING_ID, "recording_id")                                               \
    X(REPLAY_STATE, "state")                                                             \
    X(REPLAY_STARTED_UNIX_NS, "started_unix_ns")                                         \
    X(REPLAY_DURATION_NS, "duration_ns")                                                 \
    X(REPLAY_OPTIONS, "options")                                                         \
    X(REPLAY_ISOLATION, "isolation")                                                     \
    X(REPLAY_TRACED, "traced")                                                           \
    X(REPLAY_JOBS, "jobs")                                                               \
    X(REPLAY_TIME_LIMIT_NS, "time_limit_ns")                                             \
    X(REPLAY_DETERMINISTIC_OUTPUT, "deterministic_output")                               \
    X(REPLAY_DETERMINISTIC_SITES, "deterministic_sites")                                 \
    X(REPLAY_PLANNED, "planned")                                                         \
    X(REPLAY_DONE, "done")                                                               \
    X(REPLAY_ATTEMPTS, "(SELECT count(*) FROM attempt a WHERE a.replay_id = r.id AND "   \
                       "NOT a.inferred)")
enum { REPLAY_COLUMNS(STORE_COLUMN_ENUM) };

static int load_replays(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            REPLAY_COLUMNS) "FROM replay r WHERE id IN chosen_replay ORDER BY id",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_replay *x = append(&data->replays, &data->n_replays, sizeof *x);
        x->id = sqlite3_column_int64(s, REPLAY_ID);
        x->recording = sqlite3_column_int64(s, REPLAY_RECORDING_ID);
        x->state = keep_text(data, s, REPLAY_STATE);
        x->started_unix_ns = sqlite3_column_int64(s, REPLAY_STARTED_UNIX_NS);
        x->duration_ns = int_or(s, REPLAY_DURATION_NS, -1);
        x->options = keep_text(data, s, REPLAY_OPTIONS);
        x->isolation = keep_text(data, s, REPLAY_ISOLATION);
        x->traced = sqlite3_column_int(s, REPLAY_TRACED) != 0;
        x->jobs = sqlite3_column_int64(s, REPLAY_JOBS);
        x->time_limit_ns = int_or(s, REPLAY_TIME_LIMIT_NS, -1);
        x->deterministic_output = (int)int_or(s, REPLAY_DETERMINISTIC_OUTPUT, -1);
        x->deterministic_sites = (int)int_or(s, REPLAY_DETERMINISTIC_SITES, -1);
        x->planned = int_or(s, REPLAY_PLANNED, -1);
        x->done = int_or(s, REPLAY_DONE, -1);
        x->attempts = sqlite3_column_int64(s, REPLAY_ATTEMPTS);
        data->n_attempts += (uint64_t)x->attempts;
    }
    return end_reading(data, r, step, "reading replays");
}

/* --- sites --- */

#define LOCATION_COLUMNS(X)                                                              \
    X(LOCATION_ID, "l.id")                                                               \
    X(LOCATION_MODULE, "m.path")                                                         \
    X(LOCATION_OFFSET, "l.offset")                                                       \
    X(LOCATION_FUNCTION, "l.function")                                                   \
    X(LOCATION_FILE, "l.file")                                                           \
    X(LOCATION_LINE, "l.line")                                                           \
    X(LOCATION_NAME, "l.name")
enum { LOCATION_COLUMNS(STORE_COLUMN_ENUM) };

static int load_locations(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            LOCATION_COLUMNS) "FROM location l JOIN module m ON m.id = l.module_id ORDER BY l.id",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_location *x =
            append(&data->locations, &data->n_locations, sizeof *x);
        x->id = sqlite3_column_int64(s, LOCATION_ID);
        x->module = keep_text(data, s, LOCATION_MODULE);
        x->offset = sqlite3_column_int64(s, LOCATION_OFFSET);
        x->function = keep_column(data, s, LOCATION_FUNCTION);
        x->file = keep_column(data, s, LOCATION_FILE);
        x->line = (int64_t)natural(s, LOCATION_LINE);
        x->name = keep_text(data, s, LOCATION_NAME);
    }
    return end_reading(data, r, step, "reading locations");
}

static int compare_location_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_location *)item)->id;
    return (a > b) - (a < b);
}

static struct report_location *find_location(struct report_data *data, int64_t id) {
    return data->n_locations ? bsearch(&id, data->locations, data->n_locations,
                                       sizeof *data->locations, compare_location_id)
                             : NULL;
}

static int compare_site_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_site *)item)->id;
    return (a > b) - (a < b);
}

/* While sites are still in the order of their ids. @last: where the previous one was
 * found. */
static struct report_site *find_site(struct report_data *data, int64_t id,
                                     struct report_site *last) {
    if (last && last->id == id)
        return last;
    if (last && last + 1 < data->sites + data->n_sites && last[1].id == id)
        return last + 1;
    return data->n_sites ? bsearch(&id, data->sites, data->n_sites, sizeof *data->sites,
                                   compare_site_id)
                         : NULL;
}

#define SITE_COLUMNS(X)                                                                  \
    X(SITE_ID, "id")                                                                     \
    X(SITE_KEY, "key")                                                                   \
    X(SITE_OP, "op")                                                                     \
    X(SITE_STACK_ID, "stack_id")                                                         \
    X(SITE_LOCATION_ID, "location_id")                                                   \
    X(SITE_TRUNCATED, "truncated")                                                       \
    X(SITE_INCOMPLETE, "incomplete")                                                     \
    X(SITE_ERROR_PATH, "error_path")
enum { SITE_COLUMNS(STORE_COLUMN_ENUM) };

static int load_sites(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            SITE_COLUMNS) "FROM site WHERE id IN (SELECT site_id FROM site_stat WHERE recording_id IN "
                          "chosen_recording UNION SELECT site_id FROM attempt WHERE replay_id IN "
                          "chosen_replay UNION SELECT e.site_id FROM error_path e JOIN attempt a ON a.id = "
                          "e.attempt_id JOIN site x ON x.id = e.site_id WHERE x.error_path AND a.replay_id "
                          "IN chosen_replay UNION SELECT bs.site_id FROM baseline_site bs JOIN baseline b "
                          "ON b.id = bs.baseline_id WHERE b.replay_id IN chosen_replay) ORDER BY id",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_site *x = append(&data->sites, &data->n_sites, sizeof *x);
        x->id = sqlite3_column_int64(s, SITE_ID);
        x->key = store_column_key(s, SITE_KEY);
        x->op = keep_text(data, s, SITE_OP);
        x->stack_id = sqlite3_column_int64(s, SITE_STACK_ID);
        x->location = find_location(data, sqlite3_column_int64(s, SITE_LOCATION_ID));
        x->truncated = sqlite3_column_int(s, SITE_TRUNCATED) != 0;
        x->incomplete = sqlite3_column_int(s, SITE_INCOMPLETE) != 0;
        x->error_path = sqlite3_column_int(s, SITE_ERROR_PATH) != 0;
    }
    return end_reading(data, r, step, "reading sites");
}

#define COUNT_COLUMNS(X)                                                                 \
    X(COUNT_SITE_ID, "x.site_id")                                                        \
    X(COUNT_COUNT, "x.count")                                                            \
    X(COUNT_FAILED, "x.failed")                                                          \
    X(COUNT_FAILABLE, "x.failable")                                                      \
    X(COUNT_BYTES, "x.bytes")                                                            \
    X(COUNT_PEAK_BYTES, "x.peak_bytes")                                                  \
    X(COUNT_LIVE_BLOCKS, "x.live_blocks")                                                \
    X(COUNT_LIVE_BYTES, "x.live_bytes")                                                  \
    X(COUNT_PROGRAM, "p.exe")                                                            \
    X(COUNT_FIRST_THREAD, "t.serial")                                                    \
    X(COUNT_NEVER, "x.never")                                                            \
    X(COUNT_OUTSIDE, "CASE WHEN g.marked THEN x.outside ELSE 0 END")
enum { COUNT_COLUMNS(STORE_COLUMN_ENUM) };

static int load_counts(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            COUNT_COLUMNS) "FROM site_stat x JOIN process p ON p.id = x.process_id JOIN "
                           "recording g ON g.id = x.recording_id LEFT JOIN thread t ON t.id = "
                           "x.first_thread_id WHERE x.recording_id IN chosen_recording ORDER "
                           "BY x.recording_id, x.process_id, x.site_id",
        &s);
    int step = SQLITE_DONE;
    struct report_site *x = NULL;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_site *found =
            find_site(data, sqlite3_column_int64(s, COUNT_SITE_ID), x);
        if (!found)
            continue;
        x = found;
        x->count += natural(s, COUNT_COUNT);
        x->failed += natural(s, COUNT_FAILED);
        x->failable += natural(s, COUNT_FAILABLE);
        x->bytes += natural(s, COUNT_BYTES);
        if (natural(s, COUNT_PEAK_BYTES) > x->peak_bytes)
            x->peak_bytes = natural(s, COUNT_PEAK_BYTES);
        x->never += natural(s, COUNT_NEVER);
        x->outside += natural(s, COUNT_OUTSIDE);
        x->live_blocks += natural(s, COUNT_LIVE_BLOCKS);
        x->live_bytes += natural(s, COUNT_LIVE_BYTES);
        if (!x->program) {
            x->program = keep_column(data, s, COUNT_PROGRAM);
            x->first_thread = sqlite3_column_int64(s, COUNT_FIRST_THREAD);
        }
    }
    return end_reading(data, r, step, "reading site_stat");
}

/* Sites that no recording has but a run without a fault reached: as testable as the
 * others. */
static int load_reached(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        "SELECT bs.site_id, max(bs.count) FROM baseline_site bs JOIN baseline b "
        "ON b.id = bs.baseline_id WHERE b.replay_id IN chosen_replay "
        "GROUP BY bs.site_id ORDER BY bs.site_id",
        &s);
    int step = SQLITE_DONE;
    struct report_site *x = NULL;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_site *found = find_site(data, sqlite3_column_int64(s, 0), x);
        if (!found)
            continue;
        x = found;
        if (!x->count && !x->failable)
            x->count = x->failable = natural(s, 1);
    }
    return end_reading(data, r, step, "reading baseline_site");
}

static int index_of(const char *const *names, int n, const char *name, int fallback) {
    for (int i = 0; name && i < n; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return i;
    return fallback;
}

#define ATTEMPT_COLUMNS(X)                                                               \
    X(ATTEMPT_SITE, "coalesce(second_site_id, site_id)")                                 \
    X(ATTEMPT_VERDICT, "verdict")                                                        \
    X(ATTEMPT_FIRED, "fired")                                                            \
    X(ATTEMPT_OCCURRENCE, "coalesce(second_occurrence, occurrence)")                     \
    X(ATTEMPT_HOW, "how")
enum { ATTEMPT_COLUMNS(STORE_COLUMN_ENUM) };

static int load_attempts(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            ATTEMPT_COLUMNS) "FROM attempt WHERE replay_id IN chosen_replay ORDER BY 1, 4",
        &s);
    int step = SQLITE_DONE;
    struct report_site *x = NULL;
    int64_t occurrence = -1;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_site *found =
            find_site(data, sqlite3_column_int64(s, ATTEMPT_SITE), x);
        if (!found)
            continue;
        if (found != x)
            occurrence = -1;
        x = found;
        enum verdict verdict = verdict_from_name(store_column_text(s, ATTEMPT_VERDICT));
        if (verdict == VERDICT_NONE)
            continue;
        /* The proof decides, whatever the row says besides. */
        if (!sqlite3_column_int(s, ATTEMPT_FIRED))
            verdict = VERDICT_UNREACHED;
        x->attempts[verdict]++;
        if (verdict > x->verdict)
            x->verdict = (uint8_t)verdict;
        int how = how_from_name(store_column_text(s, ATTEMPT_HOW));
        if (how >= 0)
            x->how |= (uint8_t)(1 << how);
        if (verdict != VERDICT_UNREACHED &&
            sqlite3_column_int64(s, ATTEMPT_OCCURRENCE) != occurrence) {
            occurrence = sqlite3_column_int64(s, ATTEMPT_OCCURRENCE);
            x->occurrences_tested++;
        }
    }
    return end_reading(data, r, step, "reading attempts");
}

/* Sites that came up after a failure alone: how often at most. */
static int load_error_path(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r =
        store_prepare(data->store,
                      "SELECT e.site_id, max(e.count) FROM error_path e JOIN attempt a "
                      "ON a.id = e.attempt_id WHERE a.replay_id IN chosen_replay "
                      "GROUP BY e.site_id ORDER BY e.site_id",
                      &s);
    int step = SQLITE_DONE;
    struct report_site *x = NULL;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_site *found = find_site(data, sqlite3_column_int64(s, 0), x);
        if (!found || !found->error_path || found->count)
            continue;
        x = found;
        x->after_failure = true;
        x->count = x->failable = natural(s, 1);
    }
    return end_reading(data, r, step, "reading error_path");
}

static int load_skipped(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        "SELECT site_id, reason FROM skipped WHERE replay_id IN chosen_replay "
        "ORDER BY replay_id, site_id",
        &s);
    int step = SQLITE_DONE;
    struct report_site *x = NULL;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_site *found = find_site(data, sqlite3_column_int64(s, 0), x);
        enum reason reason = reason_from_name(store_column_text(s, 1));
        if (!found || reason == REASON_TESTED)
            continue;
        x = found;
        x->reason = (uint8_t)reason; /* the newest replay's word */
    }
    return end_reading(data, r, step, "reading skipped");
}

static void decide_reason(struct report_site *site) {
    if (site->verdict > VERDICT_UNREACHED)
        site->reason = REASON_TESTED;
    else if (site->verdict == VERDICT_UNREACHED)
        site->reason = REASON_NOT_REACHED;
    else if (site->failable == 0)
        site->reason = REASON_NOT_FAILABLE;
    else if (site->reason == REASON_TESTED)
        site->reason = REASON_NEVER_SELECTED;
}

static void tally_locations(struct report_data *data) {
    struct report_tally *t = &data->location_tally;
    for (size_t i = 0; i < data->n_locations; i++) {
        struct report_location *l = &data->locations[i];
        t->total += l->sites > 0;
        t->testable += l->testable > 0;
        t->tested += l->tested > 0;
    }
    t->excluded = t->total - t->testable;
}

static void tally_sites(struct report_data *data) {
    struct report_tally *t = &data->site_tally, *no_location = &data->location_tally;
    for (size_t i = 0; i < data->n_sites; i++) {
        struct report_site *site = &data->sites[i];
        decide_reason(site);
        bool tested = site->reason == REASON_TESTED;
        bool testable = site->reason != REASON_NOT_FAILABLE;
        if (site->after_failure) {
            data->error_tally.total++;
            data->error_tally.testable += testable;
            data->error_tally.tested += tested;
            continue;
        }
        t->total++;
        t->testable += testable;
        t->tested += tested;
        data->reasons[site->reason]++;
        if (tested)
            data->verdicts[site->verdict]++;
        if (site->location) {
            site->location->sites++;
            site->location->testable += testable;
            site->location->tested += tested;
        } else { /* one location each, for want of a better */
            no_location->total++;
            no_location->testable += testable;
            no_location->tested += tested;
        }
    }
    t->excluded = t->total - t->testable;
    data->error_tally.excluded = data->error_tally.total - data->error_tally.testable;
    tally_locations(data);
}

static int by_key(const void *a, const void *b) {
    return key_compare(((const struct report_site *)a)->key,
                       ((const struct report_site *)b)->key);
}

static int by_location(const void *a, const void *b) {
    const struct report_site *x = *(struct report_site *const *)a;
    const struct report_site *y = *(struct report_site *const *)b;
    int order = strcmp(x->location ? x->location->name : "",
                       y->location ? y->location->name : "");
    return order ? order : key_compare(x->key, y->key);
}

static void sort_sites(struct report_data *data) {
    if (data->n_sites)
        qsort(data->sites, data->n_sites, sizeof *data->sites, by_key);
    data->untested = text_alloc((data->n_sites + 1) * sizeof(struct report_site *));
    for (size_t i = 0; i < data->n_sites; i++)
        if (data->sites[i].reason != REASON_TESTED && !data->sites[i].after_failure)
            data->untested[data->n_untested++] = &data->sites[i];
    if (data->n_untested)
        qsort(data->untested, data->n_untested, sizeof *data->untested, by_location);
}

/* --- findings --- */

#define FINDING_COLUMNS(X)                                                               \
    X(FINDING_ID, "f.id")                                                                \
    X(FINDING_IDENTITY, "f.identity")                                                    \
    X(FINDING_VERDICT, "f.verdict")                                                      \
    X(FINDING_SEVERITY, "f.severity")                                                    \
    X(FINDING_LEAKED, "f.leaked")                                                        \
    X(FINDING_MODULE, "f.attributed_module")                                             \
    X(FINDING_KIND, "f.attributed_to")                                                   \
    X(FINDING_POLICY, "f.policy")                                                        \
    X(FINDING_LOCATION, "f.location_id")                                                 \
    X(FINDING_BAD, "f.bad")                                                              \
    X(FINDING_TRIED, "f.tried")                                                          \
    X(FINDING_ATTEMPT, "a.id")                                                           \
    X(FINDING_SITE, "s.key")                                                             \
    X(FINDING_OP, "s.op")                                                                \
    X(FINDING_STACK, "s.stack_id")                                                       \
    X(FINDING_SITE_LOCATION, "s.location_id")                                            \
    X(FINDING_MODE, "a.mode")                                                            \
    X(FINDING_OCCURRENCE, "a.occurrence")                                                \
    X(FINDING_BURST, "a.burst")                                                          \
    X(FINDING_FIRED_SIZE, "a.fired_size")                                                \
    X(FINDING_FIRED_EXE, "a.fired_exe")                                                  \
    X(FINDING_CRASH_SIGNAL, "a.crash_signal")                                            \
    X(FINDING_CRASH_ADDRESS, "a.crash_address")                                          \
    X(FINDING_CRASH_EXE, "a.crash_exe")                                                  \
    X(FINDING_CRASH_STACK_ID, "a.crash_stack_id")                                        \
    X(FINDING_EXIT_CODE, "a.exit_code")                                                  \
    X(FINDING_EXIT_SIGNAL, "a.exit_signal")                                              \
    X(FINDING_TIMED_OUT, "a.timed_out")                                                  \
    X(FINDING_STDERR_TAIL, "a.stderr_tail")                                              \
    X(FINDING_UNDER, "a.under")                                                          \
    X(FINDING_DAMAGE, "a.damage")                                                        \
    X(FINDING_DAMAGE_WHERE, "a.damage_where")                                            \
    X(FINDING_DAMAGE_SIZE, "a.damage_size")                                              \
    X(FINDING_DAMAGE_OFFSET, "a.damage_offset")                                          \
    X(FINDING_DAMAGE_LOCATION, "d.location_id")                                          \
    X(FINDING_SILENT, "a.silent")                                                        \
    X(FINDING_DIFFERS, "a.differs")                                                      \
    X(FINDING_HANG, "a.hang")                                                            \
    X(FINDING_HANG_CALL, "a.hang_call")                                                  \
    X(FINDING_SAMPLE_STACK_ID, "a.sample_stack_id")                                      \
    X(FINDING_UNREACHED, "f.unreached")                                                  \
    X(FINDING_FACILITY, "f.facility")                                                    \
    X(FINDING_EFFECT, "f.effect")                                                        \
    X(FINDING_SECOND_SITE, "s2.key")                                                     \
    X(FINDING_SECOND_OP, "s2.op")                                                        \
    X(FINDING_SECOND_STACK, "s2.stack_id")                                               \
    X(FINDING_SECOND_LOCATION, "s2.location_id")                                         \
    X(FINDING_SECOND_OCCURRENCE, "a.second_occurrence")                                  \
    X(FINDING_THREAD, "a.thread")                                                        \
    X(FINDING_CALL, "a.call")                                                            \
    X(FINDING_CHANCE, "a.chance")                                                        \
    X(FINDING_FAILED, "a.failed")                                                        \
    X(FINDING_UNCONFIRMED, "NOT EXISTS (SELECT 1 FROM finding_attempt c JOIN attempt o " \
                           "ON o.id = c.attempt_id WHERE c.finding_id = f.id AND o.how " \
                           "<> 'snapshot')")                                             \
    X(FINDING_ISOLATION, "r.isolation")
enum { FINDING_COLUMNS(STORE_COLUMN_ENUM) };

static const char findings_sql[] = STORE_SELECT(
    FINDING_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN site s ON s.id = a.site_id "
                     "JOIN replay r ON r.id = a.replay_id LEFT JOIN site d ON d.id = a.damage_site_id LEFT "
                     "JOIN site s2 ON s2.id = a.second_site_id WHERE a.replay_id IN chosen_replay OR "
                     "EXISTS (SELECT 1 FROM finding_attempt fa JOIN attempt o ON o.id = fa.attempt_id "
                     "WHERE fa.finding_id = f.id AND o.replay_id IN chosen_replay) ORDER BY f.id";

static void read_fault(struct report_data *data, sqlite3_stmt *s,
                       struct report_finding *x) {
    x->fault.site = store_column_key(s, FINDING_SITE);
    x->fault.op = keep_text(data, s, FINDING_OP);
    x->fault.stack_id = sqlite3_column_int64(s, FINDING_STACK);
    bool pair = sqlite3_column_type(s, FINDING_SECOND_OP) !=
                SQLITE_NULL; /* then 8 is the second's */
    x->fault.location = find_location(
        data, pair ? sqlite3_column_int64(s, FINDING_SITE_LOCATION)
                   : int_or(s, FINDING_LOCATION,
                            sqlite3_column_int64(s, FINDING_SITE_LOCATION)));
    x->fault.mode = keep_text(data, s, FINDING_MODE);
    x->fault.occurrence = sqlite3_column_int64(s, FINDING_OCCURRENCE);
    x->fault.burst = sqlite3_column_int64(s, FINDING_BURST);
    x->fault.size = int_or(s, FINDING_FIRED_SIZE, -1);
    x->fault.program = keep_column(data, s, FINDING_FIRED_EXE);
    x->fault.thread = keep_text(data, s, FINDING_THREAD);
    x->fault.call = sqlite3_column_int64(s, FINDING_CALL);
    x->fault.chance = keep_column(data, s, FINDING_CHANCE);
    x->fault.failed = keep_column(data, s, FINDING_FAILED);
    if (!pair)
        return;
    x->second.site = store_column_key(s, FINDING_SECOND_SITE);
    x->second.op = keep_text(data, s, FINDING_SECOND_OP);
    x->second.stack_id = sqlite3_column_int64(s, FINDING_SECOND_STACK);
    x->second.location =
        find_location(data, sqlite3_column_int64(s, FINDING_SECOND_LOCATION));
    x->second.occurrence = sqlite3_column_int64(s, FINDING_SECOND_OCCURRENCE);
}

static void read_crash(struct report_data *data, sqlite3_stmt *s,
                       struct report_finding *x) {
    x->crash.signal = sqlite3_column_int(s, FINDING_CRASH_SIGNAL);
    x->crash.has_address = sqlite3_column_type(s, FINDING_CRASH_ADDRESS) != SQLITE_NULL;
    x->crash.address = (uint64_t)sqlite3_column_int64(s, FINDING_CRASH_ADDRESS);
    x->crash.program = keep_column(data, s, FINDING_CRASH_EXE);
    x->crash.stack_id = sqlite3_column_int64(s, FINDING_CRASH_STACK_ID);
    x->crash.seen = x->crash.signal || x->crash.stack_id;
    /* Only these carry an address: sigaction(2), si_addr. */
    if (!strchr("\x04\x05\x07\x08\x0b", x->crash.signal) || !x->crash.signal)
        x->crash.has_address = false;
}

static void read_damage(struct report_data *data, sqlite3_stmt *s,
                        struct report_finding *x) {
    x->under = keep_column(data, s, FINDING_UNDER);
    x->damage = (struct damage_seen){
        .kind = damage_from_name(store_column_text(s, FINDING_DAMAGE)),
        .where = damage_where_from_name(store_column_text(s, FINDING_DAMAGE_WHERE)),
        .size = (uint64_t)sqlite3_column_int64(s, FINDING_DAMAGE_SIZE),
        .offset = sqlite3_column_int64(s, FINDING_DAMAGE_OFFSET)};
    x->damage_location =
        find_location(data, sqlite3_column_int64(s, FINDING_DAMAGE_LOCATION));
}

static void read_differences(struct report_data *data, const char *json,
                             struct report_finding *x) {
    cJSON *list = json ? cJSON_Parse(json) : NULL, *item;
    cJSON_ArrayForEach(item, list) {
        const char *parts[4];
        static const char *const names[4] = {"what", "how", "path", "detail"};
        for (int i = 0; i < 4; i++)
            parts[i] = report_keep(
                data,
                cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, names[i])));
        if (!parts[0] || !parts[1])
            continue;
        struct report_difference *d =
            append(&x->differences, &x->n_differences, sizeof *d);
        *d = (struct report_difference){parts[0], parts[1], parts[2], parts[3]};
    }
    cJSON_Delete(list);
}

static const char *const runtimes[] = {"libc", "libstdc++", "loader"};

static void read_finding(struct report_data *data, sqlite3_stmt *s) {
    struct report_finding *x = append(&data->findings, &data->n_findings, sizeof *x);
    x->id = sqlite3_column_int64(s, FINDING_ID);
    x->identity = keep_text(data, s, FINDING_IDENTITY);
    x->verdict = verdict_from_name(store_column_text(s, FINDING_VERDICT));
    if (x->verdict == VERDICT_NONE)
        x->verdict = VERDICT_FLAKY;
    x->severity = severity_from_name(store_column_text(s, FINDING_SEVERITY));
    x->leaked = sqlite3_column_int(s, FINDING_LEAKED) > 0;
    x->module = keep_column(data, s, FINDING_MODULE);
    x->kind = keep_column(data, s, FINDING_KIND);
    x->policy = keep_column(data, s, FINDING_POLICY);
    x->bad = sqlite3_column_int64(s, FINDING_BAD);
    x->tried = sqlite3_column_int64(s, FINDING_TRIED);
    x->unconfirmed = sqlite3_column_int(s, FINDING_UNCONFIRMED) != 0;
    enum isolation isolation =
        isolation_from_name(store_column_text(s, FINDING_ISOLATION));
    x->isolation = isolation_name(isolation ? isolation : ISOLATION_OVERLAY);
    x->attempt_id = sqlite3_column_int64(s, FINDING_ATTEMPT);
    read_fault(data, s, x);
    read_crash(data, s, x);
    read_damage(data, s, x);
    x->has_code = sqlite3_column_type(s, FINDING_EXIT_CODE) != SQLITE_NULL &&
                  sqlite3_column_int(s, FINDING_EXIT_CODE) >= 0;
    x->exit_code = sqlite3_column_int64(s, FINDING_EXIT_CODE);
    x->exit_signal = sqlite3_column_int(s, FINDING_EXIT_SIGNAL);
    x->timed_out = sqlite3_column_int(s, FINDING_TIMED_OUT) != 0;
    x->stderr_tail = keep_column(data, s, FINDING_STDERR_TAIL);
    x->silent =
        x->verdict == VERDICT_DEGRADED && sqlite3_column_int(s, FINDING_SILENT) > 0;
    read_differences(data, store_column_text(s, FINDING_DIFFERS), x);
    x->hang = keep_column(data, s, FINDING_HANG);
    x->hang_call = keep_column(data, s, FINDING_HANG_CALL);
    x->later_stack_id = sqlite3_column_int64(s, FINDING_SAMPLE_STACK_ID);
    x->unreached = sqlite3_column_int64(s, FINDING_UNREACHED);
    x->facility = keep_column(data, s, FINDING_FACILITY);
    x->effect = keep_column(data, s, FINDING_EFFECT);
    data->silent += x->silent;
    x->runtime = index_of(runtimes, 3, x->kind, -1) >= 0;
    data->severities[x->severity]++;
    data->runtime[x->severity] += x->runtime;
}

static int compare_finding_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_finding *)item)->id;
    return (a > b) - (a < b);
}

static int load_finding_sites(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        "SELECT DISTINCT fa.finding_id, s.key FROM finding_attempt fa JOIN attempt a ON "
        "a.id = fa.attempt_id JOIN site s ON s.id = coalesce(a.second_site_id, "
        "a.site_id) UNION SELECT f.id, s.key FROM finding f JOIN attempt a ON a.id = "
        "f.attempt_id JOIN site s ON s.id = coalesce(a.second_site_id, a.site_id) ORDER "
        "BY 1, 2",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0);
        struct report_finding *x =
            data->n_findings ? bsearch(&id, data->findings, data->n_findings,
                                       sizeof *data->findings, compare_finding_id)
                             : NULL;
        if (x)
            *(struct dearth_key *)append(&x->sites, &x->n_sites, sizeof *x->sites) =
                store_column_key(s, 1);
    }
    return end_reading(data, r, step, "reading findings");
}

#define LEAK_COLUMNS(X)                                                                  \
    X(LEAK_FINDING, "f.id")                                                              \
    X(LEAK_SITE, "s.key")                                                                \
    X(LEAK_OP, "s.op")                                                                   \
    X(LEAK_LOCATION_ID, "s.location_id")                                                 \
    X(LEAK_STACK_ID, "s.stack_id")                                                       \
    X(LEAK_BLOCKS, "k.blocks")                                                           \
    X(LEAK_BYTES, "k.bytes")                                                             \
    X(LEAK_DIRECT, "k.direct")
enum { LEAK_COLUMNS(STORE_COLUMN_ENUM) };

/* In the order in which a finding's identity takes the first: replayer/ledger/finding.c. */
static int load_leaks(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        STORE_SELECT(
            LEAK_COLUMNS) "FROM finding f JOIN leak k ON k.attempt_id = f.attempt_id JOIN site s ON s.id = "
                          "k.site_id WHERE f.leaked = 1 ORDER BY f.id, k.direct > 0 DESC, k.bytes DESC, "
                          "s.key",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, LEAK_FINDING);
        struct report_finding *x =
            data->n_findings ? bsearch(&id, data->findings, data->n_findings,
                                       sizeof *data->findings, compare_finding_id)
                             : NULL;
        if (!x)
            continue;
        struct report_leak *leak = append(&x->leaks, &x->n_leaks, sizeof *leak);
        leak->site = store_column_key(s, LEAK_SITE);
        leak->op = keep_text(data, s, LEAK_OP);
        leak->location = find_location(data, sqlite3_column_int64(s, LEAK_LOCATION_ID));
        leak->stack_id = sqlite3_column_int64(s, LEAK_STACK_ID);
        leak->blocks = sqlite3_column_int64(s, LEAK_BLOCKS);
        leak->bytes = sqlite3_column_int64(s, LEAK_BYTES);
        leak->direct = sqlite3_column_int64(s, LEAK_DIRECT);
    }
    return end_reading(data, r, step, "reading leaks");
}

static int by_weight(const void *a, const void *b) {
    const struct report_finding *x = a, *y = b;
    if (x->severity != y->severity)
        return y->severity > x->severity ? 1 : -1;
    if (x->runtime != y->runtime)
        return x->runtime - y->runtime;
    if (x->silent != y->silent)
        return y->silent - x->silent;
    if (x->verdict != y->verdict)
        return y->verdict > x->verdict ? 1 : -1;
    return strcmp(x->identity, y->identity);
}

static int load_findings(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(data->store, findings_sql, &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        read_finding(data, s);
    if (r || step != SQLITE_DONE)
        return r ? r : store_error(data->store, "reading findings");
    if ((r = load_finding_sites(data)) < 0 || (r = load_leaks(data)) < 0)
        return r;
    if (data->n_findings)
        qsort(data->findings, data->n_findings, sizeof *data->findings, by_weight);
    return 0;
}

/* --- completeness --- */

static void add_note(struct report_data *data, const char *kind, const char *text,
                     const char *subject) {
    struct report_note *note = append(&data->notes, &data->n_notes, sizeof *note);
    note->kind = report_keep(data, kind);
    note->text = report_keep(data, text);
    note->subject = report_keep(data, subject);
}

static int load_notes(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(data->store,
                          "SELECT kind, text, subject FROM note WHERE recording_id IN "
                          "chosen_recording OR replay_id IN chosen_replay "
                          "GROUP BY kind, text, subject ORDER BY min(id)",
                          &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        const char *kind = store_column_text(s, 0), *text = store_column_text(s, 1);
        add_note(data, kind ? kind : "note", text ? text : "", store_column_text(s, 2));
    }
    return end_reading(data, r, step, "reading notes");
}

/* Attempts that were compared with a run which did not end as the recording did, where no other
 * replay has tried the same site. */
static int load_doubtful(struct report_data *data) {
    data->n_doubtful = (uint64_t)store_int(
        data->store,
        "WITH doubtful AS (SELECT replay_id AS id FROM note WHERE kind = "
        "'baseline_differs') SELECT count(DISTINCT site_id) FROM attempt a WHERE "
        "replay_id IN chosen_replay AND replay_id IN doubtful AND NOT EXISTS (SELECT 1 "
        "FROM attempt b WHERE b.site_id = a.site_id AND b.mode = a.mode AND b.replay_id "
        "IN chosen_replay AND b.replay_id NOT IN doubtful)",
        0);
    return 0;
}

static int load_stops(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        data->store,
        "WITH RECURSIVE up(site_id, stack_id) AS (SELECT id, stack_id FROM site WHERE "
        "incomplete UNION ALL SELECT up.site_id, parent_id FROM up JOIN stack ON stack.id "
        "= up.stack_id WHERE parent_id < stack.id) " /* no circles */
        "SELECT m.path, sum(x.count) FROM up JOIN stack ON stack.id = up.stack_id AND "
        "parent_id IS NULL JOIN frame f ON f.id = frame_id JOIN module m ON m.id = "
        "f.module_id JOIN site_stat x ON x.site_id = up.site_id WHERE x.recording_id IN "
        "chosen_recording GROUP BY m.path ORDER BY m.path",
        &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_stop *stop = append(&data->stops, &data->n_stops, sizeof *stop);
        stop->module = keep_text(data, s, 0);
        stop->calls = (uint64_t)sqlite3_column_int64(s, 1);
    }
    return end_reading(data, r, step, "reading where stacks ended");
}

static int load_modules_without_cfi(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r =
        store_prepare(data->store,
                      "SELECT DISTINCT m.path FROM module m JOIN process_module pm ON "
                      "pm.module_id = m.id JOIN process p ON p.id = pm.process_id WHERE "
                      "m.no_cfi AND p.recording_id IN chosen_recording ORDER BY m.path",
                      &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        *(const char **)append(&data->modules_without_cfi, &data->n_modules_without_cfi,
                               sizeof(char *)) = keep_column(data, s, 0);
    return end_reading(data, r, step, "reading modules");
}

static int load_refusals(struct report_data *data) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(data->store,
                          "SELECT reason, count(DISTINCT site_id) FROM refused WHERE "
                          "replay_id IN chosen_replay GROUP BY reason ORDER BY reason",
                          &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct report_refusal *refusal =
            append(&data->refusals, &data->n_refusals, sizeof *refusal);
        refusal->reason = keep_text(data, s, 0);
        refusal->sites = (uint64_t)sqlite3_column_int64(s, 1);
    }
    return end_reading(data, r, step, "reading refused");
}

/* What only the report can know. Counted sites and states, no judgement. */
static void derive_notes(struct report_data *data) {
    int64_t others =
        store_int(data->store,
                  "SELECT count(*) FROM recording WHERE id NOT IN chosen_recording", 0);
    if (others) {
        AUTO_FREE char *text = text_format(
            "%lld recording%s of another program or build in this database %s left out; "
            "--recording ID reports on one of them.",
            (long long)others, others == 1 ? "" : "s", others == 1 ? "is" : "are");
        add_note(data, "recordings_left_out", text, NULL);
    }
    data->exact = true;
    for (size_t i = 0; i < data->n_recordings; i++)
        data->exact &= data->recordings[i].exact;
    uint64_t nameless = 0;
    for (size_t i = 0; i < data->n_sites; i++)
        nameless += !data->sites[i].location;
    if (nameless) {
        AUTO_FREE char *text = text_format(
            "%llu site%s no location: the stack could not be read, or symbols "
            "are not resolved yet ('dearth replay' does that).",
            (unsigned long long)nameless, nameless == 1 ? " has" : "s have");
        add_note(data, "sites_without_location", text, NULL);
    }
    if (!data->n_replays)
        add_note(data, "no_replay", "Nothing was replayed yet: no site is tested.", NULL);
}

/* --- the whole --- */

static int load(struct report_data *data, int64_t recording, bool alike) {
    int (*const steps[])(struct report_data *) = {
        load_recordings, load_replays,  load_locations,  load_sites,
        load_counts,     load_reached,  load_error_path, load_attempts,
        load_skipped,    load_findings, load_notes,      load_modules_without_cfi,
        load_stops,      load_refusals, load_doubtful};
    int r = choose(data, recording, alike);
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
        r = steps[i](data);
    if (r < 0)
        return r;
    tally_sites(data);
    sort_sites(data);
    derive_notes(data);
    return 0;
}

int report_data_new(struct store *store, int64_t recording, bool alike,
                    struct report_data **out) {
    struct report_data *data = text_alloc(sizeof *data);
    data->private = text_alloc(sizeof *data->private);
    data->store = store;
    data->path = store->path;
    int r = store_exec(store, "BEGIN");
    if (r == 0)
        r = load(data, recording, alike);
    drop_chosen(store);
    store_rollback(store); /* nothing was written */
    if (r == 0)
        r = frames_reader_new(store, &data->private->reader);
    if (r < 0)
        data = report_data_free(data);
    *out = data;
    return r;
}

struct report_data *report_data_free(struct report_data *data) {
    if (!data)
        return NULL;
    for (size_t i = 0; i < data->n_findings; i++) {
        free(data->findings[i].sites);
        free(data->findings[i].leaks);
        free(data->findings[i].differences);
    }
    for (size_t i = 0; i < data->private->strings.capacity; i++)
        free(data->private->strings.slots[i]);
    free(data->private->strings.slots);
    frames_reader_free(data->private->reader);
    free(data->private);
    free(data->recordings);
    free(data->replays);
    free(data->locations);
    free(data->sites);
    free(data->untested);
    free(data->findings);
    free(data->modules_without_cfi);
    free(data->stops);
    free(data->refusals);
    free(data->notes);
    free(data);
    return NULL;
}

int report_data_stack(const struct report_data *data, int64_t stack_id,
                      struct frames *out) {
    return frames_load(data->private->reader, stack_id, out);
}
