/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a finding: see repro_case.h. */
#include "repro_case.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "catalogue_store.h"
#include "chance_row.h"
#include "error.h"
#include "frames.h"
#include "scope_words.h"
#include "store.h"
#include "text.h"
#include "unit.h"

void repro_case_deinit(struct repro_case *e) {
    free(e->verdict);
    free(e->shown);
    free(e->location);
    free(e->test);
    free(e->op);
    for (uint32_t i = 0; i < e->n_leaks; i++)
        free(e->leak_places[i]);
    free(e->leak_places);
    free(e->leaks);
    free(e->output_check);
    free(e->drive);
    free(e->health);
    free(e->second_op);
    free(e->chance_sites);
    scope_rule_deinit(&e->scope);
    free(e->scope_shown);
    catalogue_free(e->catalogue);
    free(e->second_location);
    *e = (struct repro_case){0};
}

#define EVIDENCE_COLUMNS(X)                                                              \
    X(EVIDENCE_RECORDING_ID, "r.recording_id")                                           \
    X(EVIDENCE_REPLAY_ID, "r.id")                                                        \
    X(EVIDENCE_FINDING_VERDICT, "f.verdict")                                             \
    X(EVIDENCE_SHOWN, "a.verdict")                                                       \
    X(EVIDENCE_SITE_ID, "a.site_id")                                                     \
    X(EVIDENCE_OCCURRENCE, "a.occurrence")                                               \
    X(EVIDENCE_MODE, "a.mode")                                                           \
    X(EVIDENCE_BURST, "a.burst")                                                         \
    X(EVIDENCE_KEY, "s.key")                                                             \
    X(EVIDENCE_OP, "s.op")                                                               \
    X(EVIDENCE_LEAF_MODULE, "m.build_id")                                                \
    X(EVIDENCE_LEAF_OFFSET, "fr.\"offset\"")                                             \
    X(EVIDENCE_ISOLATION, "r.isolation")                                                 \
    X(EVIDENCE_TRACED, "r.traced")                                                       \
    X(EVIDENCE_TIME_LIMIT_NS, "coalesce(r.time_limit_ns, 0)")                            \
    X(EVIDENCE_FUNCTION, "l.function")                                                   \
    X(EVIDENCE_FILE, "l.file")                                                           \
    X(EVIDENCE_LINE, "l.line")                                                           \
    X(EVIDENCE_MODULE, "lm.path")                                                        \
    X(EVIDENCE_OFFSET, "l.\"offset\"")                                                   \
    X(EVIDENCE_SECOND_SITE_ID, "a.second_site_id")                                       \
    X(EVIDENCE_SECOND_OCCURRENCE, "a.second_occurrence")                                 \
    X(EVIDENCE_SECOND_KEY, "s2.key")                                                     \
    X(EVIDENCE_SECOND_OP, "s2.op")                                                       \
    X(EVIDENCE_SECOND_LEAF_MODULE, "m2.build_id")                                        \
    X(EVIDENCE_SECOND_LEAF_OFFSET, "f2.\"offset\"")                                      \
    X(EVIDENCE_SECOND_FUNCTION, "l2.function")                                           \
    X(EVIDENCE_SECOND_FILE, "l2.file")                                                   \
    X(EVIDENCE_SECOND_LINE, "l2.line")                                                   \
    X(EVIDENCE_SECOND_MODULE, "lm2.path")                                                \
    X(EVIDENCE_SECOND_OFFSET, "l2.\"offset\"")                                           \
    X(EVIDENCE_UNDER, "a.under")                                                         \
    X(EVIDENCE_OUTPUT_CHECK, "json_extract(r.options, '$.output_check')")                \
    X(EVIDENCE_DRIVE, "json_extract(r.options, '$.drive')")                              \
    X(EVIDENCE_HEALTH, "json_extract(r.options, '$.health')")                            \
    X(EVIDENCE_READY_TIMEOUT_NS, "json_extract(r.options, '$.ready_timeout_ns')")        \
    X(EVIDENCE_LOOP_NS, "json_extract(r.options, '$.loop_ns')")                          \
    X(EVIDENCE_ARMED, "a.armed")                                                         \
    X(EVIDENCE_ROUNDS, "a.rounds")                                                       \
    X(EVIDENCE_THREAD, "a.thread")                                                       \
    X(EVIDENCE_CALL, "a.call")                                                           \
    X(EVIDENCE_CHANCE, "a.chance")                                                       \
    X(EVIDENCE_SCOPE, "a.scope")                                                         \
    X(EVIDENCE_SHARE_SIGNALS, "json_extract(r.options, '$.share_signals')")              \
    X(EVIDENCE_SHARE_IPC, "json_extract(r.options, '$.share_ipc')")                      \
    X(EVIDENCE_POLICIES, "json_extract(r.options, '$.policies')")
enum { EVIDENCE_COLUMNS(STORE_COLUMN_ENUM) };

static const char evidence_sql[] = STORE_SELECT(
    EVIDENCE_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN replay r ON r.id = "
                      "a.replay_id JOIN site s ON s.id = a.site_id LEFT JOIN stack k ON k.id = s.stack_id "
                      "LEFT JOIN frame fr ON fr.id = k.frame_id LEFT JOIN module m ON m.id = fr.module_id "
                      "LEFT JOIN location l ON l.id = s.location_id LEFT JOIN module lm ON lm.id = "
                      "l.module_id LEFT JOIN site s2 ON s2.id = a.second_site_id LEFT JOIN stack k2 ON "
                      "k2.id = s2.stack_id LEFT JOIN frame f2 ON f2.id = k2.frame_id LEFT JOIN module m2 ON "
                      "m2.id = f2.module_id LEFT JOIN location l2 ON l2.id = s2.location_id LEFT JOIN "
                      "module lm2 ON lm2.id = l2.module_id WHERE f.id = ?1";

/* --policy of the replay, and the catalogues that were given for the database. */
static int read_catalogue(struct store *store, const char *policies,
                          struct repro_case *e) {
    e->catalogue = catalogue_new();
    cJSON *list = cJSON_Parse(policies ? policies : "[]");
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
        if (cJSON_IsString(item))
            catalogue_add_policy(e->catalogue, item->valuestring);
    cJSON_Delete(list);
    return catalogue_load(e->catalogue, store);
}

/* @at: the first of its columns */
static char *read_location(sqlite3_stmt *s, int at) {
    struct frame l = {.function = store_column_text(s, at),
                      .file = store_column_text(s, at + 1),
                      .line = (uint32_t)sqlite3_column_int64(s, at + 2),
                      .module = store_column_text(s, at + 3),
                      .offset = (uint64_t)sqlite3_column_int64(s, at + 4)};
    struct text t = {0};
    frame_add_location(l.module ? &l : NULL, &t);
    return text_take(&t);
}

static struct dearth_key read_module_key(sqlite3_stmt *s, int column) {
    return sqlite3_column_type(s, column) == SQLITE_NULL
               ? (struct dearth_key){0}
               : key_module(sqlite3_column_blob(s, column),
                            (size_t)sqlite3_column_bytes(s, column));
}

static void read_second(struct repro_case *e, sqlite3_stmt *s) {
    e->order.second_site_id = sqlite3_column_int64(s, EVIDENCE_SECOND_SITE_ID);
    e->order.second_occurrence =
        (uint64_t)sqlite3_column_int64(s, EVIDENCE_SECOND_OCCURRENCE);
    e->order.second_site = store_column_key(s, EVIDENCE_SECOND_KEY);
    e->order.second_leaf_module = read_module_key(s, EVIDENCE_SECOND_LEAF_MODULE);
    e->order.second_leaf_offset =
        (uint64_t)sqlite3_column_int64(s, EVIDENCE_SECOND_LEAF_OFFSET);
    e->second_op = text_dup(store_column_text(s, EVIDENCE_SECOND_OP));
    e->second_location = read_location(s, EVIDENCE_SECOND_FUNCTION);
}

static void read_sweep(struct repro_case *e, sqlite3_stmt *s) {
    const char *armed = store_column_text(s, EVIDENCE_ARMED);
    e->sweep = armed != NULL;
    if (!armed)
        return;
    e->drive = text_dup(store_column_text(s, EVIDENCE_DRIVE));
    e->health = text_dup(store_column_text(s, EVIDENCE_HEALTH));
    e->ready_timeout_ns = (uint64_t)sqlite3_column_int64(s, EVIDENCE_READY_TIMEOUT_NS);
    e->loop_ns = (uint64_t)sqlite3_column_int64(s, EVIDENCE_LOOP_NS);
    e->order.fresh = true;
    e->order.at_start = strcmp(armed, "start") == 0;
    e->order.rounds = (uint32_t)sqlite3_column_int64(s, EVIDENCE_ROUNDS);
}

static void read_row(struct repro_case *e, sqlite3_stmt *s) {
    e->recording_id = sqlite3_column_int64(s, EVIDENCE_RECORDING_ID);
    e->replay_id = sqlite3_column_int64(s, EVIDENCE_REPLAY_ID);
    e->verdict = text_dup(store_column_text(s, EVIDENCE_FINDING_VERDICT));
    e->shown = text_dup(store_column_text(s, EVIDENCE_SHOWN));
    e->order = (struct order){
        .site_id = sqlite3_column_int64(s, EVIDENCE_SITE_ID),
        .site = store_column_key(s, EVIDENCE_KEY),
        .leaf_offset = (uint64_t)sqlite3_column_int64(s, EVIDENCE_LEAF_OFFSET),
        .occurrence = (uint64_t)sqlite3_column_int64(s, EVIDENCE_OCCURRENCE),
        .mode = fault_mode_from_name(store_column_text(s, EVIDENCE_MODE)),
        .burst = (uint32_t)sqlite3_column_int(s, EVIDENCE_BURST),
        .under = under_from_name(store_column_text(s, EVIDENCE_UNDER)),
        .thread = thread_role_from_name(store_column_text(s, EVIDENCE_THREAD)),
        .call = (uint64_t)sqlite3_column_int64(s, EVIDENCE_CALL)};
    e->order.leaf_module = read_module_key(s, EVIDENCE_LEAF_MODULE);
    chance_row_parse(store_column_text(s, EVIDENCE_CHANCE), &e->order.chance);
    scope_parse(store_column_text(s, EVIDENCE_SCOPE), &e->scope);
    struct text shown = {0};
    scope_words_add(store_column_text(s, EVIDENCE_SCOPE), &shown);
    e->scope_shown = text_take(&shown);
    e->op = text_dup(store_column_text(s, EVIDENCE_OP));
    e->isolation = isolation_from_name(store_column_text(s, EVIDENCE_ISOLATION));
    e->apart = (struct namespaces){.pids = !sqlite3_column_int(s, EVIDENCE_SHARE_SIGNALS),
                                   .ipc = !sqlite3_column_int(s, EVIDENCE_SHARE_IPC)};
    e->traced = sqlite3_column_int(s, EVIDENCE_TRACED) != 0;
    e->time_limit_ns = (uint64_t)sqlite3_column_int64(s, EVIDENCE_TIME_LIMIT_NS);
    e->output_check = text_dup(store_column_text(s, EVIDENCE_OUTPUT_CHECK));
    e->location = read_location(s, EVIDENCE_FUNCTION);
    read_sweep(e, s);
    if (sqlite3_column_type(s, EVIDENCE_SECOND_SITE_ID) != SQLITE_NULL)
        read_second(e, s);
}

#define LEAK_COLUMNS(X)                                                                  \
    X(LEAK_KEY, "s.key")                                                                 \
    X(LEAK_BLOCKS, "k.blocks")                                                           \
    X(LEAK_BYTES, "k.bytes")                                                             \
    X(LEAK_OP, "s.op")                                                                   \
    X(LEAK_PLACE, "l.name")
enum { LEAK_COLUMNS(STORE_COLUMN_ENUM) };

static void read_leak(struct repro_case *e, sqlite3_stmt *s) {
    uint32_t n = e->n_leaks++;
    struct text place = {0};
    e->leaks = text_grow(e->leaks, n, sizeof *e->leaks);
    e->leak_places = text_grow(e->leak_places, n, sizeof *e->leak_places);
    e->leaks[n] =
        (struct leaked_site){.site = store_column_key(s, LEAK_KEY),
                             .blocks = (uint64_t)sqlite3_column_int64(s, LEAK_BLOCKS),
                             .bytes = (uint64_t)sqlite3_column_int64(s, LEAK_BYTES)};
    text_say(&place, "%s in %s", store_column_text(s, LEAK_OP),
             sqlite3_column_type(s, LEAK_PLACE) == SQLITE_NULL
                 ? "?"
                 : store_column_text(s, LEAK_PLACE));
    e->leak_places[n] = text_take(&place);
}

static int read_leaks(struct store *store, struct repro_case *e) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step,
        r = store_prepare(
            store,
            STORE_SELECT(
                LEAK_COLUMNS) "FROM "
                              "finding f JOIN leak k ON k.attempt_id = f.attempt_id "
                              "JOIN site s ON s.id = k.site_id LEFT JOIN location l ON "
                              "l.id = s.location_id WHERE f.id = ?1 AND f.leaked = 1 "
                              "ORDER BY k.direct > 0 DESC, k.bytes DESC, s.key",
            &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, e->finding_id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        read_leak(e, s);
    e->order.leaks = e->n_leaks > 0;
    return step == SQLITE_DONE ? 0 : store_error(store, "reading leaks");
}

int repro_case_read(struct store *store, int64_t id, struct repro_case *e) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store, evidence_sql, &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    int step = sqlite3_step(s);
    if (step == SQLITE_DONE)
        return error_print(
            -ENOENT,
            "%s: has no finding %lld; 'dearth report --format text %s' lists them",
            store->path, (long long)id, store->path);
    if (step != SQLITE_ROW)
        return store_error(store, "reading the finding");
    e->store = store;
    e->finding_id = id;
    read_row(e, s);
    e->test =
        unit_test_of(store, e->recording_id, sqlite3_column_int64(s, EVIDENCE_SITE_ID));
    r = read_catalogue(store, store_column_text(s, EVIDENCE_POLICIES), e);
    if (r < 0)
        return r;
    r = e->order.chance.n_sites
            ? chance_row_sites(store, e->replay_id, &e->order.chance, &e->chance_sites)
            : 0;
    return r < 0 ? r : read_leaks(store, e);
}

static uint8_t *copy_blob(sqlite3_stmt *s, int column, uint64_t *n) {
    *n = (uint64_t)sqlite3_column_bytes(s, column);
    uint8_t *copy = text_alloc(*n + 1);
    if (*n)
        memcpy(copy, sqlite3_column_blob(s, column), *n);
    return copy;
}

static void copy_digest(sqlite3_stmt *s, int column, uint8_t out[16]) {
    if (sqlite3_column_bytes(s, column) == 16)
        memcpy(out, sqlite3_column_blob(s, column), 16);
}

#define RUN_COLUMNS(X)                                                                   \
    X(RUN_EXIT_CODE, "exit_code")                                                        \
    X(RUN_EXIT_SIGNAL, "exit_signal")                                                    \
    X(RUN_TIMED_OUT, "timed_out")                                                        \
    X(RUN_DURATION_NS, "duration_ns")                                                    \
    X(RUN_STDOUT, "stdout")                                                              \
    X(RUN_STDOUT_BYTES, "stdout_bytes")                                                  \
    X(RUN_STDOUT_DIGEST, "stdout_digest")                                                \
    X(RUN_STDERR, "stderr")                                                              \
    X(RUN_FILES_DIGEST, "files_digest")                                                  \
    X(RUN_ID, "id")
enum { RUN_COLUMNS(STORE_COLUMN_ENUM) };

static void read_run(sqlite3_stmt *s, struct observation *o) {
    o->proof.attached = true;
    o->end.exit_code = sqlite3_column_type(s, RUN_EXIT_CODE) == SQLITE_NULL
                           ? -1
                           : sqlite3_column_int(s, RUN_EXIT_CODE);
    o->end.exit_signal = sqlite3_column_int(s, RUN_EXIT_SIGNAL);
    o->end.timed_out = sqlite3_column_int(s, RUN_TIMED_OUT) != 0;
    o->end.duration_ns = (uint64_t)sqlite3_column_int64(s, RUN_DURATION_NS);
    o->output.stdout_data = copy_blob(s, RUN_STDOUT, &o->output.stdout_kept);
    o->output.stdout_bytes = (uint64_t)sqlite3_column_int64(s, RUN_STDOUT_BYTES);
    copy_digest(s, RUN_STDOUT_DIGEST, o->output.stdout_digest);
    o->output.stderr_tail = (char *)copy_blob(s, RUN_STDERR, &o->output.stderr_tail_n);
    o->output.stderr_bytes = o->output.stderr_tail_n;
    o->output.files_known = sqlite3_column_bytes(s, RUN_FILES_DIGEST) == 16;
    copy_digest(s, RUN_FILES_DIGEST, o->output.files_digest);
}

#define FILE_COLUMNS(X)                                                                  \
    X(FILE_PATH, "path")                                                                 \
    X(FILE_MODE, "mode")                                                                 \
    X(FILE_SIZE, "size")                                                                 \
    X(FILE_DIGEST, "digest")                                                             \
    X(FILE_EXISTED, "existed")
enum { FILE_COLUMNS(STORE_COLUMN_ENUM) };

/* By their digests: what they held is not stored, so that contents that vary are not
 * compared. */
static int read_files(struct store *store, int64_t baseline_id, struct observation *o) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          STORE_SELECT(FILE_COLUMNS) "FROM baseline_file WHERE "
                                                     "baseline_id = ?1 ORDER BY path",
                          &s);
    int step = SQLITE_DONE;
    if (r == 0)
        sqlite3_bind_int64(s, 1, baseline_id);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        o->output.files =
            text_grow(o->output.files, o->output.n_files, sizeof *o->output.files);
        struct written_file *f = &o->output.files[o->output.n_files++];
        *f = (struct written_file){.path = text_dup(store_column_text(s, FILE_PATH)),
                                   .mode = (uint32_t)sqlite3_column_int64(s, FILE_MODE),
                                   .size = (uint64_t)sqlite3_column_int64(s, FILE_SIZE),
                                   .existed = sqlite3_column_int(s, FILE_EXISTED) != 0};
        copy_digest(s, FILE_DIGEST, f->digest);
    }
    if (r == 0 && step != SQLITE_DONE)
        r = store_error(store, "reading the files of a baseline run");
    return r;
}

#define SIGNAL_COLUMNS(X)                                                                \
    X(SIGNAL_ORDINAL, "ordinal")                                                         \
    X(SIGNAL_SIGNAL, "signal")                                                           \
    X(SIGNAL_ADDRESS, "address")                                                         \
    X(SIGNAL_CODE, "code")                                                               \
    X(SIGNAL_MODULE, "module")                                                           \
    X(SIGNAL_OFFSET, "\"offset\"")
enum { SIGNAL_COLUMNS(STORE_COLUMN_ENUM) };

static void add_signal_frame(struct observation *o, sqlite3_stmt *s) {
    int64_t ordinal = sqlite3_column_int64(s, SIGNAL_ORDINAL);
    if (ordinal >= o->n_caught) {
        o->caught = text_realloc(o->caught, (o->n_caught + 1) * sizeof *o->caught);
        o->caught[o->n_caught++] = (struct caught_signal){
            .signal = sqlite3_column_int(s, SIGNAL_SIGNAL),
            .code = sqlite3_column_int(s, SIGNAL_CODE),
            .address = (uint64_t)sqlite3_column_int64(s, SIGNAL_ADDRESS)};
    }
    struct caught_signal *caught = &o->caught[o->n_caught - 1];
    caught->frames =
        text_realloc(caught->frames, (caught->n_frames + 1) * sizeof *caught->frames);
    caught->frames[caught->n_frames++] =
        (struct crash_frame){.module = text_dup(store_column_text(s, SIGNAL_MODULE)),
                             .offset = (uint64_t)sqlite3_column_int64(s, SIGNAL_OFFSET)};
}

static int read_signals(struct store *store, int64_t baseline_id, struct observation *o) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          STORE_SELECT(SIGNAL_COLUMNS) "FROM baseline_signal WHERE "
                                                       "baseline_id = ?1 ORDER BY "
                                                       "ordinal, depth",
                          &s);
    int step = SQLITE_DONE;
    if (r == 0)
        sqlite3_bind_int64(s, 1, baseline_id);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        add_signal_frame(o, s);
    return r < 0 || step == SQLITE_DONE
               ? r
               : store_error(store, "reading the signals of a baseline run");
}

/* The runs without a fault of the replay that made the finding. @runs: free each and all.
 */

int repro_case_runs(struct store *store, int64_t replay_id, struct observation **runs,
                    uint32_t *n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r =
        store_prepare(store,
                      STORE_SELECT(RUN_COLUMNS) "FROM baseline"
                                                " WHERE replay_id = ?1 ORDER BY ordinal",
                      &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, replay_id);
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        *runs = text_grow(*runs, *n, sizeof **runs);
        (*runs)[*n] = (struct observation){0};
        read_run(s, &(*runs)[*n]);
        r = read_files(store, sqlite3_column_int64(s, RUN_ID), &(*runs)[*n]);
        if (r == 0)
            r = read_signals(store, sqlite3_column_int64(s, RUN_ID), &(*runs)[*n]);
        (*n)++;
        if (r < 0)
            return r;
    }
    if (step != SQLITE_DONE)
        return store_error(store, "reading baseline runs");
    return *n ? 0
              : error_print(
                    -ENODATA,
                    "%s: replay %lld has no baseline runs to compare with; replay again",
                    store->path, (long long)replay_id);
}
