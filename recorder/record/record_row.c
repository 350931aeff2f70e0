/* SPDX-License-Identifier: Apache-2.0 */
/* The row of `recording` and what is said about it: see record_row.h. Run by dearth. */
#include "record_row.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "error.h"
#include "reuse.h"
#include "text.h"
#include "unseen.h"
#include "wrapper.h"

static const char *const clock_names[] = {[SHM_CLOCK_MONOTONIC_NS] = "monotonic",
                                          [SHM_CLOCK_TSC] = "tsc",
                                          [SHM_CLOCK_CNTVCT] = "cntvct"};

static void bind_owned(sqlite3_stmt *s, int at, char *text) {
    if (text)
        sqlite3_bind_text(s, at, text, -1, free);
}

/* NULL when @strings is; else a JSON array. */
static char *json_array(const char *const *strings, size_t n) {
    struct text t = {0};
    text_add(&t, "[");
    for (size_t i = 0; i < n; i++) {
        text_add(&t, i ? "," : "");
        text_add_json(&t, strings[i]);
    }
    text_add(&t, "]");
    return text_take(&t);
}

static char *json_argv(char **argv) {
    size_t n = 0;
    while (argv[n])
        n++;
    return json_array((const char *const *)argv, n);
}

/* What JSON cannot carry. Return: NULL when all is UTF-8. */
static char *raw_argv(char **argv, size_t *n) {
    struct text t = {0};
    bool whole = true;
    for (; *argv; argv++) {
        AUTO_FREE char *clean = text_utf8(*argv, strlen(*argv));
        whole &= strcmp(clean, *argv) == 0;
        text_add_n(&t, *argv, strlen(*argv) + 1);
    }
    *n = t.n;
    if (!whole)
        return text_take(&t);
    text_deinit(&t);
    return NULL;
}

extern char **environ;

static char *json_environment(const struct cli_list *names) {
    struct text t = {0};
    bool first = true;
    text_add(&t, "{");
    for (size_t i = 0; i < names->n; i++) {
        const char *value = getenv(names->items[i]);
        if (!value)
            continue;
        text_add(&t, first ? "" : ",");
        text_add_json(&t, names->items[i]);
        text_add(&t, ":");
        text_add_json(&t, value);
        first = false;
    }
    text_add(&t, "}");
    return text_take(&t);
}

#define START_COLUMNS(X)                                                                 \
    X(START_STARTED_UNIX_NS, "started_unix_ns")                                          \
    X(START_ARGV, "argv")                                                                \
    X(START_EXE, "exe")                                                                  \
    X(START_CWD, "cwd")                                                                  \
    X(START_ENV_NAMED, "env_named")                                                      \
    X(START_WRAPPERS, "wrappers")                                                        \
    X(START_STDIN_KIND, "stdin_kind")                                                    \
    X(START_STDIN_PATH, "stdin_path")                                                    \
    X(START_STDIN_OFFSET, "stdin_offset")                                                \
    X(START_CLOCK, "clock")                                                              \
    X(START_DETAIL, "detail")                                                            \
    X(START_TOOL_VERSION, "tool_version")                                                \
    X(START_ARGV_BYTES, "argv_bytes")                                                    \
    X(START_SESSION, "session")                                                          \
    X(START_MAX_DEPTH, "max_depth")                                                      \
    X(START_SAMPLE_BYTES, "sample_bytes")                                                \
    X(START_ONLY_EXE, "only_exe")
enum { START_FIRST = 0, START_COLUMNS(STORE_COLUMN_ENUM) };

int64_t record_row_start(struct store *store, const struct record_start *start) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    const struct record_options *o = start->options;
    int r = store_prepare(
        store,
        "INSERT INTO recording(" START_COLUMNS(
            STORE_COLUMN_SQL) "state) VALUES (" START_COLUMNS(STORE_COLUMN_PLACE) "'running')",
        &s);
    if (r < 0)
        return r;
    AUTO_FREE char *cwd = getcwd(NULL, 0);
    uint32_t clock = start->session->arena->clock;
    sqlite3_bind_int64(s, START_STARTED_UNIX_NS,
                       (int64_t)start->session->arena->start_unix_ns);
    if (!o->no_argv)
        bind_owned(s, START_ARGV, json_argv(start->argv));
    /* Paths are stored as they are, UTF-8 or not: a replay must find them again. */
    sqlite3_bind_text(s, START_EXE, start->exe, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, START_CWD, cwd ? cwd : "", -1, SQLITE_STATIC);
    bind_owned(s, START_ENV_NAMED, json_environment(&o->env));
    bind_owned(s, START_WRAPPERS, json_array(o->wrappers.items, o->wrappers.n));
    sqlite3_bind_text(s, START_STDIN_KIND, start->input->kind, -1, SQLITE_STATIC);
    if (start->input->path) {
        sqlite3_bind_text(s, START_STDIN_PATH, start->input->path, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(s, START_STDIN_OFFSET, (int64_t)start->input->offset);
    }
    sqlite3_bind_text(s, START_CLOCK, clock < 3 ? clock_names[clock] : "unknown", -1,
                      SQLITE_STATIC);
    sqlite3_bind_text(s, START_DETAIL, o->sites_only ? "sites" : "events", -1,
                      SQLITE_STATIC);
    sqlite3_bind_text(s, START_TOOL_VERSION, DEARTH_VERSION, -1, SQLITE_STATIC);
    size_t n;
    char *raw = o->no_argv ? NULL : raw_argv(start->argv, &n);
    if (raw)
        sqlite3_bind_blob64(s, START_ARGV_BYTES, raw, n, free);
    sqlite3_bind_text(s, START_SESSION, start->session->arena_path, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, START_MAX_DEPTH, (int)start->session->arena->max_depth);
    if (o->sample_bytes)
        sqlite3_bind_int64(s, START_SAMPLE_BYTES, (int64_t)o->sample_bytes);
    if (o->only_exe.n)
        bind_owned(s, START_ONLY_EXE, json_array(o->only_exe.items, o->only_exe.n));
    r = store_step_done(store, s);
    int64_t id = sqlite3_last_insert_rowid(store->db);
    if (r == 0 && !o->sample_bytes) /* reads what arguments name, for replays alone */
        r = reuse_keep(store, (int64_t)start->session->arena->start_unix_ns,
                       reuse_circumstances(start->argv, environ));
    if (r == 0 && !o->sample_bytes && start->input->path)
        r = reuse_keep_input(store, (int64_t)start->session->arena->start_unix_ns,
                             start->input->path);
    return r < 0 ? r : id;
}

void record_row_remove(struct store *store, int64_t id) {
    AUTO_FREE char *sql = text_format("DELETE FROM recording WHERE id = %" PRId64, id);
    store_rollback(store);
    sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

/* --- the end --- */

static bool is_exact(const struct collector_totals *t) {
    return t->processes && !t->events_lost && !t->stacks_lost && !t->stacks_truncated &&
           !t->stacks_incomplete && !t->processes_lost && !t->rings_damaged;
}

#define END_COLUMNS(X)                                                                   \
    X(END_STATE, "state")                                                                \
    X(END_DURATION_NS, "duration_ns")                                                    \
    X(END_EXIT_CODE, "exit_code")                                                        \
    X(END_EXIT_SIGNAL, "exit_signal")                                                    \
    X(END_TICKS_PER_NS, "ticks_per_ns")                                                  \
    X(END_EXACT, "exact")                                                                \
    X(END_EVENTS, "events")                                                              \
    X(END_ALLOCATIONS, "allocations")                                                    \
    X(END_FREES, "frees")                                                                \
    X(END_FAILED, "failed")                                                              \
    X(END_BYTES, "bytes")                                                                \
    X(END_PEAK_BYTES, "peak_bytes")                                                      \
    X(END_PEAK_NS, "peak_ns")                                                            \
    X(END_LIVE_BLOCKS, "live_blocks")                                                    \
    X(END_LIVE_BYTES, "live_bytes")                                                      \
    X(END_EVENTS_LOST, "events_lost")                                                    \
    X(END_STACKS_LOST, "stacks_lost")                                                    \
    X(END_STACKS_TRUNCATED, "stacks_truncated")                                          \
    X(END_STACKS_INCOMPLETE, "stacks_incomplete")                                        \
    X(END_UNWIND_FALLBACKS, "unwind_fallbacks")                                          \
    X(END_WAITED_NS, "waited_ns")                                                        \
    X(END_OWN_BYTES, "own_bytes")                                                        \
    X(END_STDIN_DATA, "stdin_data")                                                      \
    X(END_STDIN_TRUNCATED, "stdin_truncated")                                            \
    X(END_MARKED, "marked")                                                              \
    X(END_PROCESSES_LOST, "processes_lost")                                              \
    X(END_RINGS_DAMAGED, "rings_damaged")
enum { END_FIRST = 0, END_COLUMNS(STORE_COLUMN_ENUM) END_ID };

static const char *const end_sql =
    "UPDATE recording SET " END_COLUMNS(STORE_COLUMN_SET) "session = NULL WHERE id = ?";

static void bind_end(sqlite3_stmt *s, int64_t id, const struct record_end *end) {
    const struct collector_totals *t = end->totals;
    const struct program *p = end->program;
    const uint64_t sums[] = {t->events,
                             t->allocations,
                             t->frees,
                             t->failed,
                             t->bytes,
                             t->peak_bytes,
                             t->peak_ns,
                             t->live_blocks,
                             t->live_bytes,
                             t->events_lost,
                             t->stacks_lost,
                             t->stacks_truncated,
                             t->stacks_incomplete,
                             t->unwind_fallbacks,
                             t->waited_ns,
                             session_own_bytes(end->session)};
    STORE_COLUMNS_MATCH(sums, END_EVENTS, END_OWN_BYTES);
    uint64_t ticks, ns;
    session_now(end->session, &ticks, &ns);
    sqlite3_bind_int64(s, END_ID, id);
    sqlite3_bind_text(s, END_STATE,
                      !p                 ? "recovered"
                      : end->interrupted ? "interrupted"
                                         : "complete",
                      -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, END_DURATION_NS, (int64_t)ns);
    if (!p || end->going_on)
        ;
    else if (p->exit_signal)
        sqlite3_bind_int(s, END_EXIT_SIGNAL, p->exit_signal);
    else
        sqlite3_bind_int(s, END_EXIT_CODE, p->exit_code);
    sqlite3_bind_double(s, END_TICKS_PER_NS, session_ticks_per_ns(end->session));
    sqlite3_bind_int(s, END_EXACT,
                     is_exact(t) && !end->interrupted && !end->going_on && !end->unseen &&
                         !end->session->arena->beyond);
    for (int i = 0; i < (int)(sizeof sums / sizeof *sums); i++)
        sqlite3_bind_int64(s, END_EVENTS + i,
                           sums[i] > INT64_MAX ? INT64_MAX : (int64_t)sums[i]);
    sqlite3_bind_int(s, END_STDIN_TRUNCATED, end->input->truncated);
    sqlite3_bind_int(s, END_MARKED, end->session->arena->marked != 0);
    sqlite3_bind_int64(s, END_PROCESSES_LOST, (int64_t)t->processes_lost);
    sqlite3_bind_int64(s, END_RINGS_DAMAGED, (int64_t)t->rings_damaged);
}

/* A program that says where failures are wanted has them nowhere else; that it does is known only
 * once it was seen to. */
static int exclude_outside(struct store *store, int64_t id) {
    AUTO_FREE char *sql =
        text_format("UPDATE site_stat SET failable = failable - outside "
                    "WHERE recording_id = %" PRId64,
                    id);
    return store_exec(store, sql);
}

/* Whatever was lost or not: of what it did while recording was off, nothing is there; of a sample, not all. */
static int deny_exact(struct store *store, int64_t id) {
    AUTO_FREE char *sql = text_format(
        "UPDATE recording SET exact = 0 WHERE id = %" PRId64
        " AND (sample_bytes OR EXISTS (SELECT 1 FROM note WHERE recording_id = "
        "recording.id AND kind = 'paused'))",
        id);
    return store_exec(store, sql);
}

#define SUMS_COLUMNS(X)                                                                  \
    X(SUMS_DURATION_NS, "duration_ns")                                                   \
    X(SUMS_EVENTS, "events")                                                             \
    X(SUMS_ALLOCATIONS, "allocations")                                                   \
    X(SUMS_FREES, "frees")                                                               \
    X(SUMS_FAILED, "failed")                                                             \
    X(SUMS_BYTES, "bytes")                                                               \
    X(SUMS_PEAK_BYTES, "peak_bytes")                                                     \
    X(SUMS_PEAK_NS, "peak_ns")                                                           \
    X(SUMS_LIVE_BLOCKS, "live_blocks")                                                   \
    X(SUMS_LIVE_BYTES, "live_bytes")                                                     \
    X(SUMS_OWN_BYTES, "own_bytes")
enum { SUMS_FIRST = 0, SUMS_COLUMNS(STORE_COLUMN_ENUM) SUMS_ID };

int record_row_sums(struct store *store, int64_t id, const struct record_end *end) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store,
        "UPDATE recording SET " SUMS_COLUMNS(STORE_COLUMN_SET) "id = id WHERE id = ?",
        &s);
    if (r < 0)
        return r;
    const struct collector_totals *t = end->totals;
    uint64_t ticks, ns;
    session_now(end->session, &ticks, &ns);
    const uint64_t sums[] = {ns,
                             t->events,
                             t->allocations,
                             t->frees,
                             t->failed,
                             t->bytes,
                             t->peak_bytes,
                             t->peak_ns,
                             t->live_blocks,
                             t->live_bytes,
                             session_own_bytes(end->session)};
    STORE_COLUMNS_MATCH(sums, SUMS_DURATION_NS, SUMS_OWN_BYTES);
    for (int i = 0; i < (int)(sizeof sums / sizeof *sums); i++)
        sqlite3_bind_int64(s, SUMS_DURATION_NS + i, (int64_t)sums[i]);
    sqlite3_bind_int64(s, SUMS_ID, id);
    return store_step_done(store, s);
}

int record_row_end(struct store *store, int64_t id, const struct record_end *end) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store, end_sql, &s);
    if (r < 0)
        return r;
    bind_end(s, id, end);
    if (strcmp(end->input->kind, "pipe") == 0)
        sqlite3_bind_blob64(s, END_STDIN_DATA,
                            end->input->data ? (const void *)end->input->data : "",
                            end->input->n, SQLITE_STATIC);
    r = store_step_done(store, s);
    if (r == 0)
        r = deny_exact(store, id);
    return r == 0 && end->session->arena->marked ? exclude_outside(store, id) : r;
}

static bool put_end(struct store *store, int64_t id, const struct record_end *end) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, end_sql, -1, &s, NULL) != SQLITE_OK)
        return false;
    bind_end(s, id, end);
    return sqlite3_step(s) == SQLITE_DONE;
}

static uint64_t sum(struct store *store, int64_t id, const char *column) {
    AUTO_FREE char *sql = text_format(
        "SELECT total(%s) FROM process WHERE recording_id = %" PRId64, column, id);
    return (uint64_t)store_int(store, sql, 0);
}

/* What was committed is what there is; all else that the program did is lost. */
static struct collector_totals committed(struct store *store, int64_t id,
                                         const struct record_end *end) {
    struct collector_totals t = *end->totals;
    t.events = sum(store, id, "events");
    t.allocations = sum(store, id, "allocations");
    t.frees = sum(store, id, "frees");
    t.failed = sum(store, id, "failed");
    t.bytes = sum(store, id, "bytes");
    t.live_blocks = sum(store, id, "live_blocks");
    t.live_bytes = sum(store, id, "live_bytes");
    t.events_lost = end->made > t.events ? end->made - t.events : 0;
    return t;
}

int record_row_salvage(struct store *store, int64_t id, const struct record_end *given) {
    /* The frames that the failed transaction wrote to the log are free again: a small row
     * fits into them even when the disk is full. Had it written none, the log is moved into
     * the database, where that still goes, and begins anew. */
    store_rollback(store);
    struct collector_totals totals = committed(store, id, given);
    struct record_end end = *given;
    end.totals = &totals;
    if (!put_end(store, id, &end)) {
        sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        put_end(store, id, &end);
    }
    AUTO_FREE char *note = text_format(
        "INSERT INTO note(recording_id, kind, text) VALUES (%" PRId64 ", 'not_written', "
        "'the database could not be written to the end: later events and sums per site "
        "are missing')",
        id);
    sqlite3_exec(store->db, note, NULL, NULL, NULL);
    return 0;
}

enum { NOTE_RECORDING_ID = 1, NOTE_KIND, NOTE_TEXT, NOTE_SUBJECT };

void record_note(const struct record_notes *notes, const char *kind, const char *subject,
                 const char *format, ...) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (store_prepare(notes->store,
                      "INSERT INTO note(recording_id, kind, text, subject) "
                      "VALUES (?,?,?,?)",
                      &s) < 0)
        return;
    AUTO_FREE char *line = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&line, format, args) < 0)
        line = text_dup(kind);
    va_end(args);
    sqlite3_bind_int64(s, NOTE_RECORDING_ID, notes->recording_id);
    sqlite3_bind_text(s, NOTE_KIND, kind, -1, SQLITE_STATIC);
    bind_owned(s, NOTE_TEXT, text_utf8(line, strlen(line)));
    if (subject)
        bind_owned(s, NOTE_SUBJECT, text_utf8(subject, strlen(subject)));
    store_step_done(notes->store, s);
}

int record_note_again(const struct record_notes *notes, const char *kind,
                      const char *text) {
    AUTO_FREE char *sql =
        text_format("DELETE FROM note WHERE recording_id = %" PRId64 " AND kind = '%s'",
                    notes->recording_id, kind);
    int r = store_exec(notes->store, sql);
    if (r == 0)
        record_note(notes, kind, NULL, "%s", text);
    return r;
}

/* Programs that the library could not come up in: targets have put them down. */
static bool has_unrecorded(const struct record_notes *notes) {
    AUTO_FREE char *sql = text_format(
        "SELECT count(*) FROM note WHERE recording_id = %" PRId64
        " AND kind IN ('static', 'setuid', 'other_libc', 'other_abi', 'no_access')",
        notes->recording_id);
    return store_int(notes->store, sql, 0) > 0;
}

bool record_note_unseen(const struct record_notes *notes, const struct session *session) {
    struct unseen_list list = {NULL, 0};
    bool failed = unseen_find(notes->store, notes->recording_id, session, &list) < 0;
    bool any = failed;
    for (size_t i = 0; i < list.n; i++) {
        any |= !list.items[i].only_said;
        record_note(notes, list.items[i].kind, list.items[i].module, "%s",
                    list.items[i].text);
    }
    unseen_deinit(&list);
    return any || has_unrecorded(notes);
}

void record_note_limits(const struct record_notes *notes,
                        const struct collector_totals *totals) {
    static const struct {
        int resource;
        const char *option;
    } limits[] = {{RLIMIT_DATA, "-d"}, {RLIMIT_AS, "-v"}};
    uint64_t n = totals->failed + totals->events_lost;
    if (!n && totals->processes)
        return;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit;
        char bytes[16];
        if (getrlimit(limits[i].resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
            continue;
        text_bytes(limit.rlim_cur, bytes);
        if (totals->processes)
            record_note(notes, "limited_memory", NULL,
                        "calls failed or were lost (%" PRIu64
                        ") under a limit of %s (ulimit %s), a part of which dearth's "
                        "library takes: without it the program may find more memory",
                        n, bytes, limits[i].option);
        else
            record_note(notes, "limited_memory", NULL,
                        "there is a limit of %s (ulimit %s): dearth's library may have "
                        "found no room in it, and the program no more beside it",
                        bytes, limits[i].option);
    }
}

/* "sh, make, ...", of the names that there was room for. */
static void add_left_out(const struct shm_header *arena, struct text *out) {
    const uint32_t most = 4;
    uint32_t n = 0;
    for (uint32_t i = 0; i < SHM_LEFT_OUT_FIRST; i++) {
        const struct shm_left_out *one = &arena->left_out_first[i];
        if (__atomic_load_n(&one->ready, __ATOMIC_ACQUIRE) != 1)
            continue;
        AUTO_FREE char *name = text_utf8(one->name, strnlen(one->name, sizeof one->name));
        if (n++ < most)
            text_say(out, "%s%s", n > 1 ? ", " : "", name);
    }
    if (n > most)
        text_add(out, ", ...");
}

static const char *plural(uint64_t n, const char *one, const char *many) {
    return n == 1 ? one : many;
}

void record_note_left_out(const struct record_notes *notes, const struct session *session,
                          uint32_t recorded) {
    const struct shm_header *arena = session->arena;
    const uint32_t n = __atomic_load_n(&arena->left_out, __ATOMIC_RELAXED);
    AUTO_TEXT struct text names = {0};
    add_left_out(arena, &names);
    const uint32_t beyond = __atomic_load_n(&arena->beyond, __ATOMIC_RELAXED);
    if (beyond)
        record_note(notes, "beyond_reach", NULL,
                    "%" PRIu32
                    " times a program that --only-exe does not name started one "
                    "that cannot be recorded (static, setuid, another C library), "
                    "whatever its name",
                    beyond);
    if (!n && recorded)
        return;
    if (!n)
        record_note(notes, "nothing_matched", NULL,
                    "nothing was recorded: the recorder came up in no program at all (is "
                    "preloading forbidden here?), whatever --only-exe names");
    else if (!recorded)
        record_note(notes, "nothing_matched", NULL,
                    "nothing was recorded: --only-exe matches neither path nor file name "
                    "of any of the %" PRIu32 " %s that ran: %s",
                    n, plural(n, "program", "programs"), names.data);
    else
        record_note(notes, "left_out", NULL,
                    "%" PRIu32
                    " program%s that --only-exe does not name %s not recorded: %s",
                    n, n == 1 ? "" : "s", n == 1 ? "was" : "were", names.data);
}

void record_note_stacks(const struct record_notes *notes,
                        const struct collector_totals *t) {
    char n[32];
    if (t->stacks_lost)
        record_note(notes, "stacks_lost", NULL,
                    "%s %s without a stack: the recording is not exact",
                    text_count(t->stacks_lost, n),
                    plural(t->stacks_lost, "event is", "events are"));
    if (t->stacks_truncated)
        record_note(
            notes, "stacks_truncated", NULL,
            "%s %s deeper than --max-depth, cut at the outer end: the recording "
            "is not exact",
            text_count(t->stacks_truncated, n),
            plural(t->stacks_truncated, "event had a stack", "events had stacks"));
    if (t->stacks_incomplete)
        record_note(
            notes, "stacks_incomplete", NULL,
            "%s %s that could not be read to the end (called by code without "
            "unwind information, as what is made at run time): the recording is "
            "not exact",
            text_count(t->stacks_incomplete, n),
            plural(t->stacks_incomplete, "event has a stack", "events have stacks"));
}

/* --- the summary --- */

#define SAID_COLUMNS(X)                                                                  \
    X(SAID_TEXT, "text")                                                                 \
    X(SAID_TIMES, "count(*)")
enum { SAID_COLUMNS(STORE_COLUMN_ENUM) };

static void print_notes(struct store *store, int64_t id) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (store_prepare(store,
                      STORE_SELECT(SAID_COLUMNS) "FROM note WHERE recording_id = ? "
                                                 "GROUP BY text ORDER BY min(id)",
                      &s) < 0)
        return;
    sqlite3_bind_int64(s, 1, id);
    while (sqlite3_step(s) == SQLITE_ROW) {
        int64_t n = sqlite3_column_int64(s, SAID_TIMES);
        if (n > 1)
            error_warn("%s (%" PRId64 " times)", store_column_text(s, SAID_TEXT), n);
        else
            error_warn("%s", store_column_text(s, SAID_TEXT));
    }
}

/* @off: it was not recorded all the time. @about: what numbers that are estimates begin with, else "" */
static void print_counts(const struct collector_totals *t, bool off, const char *about) {
    char a[32], b[32], c[32], d[32], bytes[16], peak[16], live[16], when[24];
    AUTO_FREE char *failed =
        t->failed ? text_format(", %s failed", text_count(t->failed, d)) : text_dup("");
    error_info("%s %s: %s%s allocations of %s%s, %s%s frees%s", text_count(t->events, a),
               *about ? "events of a sample" : "events", about,
               text_count(t->allocations, b), about, text_bytes(t->bytes, bytes), about,
               text_count(t->frees, c), failed);
    error_info("peak %s%s after %s; %s: %s%s in %s%s %s", about,
               text_bytes(t->peak_bytes, peak), text_duration(t->peak_ns, when),
               off ? "not freed while recorded" : "never freed", about,
               text_bytes(t->live_bytes, live), about, text_count(t->live_blocks, a),
               plural(t->live_blocks, "block", "blocks"));
}

static void print_places(struct store *store, int64_t id,
                         const struct collector_totals *t) {
    char a[32], b[32], c[32], d[32];
    AUTO_FREE char *sites =
        text_format("SELECT count(DISTINCT site_id) FROM site_stat WHERE recording_id = "
                    "%" PRId64,
                    id);
    AUTO_FREE char *locations = text_format("SELECT count(DISTINCT location_id) FROM "
                                            "site_stat JOIN site ON site.id = site_id "
                                            "WHERE recording_id = %" PRId64,
                                            id);
    uint64_t n_sites = (uint64_t)store_int(store, sites, 0);
    uint64_t n_locations = (uint64_t)store_int(store, locations, 0);
    AUTO_FREE char *at = n_locations
                             ? text_format(" at %s %s", text_count(n_locations, b),
                                           plural(n_locations, "location", "locations"))
                             : text_dup("");
    error_info("%s %s%s; %s %s, %s %s", text_count(n_sites, a),
               plural(n_sites, "site", "sites"), at, text_count(t->processes, c),
               plural(t->processes, "process", "processes"), text_count(t->threads, d),
               plural(t->threads, "thread", "threads"));
}

static void print_wrapper(struct store *store, int64_t id) {
    struct wrapper w = {0};
    char a[32], b[32];
    if (wrapper_guess(store, id, &w) <= 0)
        return;
    error_info(
        "%s is the location of %s of %s sites, for %u functions and more that call it; if it "
        "only passes allocations on, %s makes them the locations",
        w.function, text_count(w.sites, a), text_count(w.all, b), w.callers, w.options);
    free(w.function);
    free(w.options);
}

static void print_exactness(const struct collector_totals *t, bool exact) {
    char waited[24];
    if (exact && t->events)
        error_info("exact: no event lost, every stack whole");
    if (t->waited_ns > 100000000)
        error_info("threads of the program waited %s for dearth in sum",
                   text_duration(t->waited_ns, waited));
}

static void print_sample(int64_t bytes) {
    char every[16];
    error_info(
        "not exact: a sample, one byte in %s: numbers are estimates, and sites that "
        "are not in it may have allocated, too",
        text_bytes((uint64_t)bytes, every));
}

static void print_unwinding(struct store *store, int64_t id,
                            const struct collector_totals *t) {
    char a[32], own[16];
    AUTO_FREE char *sql =
        text_format("SELECT own_bytes FROM recording WHERE id = %" PRId64, id);
    AUTO_TEXT struct text line = {0};
    int64_t bytes = store_int(store, sql, 0);
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (bytes > 0)
        text_addf(&line, "%s of shared memory", text_bytes((uint64_t)bytes, own));
    if (t->unwind_fallbacks)
        text_addf(&line, "%s%s %s libunwind", line.n ? "; " : "",
                  text_count(t->unwind_fallbacks, a),
                  plural(t->unwind_fallbacks, "stack needed", "stacks needed"));
    if (line.n)
        error_info("%s", line.data);
    if (store_prepare(
            store,
            "SELECT DISTINCT path FROM module JOIN process_module ON module.id = "
            "module_id JOIN process p ON p.id = process_id WHERE no_cfi AND "
            "p.recording_id = ? ORDER BY path",
            &s) < 0)
        return;
    sqlite3_bind_int64(s, 1, id);
    while (sqlite3_step(s) == SQLITE_ROW)
        error_info("no unwind information in %s", store_column_text(s, 0));
}

void record_summary(struct store *store, int64_t id, const struct collector_totals *t) {
    AUTO_TEXT struct text quoted = {0};
    text_add_shell_shown(&quoted, store->path);
    bool quiet = error_quiet(); /* warnings are said all the same */
    AUTO_FREE char *sample =
        text_format("SELECT sample_bytes FROM recording WHERE id = %" PRId64, id);
    int64_t sample_bytes = store_int(store, sample, 0);
    if (!quiet) {
        AUTO_FREE char *off = text_format(
            "SELECT 1 FROM note WHERE kind = 'paused' AND recording_id = %" PRId64, id);
        print_counts(t, store_int(store, off, 0), sample_bytes ? "about " : "");
        print_places(store, id, t);
        print_wrapper(store, id);
    }
    AUTO_FREE char *exact =
        text_format("SELECT exact FROM recording WHERE id = %" PRId64, id);
    print_exactness(t, store_int(store, exact, 0) == 1);
    if (sample_bytes && !quiet)
        print_sample(sample_bytes);
    if (!quiet)
        print_unwinding(store, id, t);
    print_notes(store, id);
    if (t->allocations || t->failed)
        error_info("recording %" PRId64 " is in %s; next: dearth %s %s", id, store->path,
                   sample_bytes ? "stats" : "replay", quoted.data);
    else /* there is nothing to replay, nor to look at */
        error_info("recording %" PRId64 " is in %s", id, store->path);
}
