/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's rows: one function a table. Columns are described in schemas/store.sql.
 * A transaction is opened by the first row of a batch and closed by collector_commit(),
 * so readers of the database see whole batches and other writers get their turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "collector_private.h"
#include "error.h"
#include "rows.h"
#include "text.h"
#include "watched.h"

/* What the rows are written with, in the order of the parameters. */
#define PROCESS_COLUMNS(X)                                                               \
    X(PROCESS_RECORDING_ID, "recording_id")                                              \
    X(PROCESS_PARENT_ID, "parent_id")                                                    \
    X(PROCESS_ORDINAL, "ordinal")                                                        \
    X(PROCESS_PID, "pid")                                                                \
    X(PROCESS_ORIGIN, "origin")                                                          \
    X(PROCESS_EXE, "exe")                                                                \
    X(PROCESS_ARGV, "argv")                                                              \
    X(PROCESS_CWD, "cwd")                                                                \
    X(PROCESS_STARTED_NS, "started_ns")
enum { PROCESS_FIRST = 0, PROCESS_COLUMNS(STORE_COLUMN_ENUM) };

#define ENDED_COLUMNS(X)                                                                 \
    X(ENDED_ENDED_NS, "ended_ns")                                                        \
    X(ENDED_END, "\"end\"")                                                              \
    X(ENDED_EVENTS, "events")                                                            \
    X(ENDED_EVENTS_LOST, "events_lost")                                                  \
    X(ENDED_ALLOCATIONS, "allocations")                                                  \
    X(ENDED_FREES, "frees")                                                              \
    X(ENDED_FAILED, "failed")                                                            \
    X(ENDED_ASKED, "asked")                                                              \
    X(ENDED_BYTES, "bytes")                                                              \
    X(ENDED_LIVE_BLOCKS, "live_blocks")                                                  \
    X(ENDED_LIVE_BYTES, "live_bytes")                                                    \
    X(ENDED_INHERITED, "inherited")                                                      \
    X(ENDED_REPLACED, "replaced")                                                        \
    X(ENDED_STACKS_LOST, "stacks_lost")                                                  \
    X(ENDED_STACKS_TRUNCATED, "stacks_truncated")                                        \
    X(ENDED_STACKS_INCOMPLETE, "stacks_incomplete")                                      \
    X(ENDED_UNWIND_FALLBACKS, "unwind_fallbacks")                                        \
    X(ENDED_BOOT_EVENTS, "boot_events")                                                  \
    X(ENDED_WAITED_NS, "waited_ns")                                                      \
    X(ENDED_EXIT_CODE, "exit_code")
enum { ENDED_FIRST = 0, ENDED_COLUMNS(STORE_COLUMN_ENUM) ENDED_EXIT_SIGNAL, ENDED_ID };

#define THREAD_COLUMNS(X)                                                                \
    X(THREAD_PROCESS_ID, "process_id")                                                   \
    X(THREAD_SERIAL, "serial")                                                           \
    X(THREAD_TID, "tid")
enum { THREAD_FIRST = 0, THREAD_COLUMNS(STORE_COLUMN_ENUM) THREAD_STARTED_NS };
enum { THREAD_ENDED_NS = 1, THREAD_EVENTS, THREAD_ID };

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PROCESS_ID, "process_id")                                                   \
    X(MODULE_MODULE_ID, "module_id")                                                     \
    X(MODULE_BIAS, "bias")                                                               \
    X(MODULE_START, "start")                                                             \
    X(MODULE_END, "\"end\"")
enum { MODULE_FIRST = 0, MODULE_COLUMNS(STORE_COLUMN_ENUM) MODULE_LOADED_NS };
enum { MODULE_UNLOADED_NS = 1, MODULE_OF_PROCESS, MODULE_OF_MODULE, MODULE_FROM };

#define CHUNK_COLUMNS(X)                                                                 \
    X(CHUNK_PROCESS_ID, "process_id")                                                    \
    X(CHUNK_ORDINAL, "ordinal")                                                          \
    X(CHUNK_FIRST_EVENT, "first_event")                                                  \
    X(CHUNK_N_EVENTS, "n_events")                                                        \
    X(CHUNK_START_NS, "start_ns")                                                        \
    X(CHUNK_END_NS, "end_ns")                                                            \
    X(CHUNK_MIN_SIZE, "min_size")                                                        \
    X(CHUNK_MAX_SIZE, "max_size")
enum { CHUNK_FIRST = 0, CHUNK_COLUMNS(STORE_COLUMN_ENUM) CHUNK_DATA };

#define STAT_COLUMNS(X)                                                                  \
    X(STAT_RECORDING_ID, "recording_id")                                                 \
    X(STAT_PROCESS_ID, "process_id")                                                     \
    X(STAT_SITE_ID, "site_id")                                                           \
    X(STAT_COUNT, "count")                                                               \
    X(STAT_FAILED, "failed")                                                             \
    X(STAT_FAILABLE, "failable")                                                         \
    X(STAT_BYTES, "bytes")                                                               \
    X(STAT_MIN_SIZE, "min_size")                                                         \
    X(STAT_MAX_SIZE, "max_size")                                                         \
    X(STAT_FREES, "frees")                                                               \
    X(STAT_PEAK_BYTES, "peak_bytes")                                                     \
    X(STAT_PEAK_BLOCKS, "peak_blocks")                                                   \
    X(STAT_LIVE_BLOCKS, "live_blocks")                                                   \
    X(STAT_LIVE_BYTES, "live_bytes")                                                     \
    X(STAT_TEMPORARY, "temporary")                                                       \
    X(STAT_LIFETIME_NS, "lifetime_ns")                                                   \
    X(STAT_CROSS_THREAD_FREES, "cross_thread_frees")                                     \
    X(STAT_FIRST_NS, "first_ns")                                                         \
    X(STAT_LAST_NS, "last_ns")                                                           \
    X(STAT_FIRST_THREAD_ID, "first_thread_id")                                           \
    X(STAT_NEVER, "never")                                                               \
    X(STAT_SAMPLES, "samples")
enum { STAT_FIRST = 0, STAT_COLUMNS(STORE_COLUMN_ENUM) STAT_OUTSIDE };

#define MARK_COLUMNS(X)                                                                  \
    X(MARK_PROCESS_ID, "process_id")                                                     \
    X(MARK_RING, "ring")                                                                 \
    X(MARK_SEGMENT, "segment")                                                           \
    X(MARK_POSITION, "position")                                                         \
    X(MARK_THREAD, "thread")                                                             \
    X(MARK_PENDING, "pending")
enum { MARK_FIRST = 0, MARK_COLUMNS(STORE_COLUMN_ENUM) MARK_PENDING_NS };

#define PEAK_COLUMNS(X)                                                                  \
    X(PEAK_PEAK_BYTES, "peak_bytes")                                                     \
    X(PEAK_PEAK_NS, "peak_ns")                                                           \
    X(PEAK_DURATION_NS, "duration_ns")                                                   \
    X(PEAK_TICKS_PER_NS, "ticks_per_ns")
enum { PEAK_FIRST = 0, PEAK_COLUMNS(STORE_COLUMN_ENUM) PEAK_OWN_BYTES, PEAK_ID };

enum { NOTE_RECORDING_ID = 1, NOTE_KIND, NOTE_TEXT, NOTE_SUBJECT };
enum { FIND_RECORDING_ID = 1, FIND_ORDINAL };
enum { LOST_EVENTS = 1, LOST_ID };

static const char *const sql[N_STATEMENTS] = {
    [PUT_PROCESS] = "INSERT INTO process(" PROCESS_COLUMNS(
        STORE_COLUMN_SQL) "\"end\") VALUES (" PROCESS_COLUMNS(STORE_COLUMN_PLACE) "'running')",
    [END_PROCESS] = "UPDATE process SET " ENDED_COLUMNS(
        STORE_COLUMN_SET) "exit_signal = ? WHERE id = ?",
    [PUT_THREAD] = "INSERT INTO thread(" THREAD_COLUMNS(
        STORE_COLUMN_SQL) "started_ns) VALUES (" THREAD_COLUMNS(STORE_COLUMN_PLACE) "?)",
    [END_THREAD] = "UPDATE thread SET ended_ns = ?, events = ? WHERE id = ?",
    [PUT_MODULE] = "INSERT INTO process_module(" MODULE_COLUMNS(
        STORE_COLUMN_SQL) "loaded_ns) VALUES (" MODULE_COLUMNS(STORE_COLUMN_PLACE) "?)",
    [END_MODULE] = "UPDATE process_module SET unloaded_ns = ? WHERE process_id = ? AND "
                   "module_id = ? AND start = ? AND unloaded_ns IS NULL",
    [PUT_CHUNK] = "INSERT INTO event_chunk(" CHUNK_COLUMNS(
        STORE_COLUMN_SQL) "data) VALUES (" CHUNK_COLUMNS(STORE_COLUMN_PLACE) "?)",
    [PUT_STAT] = "INSERT OR REPLACE INTO site_stat(" STAT_COLUMNS(
        STORE_COLUMN_SQL) "outside) VALUES (" STAT_COLUMNS(STORE_COLUMN_PLACE) "?)",
    [PUT_NOTE] = "INSERT INTO note(recording_id, kind, text, subject) VALUES (?,?,?,?)",
    [PUT_MARK] = "INSERT OR REPLACE INTO ring_mark(" MARK_COLUMNS(
        STORE_COLUMN_SQL) "pending_ns) VALUES (" MARK_COLUMNS(STORE_COLUMN_PLACE) "?)",
    [DROP_MARKS] = "DELETE FROM ring_mark WHERE process_id = ?",
    [PUT_PEAK] = "UPDATE recording SET " PEAK_COLUMNS(
        STORE_COLUMN_SET) "own_bytes = ? WHERE id = ?",
    /* Of one that has ended: nearly always just before. */
    [FIND_PROCESS] = "SELECT id FROM process WHERE recording_id = ? AND ordinal = ? "
                     "ORDER BY id DESC LIMIT 1",
    [ADD_LOST] = "UPDATE process SET events_lost = events_lost + ? WHERE id = ?",
};

int rows_prepare(struct collector *c) {
    /* What a row refers to has just been made or found: looking it up again is half of each row's price. */
    int r = store_exec(c->store, "PRAGMA foreign_keys = OFF");
    for (int i = 0; r == 0 && i < FIRST_SELDOM; i++)
        r = store_prepare(c->store, sql[i], &c->statements[i]);
    return r;
}

/* Those that most recordings do without. Return: NULL after a message. */
static sqlite3_stmt *seldom(struct collector *c, int which) {
    if (!c->statements[which])
        store_prepare(c->store, sql[which], &c->statements[which]);
    return c->statements[which];
}

void rows_finalize(struct collector *c) {
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(c->statements[i]);
}

int rows_begin(struct collector *c) {
    if (c->transaction_ns)
        return 0;
    int r = store_begin(c->store);
    if (r == 0)
        c->transaction_ns = c->now.ns + 1;
    return r;
}

/* SQL's integers are signed: sizes beyond that (overflowing requests) are shown as the
 * most. */
static void bind(sqlite3_stmt *s, int at, uint64_t value) {
    sqlite3_bind_int64(s, at, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void bind_text(sqlite3_stmt *s, int at, char *owned) {
    if (owned)
        sqlite3_bind_text(s, at, owned, -1, free);
    else
        sqlite3_bind_null(s, at);
}

/* Text out of the arena: may lack its NUL, may be no UTF-8. */
static char *arena_text(const char *s, size_t most) {
    return text_utf8(s, strnlen(s, most));
}

/* A statement that makes a row. Return: its id, or -errno. */
static int64_t insert(struct collector *c, enum statement which) {
    int r = store_step_done(c->store, c->statements[which]);
    return r < 0 ? r : sqlite3_last_insert_rowid(c->store->db);
}

/* --- processes --- */

static char *argv_json(const struct shm_process *p) {
    struct text t = {0};
    const char *at = p->argv, *end = p->argv + sizeof p->argv;
    if (!p->argc_stored)
        return NULL;
    text_add(&t, "[");
    for (uint32_t i = 0; i < p->argc_stored && at < end; i++) {
        size_t n = strnlen(at, (size_t)(end - at));
        AUTO_FREE char *copy = text_utf8(at, n);
        text_add(&t, i ? "," : "");
        text_add_json(&t, copy);
        at += n + 1;
    }
    text_add(&t, "]");
    return text_take(&t);
}

/* Return: 0 = it has none, or -errno. */
static int64_t parent_row(struct collector *c, const struct watched *w) {
    const struct watched *parent = watched_parent(c, w);
    if (parent)
        return parent->row;
    if (!w->shm->parent || w->shm->parent >= w->serial)
        return 0;
    sqlite3_stmt *s = seldom(c, FIND_PROCESS);
    if (!s)
        return -EIO;
    sqlite3_bind_int64(s, FIND_RECORDING_ID, c->recording_id);
    sqlite3_bind_int64(s, FIND_ORDINAL, w->shm->parent);
    int rc = sqlite3_step(s);
    int64_t row = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        row = store_error(c->store, "looking for the parent of a process");
    sqlite3_reset(s);
    return row;
}

int64_t rows_put_process(struct collector *c, const struct watched *w) {
    static const char *const origins[] = {"first", "fork", "exec"};
    sqlite3_stmt *s = c->statements[PUT_PROCESS];
    const struct shm_process *p = w->shm;
    int64_t parent = parent_row(c, w);
    if (parent < 0)
        return parent;
    sqlite3_bind_int64(s, PROCESS_RECORDING_ID, c->recording_id);
    if (parent)
        sqlite3_bind_int64(s, PROCESS_PARENT_ID, parent);
    sqlite3_bind_int64(s, PROCESS_ORDINAL, w->serial);
    sqlite3_bind_int64(s, PROCESS_PID, w->pid);
    sqlite3_bind_text(s, PROCESS_ORIGIN, origins[p->origin < 3 ? p->origin : 0], -1,
                      SQLITE_STATIC);
    bind_text(s, PROCESS_EXE, arena_text(p->exe, sizeof p->exe));
    bind_text(s, PROCESS_ARGV, argv_json(p));
    bind_text(s, PROCESS_CWD, arena_text(p->cwd, sizeof p->cwd));
    bind(s, PROCESS_STARTED_NS, collector_ns_said(c, p->started));
    return insert(c, PUT_PROCESS);
}

int rows_end_process(struct collector *c, const struct watched *w, const char *end,
                     uint64_t lost) {
    sqlite3_stmt *s = c->statements[END_PROCESS];
    uint64_t ended = w->shm->ended ? collector_ns_said(c, w->shm->ended) : 0;
    if (ended < w->last_ns)
        ended = w->last_ns;
    const struct live_totals *t = live_totals(w->live);
    const struct shm_process *p = w->shm;
    const uint64_t waited = watched_waited_ns(c, w);
    const uint64_t sums[] = {t->events,     lost,          t->allocations, t->frees,
                             t->failed,     t->asked,      t->bytes,       t->live_blocks,
                             t->live_bytes, t->inherited,  t->replaced,    p->nodes_lost,
                             p->truncated,  p->incomplete, p->fallbacks,   p->boot_events,
                             waited};
    STORE_COLUMNS_MATCH(sums, ENDED_EVENTS, ENDED_WAITED_NS);
    const bool has_ended = strcmp(end, "exit") == 0 || strcmp(end, "killed") == 0;
    sqlite3_bind_int64(s, ENDED_ID, w->row);
    if (strcmp(end, "running") != 0)
        bind(s, ENDED_ENDED_NS,
             has_ended && !p->ended && !c->resumed ? c->now.ns : ended);
    sqlite3_bind_text(s, ENDED_END, end, -1, SQLITE_STATIC);
    for (int i = 0; i < (int)(sizeof sums / sizeof *sums); i++)
        bind(s, ENDED_EVENTS + i, sums[i]);
    if (has_ended && w->status_known && WIFEXITED(w->status))
        bind(s, ENDED_EXIT_CODE, (uint64_t)WEXITSTATUS(w->status));
    else if (has_ended && w->status_known)
        bind(s, ENDED_EXIT_SIGNAL, (uint64_t)WTERMSIG(w->status));
    return store_step_done(c->store, s);
}

int rows_add_lost(struct collector *c, const struct watched *w, uint64_t lost) {
    sqlite3_stmt *s = seldom(c, ADD_LOST);
    if (!s)
        return -EIO;
    sqlite3_bind_int64(s, LOST_ID, w->row);
    bind(s, LOST_EVENTS, lost);
    return store_step_done(c->store, s);
}

/* --- threads --- */

int64_t rows_put_thread(struct collector *c, const struct watched *w, uint32_t serial,
                        uint32_t tid, uint64_t started_ns) {
    sqlite3_stmt *s = c->statements[PUT_THREAD];
    sqlite3_bind_int64(s, THREAD_PROCESS_ID, w->row);
    sqlite3_bind_int64(s, THREAD_SERIAL, serial);
    sqlite3_bind_int64(s, THREAD_TID, tid);
    bind(s, THREAD_STARTED_NS, started_ns);
    return insert(c, PUT_THREAD);
}

int rows_end_thread(struct collector *c, const struct thread_seen *t) {
    sqlite3_stmt *s = c->statements[END_THREAD];
    if (t->ended_ns)
        bind(s, THREAD_ENDED_NS, t->ended_ns);
    bind(s, THREAD_EVENTS, t->events);
    sqlite3_bind_int64(s, THREAD_ID, t->row);
    return store_step_done(c->store, s);
}

/* --- modules --- */

static uint32_t n_modules(const struct watched *w) {
    uint32_t n = __atomic_load_n(&w->shm->n_modules, __ATOMIC_ACQUIRE);
    uint32_t most = SHM_MAX_MODULE_BLOCKS * SHM_MODULES_PER_BLOCK;
    return n < most ? n : most;
}

int rows_put_modules(struct collector *c, struct watched *w) {
    sqlite3_stmt *s = c->statements[PUT_MODULE];
    for (uint32_t n = n_modules(w); w->n_modules < n; w->n_modules++) {
        const struct shm_module *m = session_module(c->session, w->shm, w->n_modules + 1);
        /* its content's name comes last */
        bool whole =
            m && m->build_id_bytes && (m->path[0] || m->flags & SHM_MODULE_ANONYMOUS);
        if (!whole && w->state == WATCHED_ALIVE)
            return 0; /* still being filled in: the next time */
        int64_t module =
            whole ? session_store_module(c->cache, w->shm, w->n_modules + 1) : 0;
        if (module < 0)
            return (int)module;
        if (!module)
            continue;
        sqlite3_bind_int64(s, MODULE_PROCESS_ID, w->row);
        sqlite3_bind_int64(s, MODULE_MODULE_ID, module);
        sqlite3_bind_int64(s, MODULE_BIAS, (int64_t)m->bias);
        sqlite3_bind_int64(s, MODULE_START, (int64_t)m->start);
        sqlite3_bind_int64(s, MODULE_END, (int64_t)m->end);
        if (m->loaded)
            bind(s, MODULE_LOADED_NS, collector_ns_said(c, m->loaded));
        int r = store_step_done(c->store, s);
        if (r < 0)
            return r;
    }
    return 0;
}

int rows_end_modules(struct collector *c, const struct watched *w) {
    for (uint32_t i = 1; i <= w->n_modules; i++) {
        const struct shm_module *m = session_module(c->session, w->shm, i);
        if (!m || !m->unloaded)
            continue;
        int64_t module = session_store_module(c->cache, w->shm, i);
        if (module <= 0)
            return (int)module;
        sqlite3_stmt *s = seldom(c, END_MODULE);
        if (!s)
            return -EIO;
        bind(s, MODULE_UNLOADED_NS, collector_ns_said(c, m->unloaded));
        sqlite3_bind_int64(s, MODULE_OF_PROCESS, w->row);
        sqlite3_bind_int64(s, MODULE_OF_MODULE, module);
        sqlite3_bind_int64(s, MODULE_FROM, (int64_t)m->start);
        int r = store_step_done(c->store, s);
        if (r < 0)
            return r;
    }
    return 0;
}

/* --- events and sums --- */

int rows_put_chunk(struct collector *c, struct watched *w) {
    struct chunk_summary sum;
    const uint8_t *data;
    size_t n;
    int r = chunk_writer_finish(w->writer, &sum, &data, &n);
    if (r < 0)
        return error_print(r, "cannot encode a chunk of events: %s", strerror(-r));
    if (r > 0)
        return 0;
    if ((r = rows_begin(c)) < 0)
        return r;
    sqlite3_stmt *s = c->statements[PUT_CHUNK];
    sqlite3_bind_int64(s, CHUNK_PROCESS_ID, w->row);
    sqlite3_bind_int64(s, CHUNK_ORDINAL, w->n_chunks++);
    bind(s, CHUNK_FIRST_EVENT, sum.first_event);
    bind(s, CHUNK_N_EVENTS, sum.n_events);
    bind(s, CHUNK_START_NS, sum.start_ns);
    bind(s, CHUNK_END_NS, sum.end_ns);
    bind(s, CHUNK_MIN_SIZE, sum.min_size);
    bind(s, CHUNK_MAX_SIZE, sum.max_size);
    sqlite3_bind_blob64(s, CHUNK_DATA, data, n, SQLITE_STATIC);
    return store_step_done(c->store, s);
}

static int64_t thread_row(const struct watched *w, uint32_t serial) {
    int64_t index;
    return idmap_get(&w->thread_of, serial, &index) ? w->threads[index - 1].row : 0;
}

static int put_stat(struct collector *c, const struct watched *w, uint32_t index,
                    const struct live_stat *v) {
    sqlite3_stmt *s = c->statements[PUT_STAT];
    const uint64_t values[] = {v->count,       v->failed,
                               v->failable,    v->bytes,
                               v->min_size,    v->max_size,
                               v->frees,       v->peak_bytes,
                               v->peak_blocks, v->live_blocks,
                               v->live_bytes,  v->temporary,
                               v->lifetime_ns, v->cross_thread_frees,
                               v->first_ns,    v->last_ns};
    STORE_COLUMNS_MATCH(values, STAT_COUNT, STAT_LAST_NS);
    int64_t thread = thread_row(w, v->first_thread);
    sqlite3_bind_int64(s, STAT_RECORDING_ID, c->recording_id);
    sqlite3_bind_int64(s, STAT_PROCESS_ID, w->row);
    sqlite3_bind_int64(s, STAT_SITE_ID, w->site_rows[index]);
    for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
        bind(s, STAT_COUNT + i, values[i]);
    if (thread)
        sqlite3_bind_int64(s, STAT_FIRST_THREAD_ID, thread);
    bind(s, STAT_NEVER, v->never);
    bind(s, STAT_SAMPLES, v->samples);
    bind(s, STAT_OUTSIDE, v->outside);
    return store_step_done(c->store, s);
}

int rows_put_stats(struct collector *c, struct watched *w) {
    int r = 0;
    for (uint32_t i = 1; r == 0 && i <= w->n_sites; i++) {
        const struct live_stat *v = live_stat(w->live, i);
        uint64_t version = v ? v->count + v->frees : 0; /* nothing changes without one */
        if (version == w->site_versions[i])
            continue;
        r = put_stat(c, w, i, v);
        w->site_versions[i] = version;
    }
    return r;
}

static int put_mark(struct collector *c, const struct watched *w, uint32_t ring) {
    sqlite3_stmt *s = seldom(c, PUT_MARK);
    if (!s)
        return -EIO;
    const struct cursor *cursor = &w->cursors[ring];
    uint64_t index, begin_ns;
    sqlite3_bind_int64(s, MARK_PROCESS_ID, w->row);
    sqlite3_bind_int64(s, MARK_RING, ring);
    sqlite3_bind_int64(s, MARK_SEGMENT, cursor->id);
    sqlite3_bind_int64(s, MARK_POSITION, cursor->position);
    sqlite3_bind_int64(s, MARK_THREAD,
                       cursor->thread ? w->threads[cursor->thread - 1].serial : 0);
    if (live_pending(w->live, ring, &index, &begin_ns)) {
        bind(s, MARK_PENDING, index);
        bind(s, MARK_PENDING_NS, begin_ns);
    }
    return store_step_done(c->store, s);
}

int rows_put_marks(struct collector *c, struct watched *w) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < w->n_cursors; i++) {
        struct cursor *cursor = &w->cursors[i];
        if (!cursor->segment ||
            (cursor->id == cursor->marked && cursor->position == cursor->marked_position))
            continue;
        r = put_mark(c, w, i);
        w->has_marks = true;
        cursor->marked = cursor->id;
        cursor->marked_position = cursor->position;
    }
    return r;
}

int rows_drop_marks(struct collector *c, const struct watched *w) {
    if (!w->has_marks && !c->resumed)
        return 0;
    sqlite3_stmt *s = seldom(c, DROP_MARKS);
    if (!s)
        return -EIO;
    sqlite3_bind_int64(s, 1, w->row);
    return store_step_done(c->store, s);
}

int rows_put_peak(struct collector *c) {
    sqlite3_stmt *s = c->statements[PUT_PEAK];
    sqlite3_bind_int64(s, PEAK_ID, c->recording_id);
    bind(s, PEAK_PEAK_BYTES, c->sum.peak_bytes);
    bind(s, PEAK_PEAK_NS, c->sum.peak_ns);
    bind(s, PEAK_DURATION_NS, c->now.ns);
    sqlite3_bind_double(s, PEAK_TICKS_PER_NS, session_ticks_per_ns(c->session));
    bind(s, PEAK_OWN_BYTES, session_own_bytes(c->session));
    return store_step_done(c->store, s);
}

/* --- notes --- */

static const struct {
    const char *kind, *text;
} note_words[] = {
    [SHM_NOTE_EXEC_STATIC] = {"static", "%s is linked statically: what it did is not "
                                        "recorded"},
    [SHM_NOTE_EXEC_SETUID] = {"setuid", "%s is setuid or setgid, where preloading is not "
                                        "allowed: what it did is not recorded"},
    [SHM_NOTE_EXEC_OTHER_LIBC] = {"other_libc", "%s uses another C library (musl?): what "
                                                "it did is not recorded"},
    [SHM_NOTE_EXEC_OTHER_ABI] = {"other_abi", "%s is built for another machine or word "
                                              "size: what it did is not recorded"},
    [SHM_NOTE_NO_LIBUNWIND] = {"no_libunwind", "libunwind could not be opened in %s: "
                                               "stacks may be incomplete"},
    [SHM_NOTE_EXEC_NO_ACCESS] = {"no_access",
                                 "%s was started with other rights or another "
                                 "root, out of dearth's reach: what it did "
                                 "is not recorded"},
    [SHM_NOTE_SANDBOX] =
        {"sandbox",
         "%s put a filter between itself and the kernel (seccomp): stacks that only "
         "libunwind can read are incomplete from there on, and a program that it "
         "starts may be ended by what dearth asks for there"},
    [SHM_NOTE_CLOCK] = {"clock",
                        "%s forbade itself to read the processor's clock: from there on "
                        "the times of its calls are right to some tens of milliseconds, "
                        "their order and everything else as ever"},
};

/* Valgrind's tools: the program runs inside of them, its malloc() theirs. */
static bool is_valgrind(const char *path) {
    const char *folder = strstr(path, "/valgrind/");
    return folder && strchr(folder + strlen("/valgrind/"), '/') == NULL;
}

static const char *format_of(uint32_t kind, const char *subject) {
    if (kind == SHM_NOTE_EXEC_STATIC && is_valgrind(subject))
        return "%s hides from dearth what its program allocates: record the program "
               "itself, then 'dearth replay --under valgrind'";
    return note_words[kind].text;
}

int rows_put_notes(struct collector *c, const struct watched *w, uint32_t *n) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < SHM_MAX_NOTES; i++) {
        const struct shm_note *note = &w->shm->notes[i];
        if (__atomic_load_n(&note->state, __ATOMIC_ACQUIRE) != 1 || !note->kind ||
            note->kind >= sizeof note_words / sizeof *note_words)
            continue;
        sqlite3_stmt *s = seldom(c, PUT_NOTE);
        if (!s)
            return -EIO;
        bool about_process = note->kind == SHM_NOTE_NO_LIBUNWIND;
        char *subject = about_process ? arena_text(w->shm->exe, sizeof w->shm->exe)
                                      : arena_text(note->text, sizeof note->text);
        const char *format = format_of(note->kind, subject);
        const char *hole = strstr(format, "%s");
        sqlite3_bind_int64(s, NOTE_RECORDING_ID, c->recording_id);
        sqlite3_bind_text(s, NOTE_KIND, note_words[note->kind].kind, -1, SQLITE_STATIC);
        bind_text(
            s, NOTE_TEXT,
            text_format("%.*s%s%s", (int)(hole - format), format, subject, hole + 2));
        bind_text(s, NOTE_SUBJECT, subject);
        r = store_step_done(c->store, s);
        (*n)++;
    }
    return r;
}
