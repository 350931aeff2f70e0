/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that `dearth wrap` recorded one by one, as one suite.
 *
 *   recording, note 'wrap' ─ the newest of each name and command ─► copies of their rows below one recording
 *
 * Copies, so that a join of the same files finds what it knows. A suite that has the same members already stays.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "error.h"
#include "record.h"
#include "resolve.h"
#include "store_folder.h"
#include "suite_private.h"
#include "suite_tests.h"
#include "text.h"
#include "unit.h"

static const char members_sql[] =
    "CREATE TEMP TABLE member(id INTEGER PRIMARY KEY, name TEXT, harness TEXT, base INTEGER);"
    "INSERT INTO member(id, name, harness) SELECT max(r.id), n.subject, n.text FROM note n "
    "JOIN recording r ON r.id = n.recording_id WHERE n.kind = 'wrap' AND r.state <> "
    "'running' AND EXISTS (SELECT 1 FROM unit u WHERE u.recording_id = r.id) GROUP BY "
    "n.subject, r.argv, r.cwd, r.exe;"
    "UPDATE member SET base = (SELECT count(*) FROM process p JOIN member o ON o.id = "
    "p.recording_id WHERE o.id < member.id);"
    "CREATE TEMP TABLE place(id INTEGER PRIMARY KEY, ordinal INTEGER);"
    "INSERT INTO place SELECT p.id, m.base + row_number() OVER (PARTITION BY p.recording_id "
    "ORDER BY p.ordinal) FROM process p JOIN member m ON m.id = p.recording_id;"
    "CREATE TEMP TABLE shift AS SELECT (SELECT max(id) FROM process) AS process, (SELECT "
    "max(id) FROM unit) AS unit;";

static const char recording_sql[] =
    "INSERT INTO recording(state, started_unix_ns, duration_ns, argv, exe, cwd, wrappers, "
    "clock, ticks_per_ns, detail, exact, events, allocations, frees, failed, bytes, "
    "events_lost, stacks_lost, stacks_truncated, stacks_incomplete, unwind_fallbacks, "
    "waited_ns, own_bytes, tool_version, marked, processes_lost, max_depth, stranger, "
    "rings_damaged) SELECT CASE WHEN sum(r.state <> 'complete') THEN 'interrupted' ELSE "
    "'complete' END, max(r.started_unix_ns), sum(r.duration_ns), '[\"dearth\",\"wrap\"]', "
    "min(r.exe), min(r.cwd), min(r.wrappers), min(r.clock), min(r.ticks_per_ns), 'sites', "
    "min(coalesce(r.exact, 0)), sum(r.events), sum(r.allocations), sum(r.frees), "
    "sum(r.failed), sum(r.bytes), sum(r.events_lost), sum(r.stacks_lost), "
    "sum(r.stacks_truncated), sum(r.stacks_incomplete), sum(r.unwind_fallbacks), "
    "sum(r.waited_ns), max(r.own_bytes), max(r.tool_version), max(r.marked), "
    "sum(r.processes_lost), max(r.max_depth), max(r.stranger), sum(r.rings_damaged) FROM "
    "recording r JOIN member m ON m.id = r.id";

static const char rows_sql[] =
    "INSERT INTO process(id, recording_id, parent_id, ordinal, pid, origin, exe, argv, cwd, "
    "started_ns, ended_ns, \"end\", events, events_lost, allocations, frees, failed, asked, "
    "bytes, live_blocks, live_bytes, inherited, replaced, stacks_lost, stacks_truncated, "
    "stacks_incomplete, unwind_fallbacks, boot_events, waited_ns, exit_code, exit_signal) "
    "SELECT p.id + s.process, %1$lld, p.parent_id + s.process, o.ordinal, pid, origin, exe, "
    "argv, cwd, started_ns, ended_ns, \"end\", events, events_lost, allocations, frees, "
    "failed, asked, bytes, live_blocks, live_bytes, inherited, replaced, stacks_lost, "
    "stacks_truncated, stacks_incomplete, unwind_fallbacks, boot_events, waited_ns, "
    "exit_code, exit_signal FROM process p JOIN place o ON o.id = p.id, shift s ORDER BY "
    "p.id;"
    "INSERT INTO process_module(process_id, module_id, bias, start, \"end\", loaded_ns, "
    "unloaded_ns) SELECT process_id + s.process, module_id, bias, start, \"end\", loaded_ns, "
    "unloaded_ns FROM process_module x JOIN place o ON o.id = x.process_id, shift s;"
    "INSERT INTO site_stat(recording_id, process_id, site_id, count, failed, failable, "
    "bytes, min_size, max_size, frees, peak_bytes, peak_blocks, live_blocks, live_bytes, "
    "temporary, lifetime_ns, cross_thread_frees, first_ns, last_ns, never, outside) SELECT "
    "%1$lld, process_id + s.process, site_id, count, failed, failable, bytes, min_size, "
    "max_size, frees, peak_bytes, peak_blocks, live_blocks, live_bytes, temporary, "
    "lifetime_ns, cross_thread_frees, first_ns, last_ns, never, outside FROM site_stat x "
    "JOIN place o ON o.id = x.process_id, shift s;"
    "INSERT INTO unit(id, recording_id, ordinal, environment_id, exe, argv_bytes, cwd, "
    "umask, limits, stdin_kind, stdin_path, stdin_offset, stdin_digest, stdin_data, "
    "descriptors) SELECT u.id + s.unit, %1$lld, o.ordinal, environment_id, u.exe, "
    "argv_bytes, u.cwd, umask, limits, stdin_kind, stdin_path, stdin_offset, stdin_digest, "
    "stdin_data, descriptors FROM unit u JOIN process p ON p.recording_id = u.recording_id "
    "AND p.ordinal = u.ordinal JOIN place o ON o.id = p.id, shift s;"
    "INSERT INTO test(recording_id, unit_id, harness, name) SELECT %1$lld, (SELECT u.id + "
    "s.unit FROM unit u WHERE u.recording_id = m.id ORDER BY u.ordinal LIMIT 1), m.harness, "
    "m.name FROM member m, shift s;"
    "INSERT INTO note(recording_id, kind, text, subject) SELECT %1$lld, n.kind, n.text, "
    "n.subject FROM note n JOIN member m ON m.id = n.recording_id WHERE n.kind <> 'wrap';"
    "INSERT INTO note(recording_id, kind, text, subject) SELECT %1$lld, 'wrapped', 'programs "
    "that dearth wrap recorded, as one suite', group_concat(id) FROM (SELECT id FROM member "
    "ORDER BY id);";

static const char forget_sql[] = "DROP TABLE IF EXISTS temp.member; DROP TABLE IF EXISTS "
                                 "temp.place; DROP TABLE IF EXISTS temp.shift;";

static const char known_sql[] =
    "SELECT 1 FROM note WHERE kind = 'wrapped' AND subject = (SELECT group_concat(id) FROM "
    "(SELECT id FROM member ORDER BY id)) AND recording_id = " UNIT_NEWEST_SUITE;

static int make_suite(struct store *store) {
    int r = store_exec(store, recording_sql);
    if (r < 0)
        return r;
    AUTO_FREE char *rows =
        text_format(rows_sql, (long long)sqlite3_last_insert_rowid(store->db));
    return store_exec(store, rows);
}

/* Return: 1 = there is a new suite, 0 = nothing was wrapped, or it is known, or a negative errno after a
 * message. */
static int gather(struct store *store) {
    int r = store_begin(store);
    if (r == 0)
        r = store_exec(store, members_sql);
    bool fresh = r == 0 && store_int(store, "SELECT count(*) FROM member", 0) > 0 &&
                 !store_int(store, known_sql, 0);
    if (fresh)
        r = make_suite(store);
    if (r == 0)
        r = store_exec(store, forget_sql);
    if (r == 0)
        r = store_commit(store);
    if (r < 0)
        store_rollback(store);
    return r < 0 ? r : fresh;
}

/* Return: 1, 0, or a negative errno after a message. */
static int has_wrapped(const char *path) {
    AUTO_STORE struct store *store = NULL;
    int r = store_new(path, STORE_READ, &store);
    return r < 0 ? r
                 : (int)store_int(store, "SELECT 1 FROM note WHERE kind = 'wrap' LIMIT 1",
                                  0);
}

static int gather_file(const char *path) {
    AUTO_STORE struct store *store = NULL;
    int r = store_new(path, STORE_WRITE, &store);
    if (r == 0)
        r = resolve_store(store, isatty(STDERR_FILENO) && !error_quiet());
    return r < 0 ? r : gather(store);
}

/* As `suite record` does after the suite has run. */
static int find_tests(const char *path, const struct suite_options *o) {
    static const struct circumstances_options units;
    struct record_options how = record_defaults();
    struct suite_scope scope = suite_replay_scope(o);
    how.output = path;
    how.units = &units;
    how.sites_only = true;
    return suite_tests_record(path, &how, &scope, SUITE_SPLIT_AUTO);
}

int suite_gather(const char *path, const struct suite_options *options, char **file) {
    *file = NULL;
    int r = store_folder_is(path) ? store_folder_join(path, file) : 0;
    if (r < 0)
        return r;
    if (!*file)
        *file = text_dup(path);
    if ((r = has_wrapped(*file)) <= 0)
        return r;
    r = gather_file(*file);
    return r > 0 ? find_tests(*file, options) : r;
}
