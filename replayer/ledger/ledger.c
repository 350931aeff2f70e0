/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing down what a replay does: the writing half of ledger.h. Here the row of the replay itself,
 * with what it was asked to do and whose it is; runs and attempts have files of their own
 * (ledger_private.h).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "frames.h"
#include "ledger_private.h"
#include "process_stat.h"
#include "session.h"
#include "text.h"

/* --- whose replay is it: a pid and its start time, so that a reused pid is not mistaken --- */

static uint64_t process_start(int64_t pid) {
    struct process_stat stat;
    return process_stat_read(pid, &stat) == 0 ? stat.start : 0;
}

/* What is left unchecked is no evidence. A rerun that was to confirm it is now the first execution
 * of its fault. */
static int drop_unchecked(struct store *store, int64_t replay_id) {
    AUTO_FREE char *sql = text_format(
        "BEGIN IMMEDIATE; UPDATE attempt SET repeat = repeat - 1 WHERE replay_id = "
        "%1$lld AND repeat > 0 AND how = 'rerun' AND under = 'plain' AND second_site_id "
        "IS NULL AND EXISTS (SELECT 1 FROM unchecked_attempt u WHERE u.replay_id = "
        "%1$lld AND u.site_id = attempt.site_id AND u.occurrence = attempt.occurrence "
        "AND u.mode = attempt.mode); DELETE FROM unchecked_attempt WHERE replay_id = "
        "%1$lld; COMMIT",
        (long long)replay_id);
    int r = store_exec(store, sql);
    if (r < 0)
        store_rollback(store);
    return r;
}

#define RUNNING_COLUMNS(X)                                                               \
    X(RUNNING_ID, "id")                                                                  \
    X(RUNNING_PID, "json_extract(options, '$.pid')")                                     \
    X(RUNNING_PID_START, "json_extract(options, '$.pid_start')")
enum { RUNNING_COLUMNS(STORE_COLUMN_ENUM) };

int ledger_bury(struct store *store) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          STORE_SELECT(RUNNING_COLUMNS) "FROM replay "
                                                        "WHERE state = 'running'",
                          &s);
    while (r == 0 && sqlite3_step(s) == SQLITE_ROW) {
        int64_t pid = sqlite3_column_int64(s, RUNNING_PID);
        uint64_t start = (uint64_t)sqlite3_column_int64(s, RUNNING_PID_START);
        if (pid > 0 && start && process_start(pid) == start)
            continue;
        AUTO_FREE char *sql = text_format(
            "UPDATE replay SET state = 'interrupted', done = (SELECT count(*) "
            "FROM attempt WHERE replay_id = replay.id) WHERE id = %lld",
            (long long)sqlite3_column_int64(s, RUNNING_ID));
        r = drop_unchecked(store, sqlite3_column_int64(s, RUNNING_ID));
        if (r == 0) /* not before: it is what tells that there may be such */
            r = store_exec(store, sql);
    }
    return r;
}

/* --- the replay row --- */

#define REPLAY_COLUMNS(X)                                                                \
    X(REPLAY_RECORDING_ID, "recording_id")                                               \
    X(REPLAY_STARTED_UNIX_NS, "started_unix_ns")                                         \
    X(REPLAY_OPTIONS, "options")                                                         \
    X(REPLAY_ISOLATION, "isolation")                                                     \
    X(REPLAY_TRACED, "traced")                                                           \
    X(REPLAY_JOBS, "jobs")                                                               \
    X(REPLAY_TOOL_VERSION, "tool_version")
enum { REPLAY_FIRST = 0, REPLAY_COLUMNS(STORE_COLUMN_ENUM) };

int ledger_new(struct store *store, const struct ledger_start *start,
               struct ledger **out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store,
        "INSERT INTO replay (" REPLAY_COLUMNS(
            STORE_COLUMN_SQL) "state, how) "
                              "VALUES (" REPLAY_COLUMNS(
                                  STORE_COLUMN_NAMED) "'running', "
                                                      "json_extract(:options, '$.how'))",
        &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, REPLAY_RECORDING_ID, start->recording_id);
    sqlite3_bind_int64(s, REPLAY_STARTED_UNIX_NS, (int64_t)clock_unix_ns());
    sqlite3_bind_text(s, REPLAY_OPTIONS, start->options, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, REPLAY_ISOLATION, start->isolation, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, REPLAY_TRACED, start->traced);
    sqlite3_bind_int(s, REPLAY_JOBS, start->jobs);
    sqlite3_bind_text(s, REPLAY_TOOL_VERSION, DEARTH_VERSION, -1, SQLITE_STATIC);
    if ((r = store_step_done(store, s)) < 0)
        return r;
    struct ledger *l = text_alloc(sizeof *l);
    l->store = store;
    l->replay_id = sqlite3_last_insert_rowid(store->db);
    l->recording_id = start->recording_id;
    l->scope = start->scope ? text_dup(start->scope) : NULL;
    r = ledger_prepare_attempts(l);
    if (r < 0) {
        ledger_free(l);
        return r;
    }
    *out = l;
    return 0;
}

struct ledger *ledger_free(struct ledger *l) {
    if (l) {
        ledger_flush(l);
        sqlite3_finalize(l->attempt);
        sqlite3_finalize(l->unchecked);
        sqlite3_finalize(l->check);
        sqlite3_finalize(l->leak);
        sqlite3_finalize(l->site);
        sqlite3_finalize(l->module);
        sqlite3_finalize(l->explored);
        sqlite3_finalize(l->failed);
        ledger_forget_paths(l);
        sqlite3_finalize(l->drop_checked);
        frames_reader_free(l->reader);
        session_stacks_free(l->stacks);
        free(l->scope);
        free(l);
    }
    return NULL;
}

int64_t ledger_replay_id(const struct ledger *l) {
    return l->replay_id;
}

int ledger_set_traced(struct ledger *l, bool traced) {
    AUTO_FREE char *sql = text_format("UPDATE replay SET traced = %d WHERE id = %lld",
                                      traced, (long long)l->replay_id);
    return store_exec(l->store, sql);
}

int ledger_end(struct ledger *l, const char *state, uint64_t done, uint64_t duration_ns) {
    int r = ledger_flush(l);
    if (r == 0)
        r = drop_unchecked(l->store, l->replay_id);
    if (r < 0)
        return r;
    AUTO_FREE char *sql = text_format(
        "UPDATE replay SET state = '%s', done = %lld, duration_ns = %lld WHERE id = %lld",
        state, (long long)done, (long long)duration_ns, (long long)l->replay_id);
    return store_exec(l->store, sql);
}

enum { NOTE_RECORDING_ID = 1, NOTE_REPLAY_ID, NOTE_KIND, NOTE_TEXT, NOTE_SUBJECT };

int ledger_note(struct ledger *l, const char *kind, const char *subject,
                const char *text) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r =
        store_prepare(l->store,
                      "INSERT INTO note (recording_id, replay_id, kind, text, subject) "
                      "VALUES (?, ?, ?, ?, ?)",
                      &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, NOTE_RECORDING_ID, l->recording_id);
    sqlite3_bind_int64(s, NOTE_REPLAY_ID, l->replay_id);
    sqlite3_bind_text(s, NOTE_KIND, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, NOTE_TEXT, text, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, NOTE_SUBJECT, subject, -1, SQLITE_STATIC);
    return store_step_done(l->store, s);
}

/* Row (replay, site, reason) of one of the two tables that hold such. */
enum { REASON_REPLAY_ID = 1, REASON_SITE_ID, REASON_REASON };

static int insert_reason(struct ledger *l, const char *sql, int64_t site_id,
                         const char *reason) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(l->store, sql, &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, REASON_REPLAY_ID, l->replay_id);
    sqlite3_bind_int64(s, REASON_SITE_ID, site_id);
    sqlite3_bind_text(s, REASON_REASON, reason, -1, SQLITE_STATIC);
    return store_step_done(l->store, s);
}

int ledger_refuse(struct ledger *l, int64_t site_id, const char *reason) {
    return insert_reason(l,
                         "INSERT OR REPLACE INTO refused (replay_id, site_id, reason) "
                         "VALUES (?, ?, ?)",
                         site_id, reason);
}

int ledger_skip(struct ledger *l, int64_t site_id, enum reason reason) {
    return insert_reason(l,
                         "INSERT OR REPLACE INTO skipped (replay_id, site_id, reason) "
                         "VALUES (?, ?, ?)",
                         site_id, reason_name(reason));
}

enum {
    SURVIVOR_REPLAY_ID = 1,
    SURVIVOR_SITE_ID,
    SURVIVOR_OCCURRENCE,
    SURVIVOR_MODE,
    SURVIVOR_BURST,
    SURVIVOR_SCOPE
};

int ledger_survivor(struct ledger *l, const struct order *order) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = ledger_batch_begin(l);
    if (r == 0)
        r = store_prepare(l->store,
                          "INSERT OR IGNORE INTO survivor (replay_id, site_id, "
                          "occurrence, mode, burst, scope) VALUES (?, ?, ?, ?, ?, ?)",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, SURVIVOR_REPLAY_ID, l->replay_id);
    sqlite3_bind_int64(s, SURVIVOR_SITE_ID, order->site_id);
    sqlite3_bind_int64(s, SURVIVOR_OCCURRENCE, (int64_t)order->occurrence);
    store_bind_text(s, SURVIVOR_MODE, fault_mode_name(order->mode));
    sqlite3_bind_int64(s, SURVIVOR_BURST, order->burst ? order->burst : 1);
    store_bind_text(s, SURVIVOR_SCOPE, ledger_scope(l, order));
    return store_step_done(l->store, s);
}

int ledger_planned(struct ledger *l, uint64_t n) {
    AUTO_FREE char *sql = text_format(
        "UPDATE replay SET planned = coalesce(planned, 0) + %lld WHERE id = %lld",
        (long long)n, (long long)l->replay_id);
    return store_exec(l->store, sql);
}
