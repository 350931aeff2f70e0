/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a unit that is replayed by itself: see suite_unit.h. */
#include "suite_unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text.h"
#include "unit.h"

/* --- the recording --- */

static char *json_strings(char *const *strings) {
    struct text t = {0};
    text_add(&t, "[");
    for (size_t i = 0; strings[i]; i++) {
        AUTO_FREE char *clean = text_utf8(strings[i], strlen(strings[i]));
        text_add(&t, i ? "," : "");
        text_add_json(&t, clean);
    }
    text_add(&t, "]");
    return text_take(&t);
}

static bool is_utf8(char *const *strings) {
    bool whole = true;
    for (; *strings; strings++) {
        AUTO_FREE char *clean = text_utf8(*strings, strlen(*strings));
        whole &= strcmp(clean, *strings) == 0;
    }
    return whole;
}

/* Columns that are the suite's, and those that are the unit's. */
static const char put_recording[] =
    "INSERT INTO recording(state, started_unix_ns, duration_ns, argv, argv_bytes, exe, cwd, "
    "env_named, wrappers, exit_code, exit_signal, stdin_kind, stdin_path, stdin_offset, "
    "clock, ticks_per_ns, detail, exact, events, unwind_fallbacks, tool_version, marked, "
    "max_depth, stranger) SELECT 'complete', r.started_unix_ns + p.started_ns, :duration, "
    ":argv, CASE WHEN :whole THEN NULL ELSE u.argv_bytes END, u.exe, u.cwd, '{}', "
    "r.wrappers, CASE WHEN :code >= 0 THEN :code END, CASE WHEN :signal > 0 THEN :signal "
    "END, CASE WHEN u.stdin_kind = 'file' OR (u.stdin_kind = 'pipe' AND "
    "u.stdin_data IS NOT NULL) THEN u.stdin_kind ELSE 'none' END, u.stdin_path, "
    "u.stdin_offset, r.clock, r.ticks_per_ns, 'sites', r.exact, :events, "
    "r.unwind_fallbacks, r.tool_version, r.marked, r.max_depth, r.stranger FROM unit u "
    "JOIN recording r ON r.id = u.recording_id JOIN process p ON p.recording_id = r.id "
    "AND p.ordinal = u.ordinal WHERE u.id = :unit";

/* What it started counts as its own. */
static const char put_rows[] =
    "CREATE TEMP TABLE IF NOT EXISTS below(id INTEGER PRIMARY KEY);"
    "DELETE FROM below;"
    "INSERT INTO below WITH RECURSIVE b(id) AS (VALUES(%2$lld) UNION SELECT p.id FROM "
    "process p JOIN b ON p.parent_id = b.id) SELECT id FROM b;"
    "INSERT INTO process(recording_id, ordinal, pid, origin, exe, argv, cwd, started_ns, "
    "ended_ns, \"end\", events, allocations, frees, failed, bytes, exit_code, exit_signal) "
    "SELECT %1$lld, 1, p.pid, 'first', r.exe, r.argv, r.cwd, 0, r.duration_ns, p.\"end\", "
    "r.events, (SELECT sum(allocations) FROM process WHERE id IN below), (SELECT "
    "sum(frees) FROM process WHERE id IN below), (SELECT sum(failed) FROM process WHERE "
    "id IN below), (SELECT sum(bytes) FROM process WHERE id IN below), r.exit_code, "
    "r.exit_signal FROM process p JOIN recording r ON r.id = %1$lld WHERE p.id = %2$lld;"
    "INSERT INTO process_module(process_id, module_id, bias, start, \"end\") SELECT "
    "(SELECT max(id) FROM process WHERE recording_id = %1$lld), module_id, min(bias), "
    "min(start), max(\"end\") FROM process_module WHERE process_id IN below GROUP BY "
    "module_id;"
    "INSERT INTO site_stat(recording_id, process_id, site_id, count, failed, failable, "
    "bytes, min_size, max_size, frees, peak_bytes, peak_blocks, live_blocks, live_bytes, "
    "temporary, lifetime_ns, cross_thread_frees, first_ns, last_ns, never, outside) SELECT "
    "%1$lld, (SELECT max(id) FROM process WHERE recording_id = %1$lld), site_id, "
    "sum(count), sum(failed), sum(failable), sum(bytes), min(min_size), max(max_size), "
    "sum(frees), max(peak_bytes), max(peak_blocks), sum(live_blocks), sum(live_bytes), "
    "sum(temporary), " /* sum() beyond 2^63 is an error; a product and a sum of integers there are not */
    "CAST(min(sum(lifetime_ns >> 20) * 1048576 + sum(lifetime_ns & 1048575), "
    "9223372036854775807) AS INTEGER), sum(cross_thread_frees), 0, 0, sum(never), "
    "sum(outside) FROM site_stat WHERE recording_id = %3$lld AND process_id IN below GROUP "
    "BY site_id;"
    "UPDATE recording SET allocations = p.allocations, frees = p.frees, failed = p.failed, "
    "bytes = p.bytes FROM process p WHERE p.recording_id = recording.id AND recording.id = "
    "%1$lld;";

static void bind_named(sqlite3_stmt *s, const char *name, int64_t value) {
    sqlite3_bind_int64(s, sqlite3_bind_parameter_index(s, name), value);
}

static int64_t put_row(struct suite *suite, const struct suite_unit *u,
                       const struct unit *unit) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *argv = json_strings(unit->argv);
    int r = store_prepare(suite->store, put_recording, &s);
    if (r < 0)
        return r;
    bind_named(s, ":unit", u->row);
    bind_named(s, ":duration", (int64_t)u->duration_ns);
    bind_named(s, ":code", u->exit_code);
    bind_named(s, ":signal", u->exit_signal);
    bind_named(s, ":events", (int64_t)u->events);
    bind_named(s, ":whole", is_utf8(unit->argv));
    store_bind_text(s, sqlite3_bind_parameter_index(s, ":argv"), argv);
    r = store_step_done(suite->store, s);
    return r < 0 ? r : sqlite3_last_insert_rowid(suite->store->db);
}

/* Return: 0 = there is none. */
static int64_t made_before(struct suite *suite, const struct suite_unit *u) {
    AUTO_FREE char *sql = text_format("SELECT max(recording_id) FROM unit_run WHERE "
                                      "unit_id = %lld",
                                      (long long)u->row);
    return store_int(suite->store, sql, 0);
}

static int64_t make(struct suite *suite, const struct suite_unit *u) {
    struct unit unit;
    int r = unit_load(suite->store, u->row, &unit);
    if (r < 0)
        return r;
    int64_t id = store_begin(suite->store);
    if (id == 0)
        id = put_row(suite, u, &unit);
    unit_deinit(&unit);
    if (id > 0) {
        AUTO_FREE char *rows = text_format(put_rows, (long long)id, (long long)u->process,
                                           (long long)u->recording);
        AUTO_FREE char *run = text_format(
            "INSERT INTO unit_run(unit_id, recording_id, sites, reached) "
            "VALUES (%lld, %lld, %u, 0); INSERT INTO note(recording_id, kind, "
            "text) VALUES (%lld, 'unit', 'a part of recording %lld, a suite: "
            "what one of its programs did there, to be run by itself')",
            (long long)u->row, (long long)id, u->n_sites, (long long)id,
            (long long)suite->recording);
        r = store_exec(suite->store, rows);
        if (r == 0)
            r = store_exec(suite->store, run);
        if (r == 0)
            r = store_commit(suite->store);
        id = r < 0 ? r : id;
    }
    if (id < 0)
        store_rollback(suite->store);
    return id;
}

int64_t suite_unit_recording(struct suite *suite, uint32_t unit) {
    int64_t before = made_before(suite, &suite->units[unit]);
    return before ? before : make(suite, &suite->units[unit]);
}

/* --- the proof --- */

int suite_unit_proved(struct suite *suite, uint32_t unit, int64_t recording,
                      uint32_t n_sites, uint32_t reached) {
    AUTO_FREE char *sql =
        text_format("UPDATE unit_run SET sites = %u, reached = %u WHERE unit_id = %lld "
                    "AND recording_id = %lld AND sites <= %u",
                    n_sites, reached, (long long)suite->units[unit].row,
                    (long long)recording, n_sites);
    return store_exec(suite->store, sql);
}

static const char remove_rows[] =
    "BEGIN IMMEDIATE;"
    "DELETE FROM baseline_site WHERE baseline_id IN (SELECT b.id FROM baseline b JOIN "
    "replay r ON r.id = b.replay_id WHERE r.recording_id = %1$lld);"
    "DELETE FROM baseline_file WHERE baseline_id IN (SELECT b.id FROM baseline b JOIN "
    "replay r ON r.id = b.replay_id WHERE r.recording_id = %1$lld);"
    "DELETE FROM baseline WHERE replay_id IN (SELECT id FROM replay WHERE recording_id = "
    "%1$lld);"
    "DELETE FROM skipped WHERE replay_id IN (SELECT id FROM replay WHERE recording_id = "
    "%1$lld);"
    "DELETE FROM note WHERE recording_id = %1$lld OR replay_id IN (SELECT id FROM replay "
    "WHERE recording_id = %1$lld);"
    "DELETE FROM replay WHERE recording_id = %1$lld;"
    "DELETE FROM unit_run WHERE recording_id = %1$lld;"
    "DELETE FROM site_stat WHERE recording_id = %1$lld;"
    "DELETE FROM process_module WHERE process_id IN (SELECT id FROM process WHERE "
    "recording_id = %1$lld);"
    "DELETE FROM process WHERE recording_id = %1$lld;"
    "DELETE FROM recording WHERE id = %1$lld;"
    "COMMIT;";

/* Other runs of the same program most likely miss what this one does: a file of before, a pipe. */
static void refuse(struct suite *suite, uint32_t unit) {
    suite->cover[unit].refused = true;
    for (uint32_t i = 0; i < suite->n_units; i++)
        if (key_equal(suite->units[i].exe, suite->units[unit].exe))
            suite->cover[i].n_alike_refused++;
}

enum { REFUSE_UNIT = 1, REFUSE_REASON, REFUSE_SITES, REFUSE_REACHED };

int suite_unit_refuse(struct suite *suite, uint32_t unit, int64_t recording,
                      uint32_t reached, const char *reason) {
    struct suite_unit *u = &suite->units[unit];
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *sql = text_format(remove_rows, (long long)recording);
    int r = store_exec(suite->store, sql);
    if (r < 0)
        store_rollback(suite->store);
    if (r == 0)
        r = store_prepare(suite->store,
                          "INSERT INTO unit_run(unit_id, reason, sites, reached) VALUES "
                          "(?, ?, ?, ?)",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, REFUSE_UNIT, u->row);
    store_bind_text(s, REFUSE_REASON, reason);
    sqlite3_bind_int64(s, REFUSE_SITES, u->n_sites);
    sqlite3_bind_int64(s, REFUSE_REACHED, reached);
    free(u->refused);
    u->refused = text_dup(reason);
    refuse(suite, unit);
    return store_step_done(suite->store, s);
}

enum { REFUSED_UNIT = 0, REFUSED_REASON };

int suite_unit_load_refused(struct suite *suite) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        suite->store, "SELECT unit_id, reason FROM unit_run WHERE recording_id IS NULL",
        &q);
    while (r == 0 && sqlite3_step(q) == SQLITE_ROW)
        for (uint32_t i = 0; i < suite->n_units; i++) {
            struct suite_unit *u = &suite->units[i];
            if (u->row != sqlite3_column_int64(q, REFUSED_UNIT) || u->refused)
                continue;
            u->refused = text_dup(store_column_text(q, REFUSED_REASON));
            refuse(suite, i);
        }
    return r;
}
