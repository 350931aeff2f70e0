/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's rows of runs without a fault: their ends, the files they wrote, the sites they met. */
#include <errno.h>
#include <string.h>

#include "ledger_private.h"
#include "session.h"
#include "text.h"
#include "usual.h"

void ledger_bind_end(sqlite3_stmt *s, const struct observation *o) {
    if (!o->end.exit_signal)
        sqlite3_bind_int(s, LEDGER_EXIT_CODE, o->end.exit_code);
    else
        sqlite3_bind_int(s, LEDGER_EXIT_SIGNAL, o->end.exit_signal);
    sqlite3_bind_int(s, LEDGER_TIMED_OUT, o->end.timed_out);
    sqlite3_bind_int64(s, LEDGER_DURATION_NS, (int64_t)o->end.duration_ns);
    sqlite3_bind_int64(s, LEDGER_CPU_NS, (int64_t)o->end.cpu_ns);
}

/* Parameters of the statements of ledger_count_sites(). */
enum { COUNT_OWNER = 1, COUNT_COUNT, COUNT_SITE };

struct count_sites {
    struct ledger *ledger;
    struct session_site_cache *cache;
    sqlite3_stmt *insert;
    int64_t owner;  /* row of `baseline` or `attempt` */
    uint32_t flags; /* only nodes with these */
    int error;
};

static void count_site(void *context, const struct shm_process *process, uint32_t node_id,
                       const struct shm_node *node) {
    struct count_sites *c = context;
    if (c->error || !node->count || (node->flags & c->flags) != c->flags)
        return;
    int64_t site = session_store_site(c->cache, process, node_id);
    if (site <= 0) {
        c->error = (int)site;
        return;
    }
    sqlite3_bind_int64(c->insert, COUNT_OWNER, c->owner);
    sqlite3_bind_int64(c->insert, COUNT_SITE, site);
    sqlite3_bind_int64(c->insert, COUNT_COUNT, (int64_t)node->count);
    c->error = store_step_done(c->ledger->store, c->insert);
}

int ledger_count_sites(struct ledger *l, int64_t owner, struct session *session,
                       uint32_t flags, const char *sql) {
    AUTO_STMT sqlite3_stmt *insert = NULL;
    int r = store_prepare(l->store, sql, &insert);
    if (r < 0)
        return r;
    struct count_sites c = {
        .ledger = l, .insert = insert, .owner = owner, .flags = flags};
    c.cache = session_site_cache_new(session, l->store);
    if (!c.cache)
        return -EIO;
    session_each_site(session, count_site, &c);
    session_site_cache_free(c.cache);
    return c.error;
}

#define BASELINE_COLUMNS(X)                                                              \
    LEDGER_END_COLUMNS(X)                                                                \
    BASELINE_OWN_COLUMNS(X)
#define BASELINE_OWN_COLUMNS(X)                                                          \
    X(BASELINE_REPLAY_ID, "replay_id")                                                   \
    X(BASELINE_ORDINAL, "ordinal")                                                       \
    X(BASELINE_STDOUT, "stdout")                                                         \
    X(BASELINE_STDOUT_BYTES, "stdout_bytes")                                             \
    X(BASELINE_STDOUT_DIGEST, "stdout_digest")                                           \
    X(BASELINE_STDERR, "stderr")                                                         \
    X(BASELINE_STDERR_BYTES, "stderr_bytes")                                             \
    X(BASELINE_FILES_DIGEST, "files_digest")
enum { BASELINE_FIRST = LEDGER_END_LAST - 1, BASELINE_OWN_COLUMNS(STORE_COLUMN_ENUM) };

static int insert_baseline(struct ledger *l, uint32_t ordinal,
                           const struct observation *o) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        l->store,
        "INSERT INTO baseline (" BASELINE_COLUMNS(
            STORE_COLUMN_SQL) "sites) VALUES (" BASELINE_COLUMNS(STORE_COLUMN_PLACE) "0)",
        &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, BASELINE_REPLAY_ID, l->replay_id);
    sqlite3_bind_int64(s, BASELINE_ORDINAL, ordinal);
    ledger_bind_end(s, o);
    sqlite3_bind_blob64(s, BASELINE_STDOUT,
                        o->output.stdout_data ? (const void *)o->output.stdout_data : "",
                        o->output.stdout_kept, SQLITE_STATIC);
    sqlite3_bind_int64(s, BASELINE_STDOUT_BYTES, (int64_t)o->output.stdout_bytes);
    sqlite3_bind_blob(s, BASELINE_STDOUT_DIGEST, o->output.stdout_digest, 16,
                      SQLITE_STATIC);
    sqlite3_bind_blob64(s, BASELINE_STDERR,
                        o->output.stderr_tail ? o->output.stderr_tail : "",
                        o->output.stderr_tail_n, SQLITE_STATIC);
    sqlite3_bind_int64(s, BASELINE_STDERR_BYTES, (int64_t)o->output.stderr_bytes);
    if (o->output.files_known)
        sqlite3_bind_blob(s, BASELINE_FILES_DIGEST, o->output.files_digest, 16,
                          SQLITE_STATIC);
    return store_step_done(l->store, s);
}

#define FILE_COLUMNS(X)                                                                  \
    X(FILE_BASELINE_ID, "baseline_id")                                                   \
    X(FILE_PATH, "path")                                                                 \
    X(FILE_MODE, "mode")                                                                 \
    X(FILE_SIZE, "size")                                                                 \
    X(FILE_DIGEST, "digest")
enum { FILE_FIRST = 0, FILE_COLUMNS(STORE_COLUMN_ENUM) FILE_EXISTED };

static int store_files(struct ledger *l, int64_t baseline_id,
                       const struct observation *o) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        l->store,
        "INSERT OR REPLACE INTO baseline_file (" FILE_COLUMNS(
            STORE_COLUMN_SQL) "existed) VALUES (" FILE_COLUMNS(STORE_COLUMN_PLACE) "?)",
        &s);
    for (uint32_t i = 0; r == 0 && i < o->output.n_files; i++) {
        const struct written_file *f = &o->output.files[i];
        AUTO_FREE char *path = text_utf8(f->path, strlen(f->path));
        sqlite3_bind_int64(s, FILE_BASELINE_ID, baseline_id);
        sqlite3_bind_text(s, FILE_PATH, path, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(s, FILE_MODE, f->mode);
        sqlite3_bind_int64(s, FILE_SIZE, (int64_t)f->size);
        sqlite3_bind_blob(s, FILE_DIGEST, f->digest, 16, SQLITE_STATIC);
        sqlite3_bind_int(s, FILE_EXISTED, f->existed);
        r = store_step_done(l->store, s);
    }
    return r;
}

#define SIGNAL_COLUMNS(X)                                                                \
    X(SIGNAL_BASELINE_ID, "baseline_id")                                                 \
    X(SIGNAL_ORDINAL, "ordinal")                                                         \
    X(SIGNAL_DEPTH, "depth")                                                             \
    X(SIGNAL_SIGNAL, "signal")                                                           \
    X(SIGNAL_ADDRESS, "address")                                                         \
    X(SIGNAL_CODE, "code")                                                               \
    X(SIGNAL_MODULE, "module")
enum { SIGNAL_FIRST = 0, SIGNAL_COLUMNS(STORE_COLUMN_ENUM) SIGNAL_OFFSET };

/* Their places: usual.h compares no more. */
static int store_signals(struct ledger *l, int64_t baseline_id,
                         const struct observation *o) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        l->store,
        "INSERT INTO baseline_signal (" SIGNAL_COLUMNS(
            STORE_COLUMN_SQL) "\"offset\") VALUES (" SIGNAL_COLUMNS(STORE_COLUMN_PLACE) "?)",
        &s);
    for (uint32_t i = 0; i < o->n_caught; i++) {
        const struct caught_signal *caught = &o->caught[i];
        uint32_t first = usual_first_frame(caught);
        for (uint32_t k = 0; r == 0 && first + k < caught->n_frames && k < USUAL_FRAMES;
             k++) {
            const struct crash_frame *f = &caught->frames[first + k];
            sqlite3_bind_int64(s, SIGNAL_BASELINE_ID, baseline_id);
            sqlite3_bind_int64(s, SIGNAL_ORDINAL, i);
            sqlite3_bind_int64(s, SIGNAL_DEPTH, k);
            sqlite3_bind_int(s, SIGNAL_SIGNAL, caught->signal);
            sqlite3_bind_int64(s, SIGNAL_ADDRESS, (int64_t)caught->address);
            sqlite3_bind_int(s, SIGNAL_CODE, caught->fatal ? 0 : caught->code);
            store_bind_text(s, SIGNAL_MODULE, f->module ? f->module : "[anon]");
            sqlite3_bind_int64(s, SIGNAL_OFFSET, (int64_t)f->offset);
            r = store_step_done(l->store, s);
        }
    }
    return r;
}

static int store_sites(struct ledger *l, int64_t baseline_id, struct session *session) {
    int r = ledger_count_sites(l, baseline_id, session, 0,
                               "INSERT INTO baseline_site (baseline_id, count, site_id) "
                               "VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                               "SET count = count + excluded.count");
    if (r < 0)
        return r;
    AUTO_FREE char *sql = text_format("UPDATE baseline SET sites = (SELECT count(*) FROM "
                                      "baseline_site WHERE baseline_id = %1$lld) "
                                      "WHERE id = %1$lld",
                                      (long long)baseline_id);
    return store_exec(l->store, sql);
}

int ledger_baseline(struct ledger *l, uint32_t ordinal, const struct observation *seen,
                    struct session *session) {
    int r = ledger_flush(l);
    if (r == 0)
        r = store_begin(l->store);
    if (r == 0)
        r = insert_baseline(l, ordinal, seen);
    int64_t id = sqlite3_last_insert_rowid(l->store->db);
    if (r == 0)
        r = store_files(l, id, seen);
    if (r == 0)
        r = store_signals(l, id, seen);
    if (r == 0)
        r = store_sites(l, id, session);
    if (r == 0)
        r = store_commit(l->store);
    if (r < 0)
        store_rollback(l->store);
    return r;
}

int ledger_forget_baselines(struct ledger *l) {
    AUTO_FREE char *sql = text_format(
        "DELETE FROM baseline_site WHERE baseline_id IN (SELECT id FROM baseline "
        "WHERE replay_id = %1$lld); DELETE FROM baseline_file WHERE baseline_id IN "
        "(SELECT id FROM baseline WHERE replay_id = %1$lld); DELETE FROM baseline_signal "
        "WHERE baseline_id IN (SELECT id FROM baseline WHERE replay_id = %1$lld); DELETE "
        "FROM baseline WHERE "
        "replay_id = %1$lld",
        (long long)l->replay_id);
    return store_exec(l->store, sql);
}

int ledger_folded(struct ledger *l, const struct baseline *b, uint64_t time_limit_ns,
                  uint64_t planned) {
    /* the same sites in every run: each site has as many rows as there are runs */
    AUTO_FREE char *sql = text_format(
        "UPDATE replay SET time_limit_ns = %2$lld, deterministic_output = %3$d, planned "
        "= %4$lld, deterministic_sites = NOT EXISTS (SELECT 1 FROM baseline_site bs JOIN "
        "baseline b ON b.id = bs.baseline_id WHERE b.replay_id = %1$lld GROUP BY "
        "bs.site_id HAVING count(*) < (SELECT count(*) FROM baseline WHERE replay_id = "
        "%1$lld)) WHERE id = %1$lld",
        (long long)l->replay_id, (long long)time_limit_ns, b->stdout_stable,
        (long long)planned);
    return store_exec(l->store, sql);
}
