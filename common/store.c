/*
 * The database file: see store.h. The schema is schemas/store.sql, embedded at build
 * time; migrations are listed here in order, each taking version n to n + 1 in one
 * transaction.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "schema_sql.h" /* generated: static const char schema_sql[] */
#include "text.h"

/* migrations[i] takes a database from version i + 1 to i + 2. */
static const char *const migrations[] = {
    "ALTER TABLE replay ADD COLUMN how TEXT NOT NULL DEFAULT 'rerun';"
    "ALTER TABLE attempt ADD COLUMN leaked_bytes INTEGER;"
    "ALTER TABLE attempt ADD COLUMN armed TEXT;"
    "ALTER TABLE attempt ADD COLUMN rounds INTEGER;"
    "ALTER TABLE attempt ADD COLUMN silent INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN output_check INTEGER;"
    "ALTER TABLE finding ADD COLUMN unreached INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE finding ADD COLUMN facility TEXT;"
    "ALTER TABLE finding ADD COLUMN effect TEXT;"
    "ALTER TABLE attempt ADD COLUMN differs TEXT;"
    "ALTER TABLE attempt ADD COLUMN hang TEXT;"
    "ALTER TABLE attempt ADD COLUMN hang_call TEXT;"
    "CREATE TABLE baseline_file (baseline_id INTEGER NOT NULL REFERENCES baseline(id), "
    "path TEXT NOT NULL, mode INTEGER NOT NULL, existed INTEGER NOT NULL, size INTEGER "
    "NOT NULL, digest BLOB NOT "
    "NULL, PRIMARY KEY (baseline_id, path)) WITHOUT ROWID;"
    "ALTER TABLE attempt ADD COLUMN sample_stack_id INTEGER REFERENCES stack(id);"
    "ALTER TABLE attempt ADD COLUMN under TEXT NOT NULL DEFAULT 'plain';"
    "ALTER TABLE attempt ADD COLUMN second_site_id INTEGER REFERENCES site(id);"
    "ALTER TABLE attempt ADD COLUMN second_occurrence INTEGER;"
    "ALTER TABLE attempt ADD COLUMN damage TEXT;"
    "ALTER TABLE attempt ADD COLUMN damage_where TEXT;"
    "ALTER TABLE attempt ADD COLUMN damage_size INTEGER;"
    "ALTER TABLE attempt ADD COLUMN damage_offset INTEGER;"
    "ALTER TABLE attempt ADD COLUMN damage_site_id INTEGER REFERENCES site(id);"
    "ALTER TABLE attempt ADD COLUMN explored INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN thread TEXT NOT NULL DEFAULT 'any';"
    "ALTER TABLE attempt ADD COLUMN call INTEGER;"
    "ALTER TABLE attempt ADD COLUMN chance TEXT;"
    "ALTER TABLE attempt ADD COLUMN failed TEXT;"
    "ALTER TABLE recording ADD COLUMN marked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recording ADD COLUMN max_depth INTEGER NOT NULL DEFAULT 512;"
    "ALTER TABLE site_stat ADD COLUMN never INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE site_stat ADD COLUMN outside INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recording ADD COLUMN session TEXT;"
    "ALTER TABLE recording ADD COLUMN processes_lost INTEGER;"
    "ALTER TABLE process ADD COLUMN allocations INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN frees INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN live_blocks INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN live_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN inherited INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN stacks_lost INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN stacks_truncated INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN stacks_incomplete INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN unwind_fallbacks INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN boot_events INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN waited_ns INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE process ADD COLUMN exit_code INTEGER;"
    "ALTER TABLE process ADD COLUMN exit_signal INTEGER;"
    "CREATE TABLE ring_mark (process_id INTEGER NOT NULL REFERENCES process(id), "
    "ring INTEGER NOT NULL, segment INTEGER NOT NULL, position INTEGER NOT NULL, "
    "thread INTEGER NOT NULL, pending INTEGER, pending_ns INTEGER, "
    "PRIMARY KEY (process_id, ring)) WITHOUT ROWID;"
    "CREATE TABLE error_path (attempt_id INTEGER NOT NULL REFERENCES attempt(id), "
    "site_id INTEGER NOT NULL REFERENCES site(id), count INTEGER NOT NULL, "
    "PRIMARY KEY (attempt_id, site_id)) WITHOUT ROWID;"
    "CREATE TABLE leak (attempt_id INTEGER NOT NULL REFERENCES attempt(id), "
    "site_id INTEGER NOT NULL REFERENCES site(id), blocks INTEGER NOT NULL, "
    "bytes INTEGER NOT NULL, direct INTEGER NOT NULL DEFAULT 0, "
    "PRIMARY KEY (attempt_id, site_id)) WITHOUT ROWID;"
    "CREATE TABLE refused (replay_id INTEGER NOT NULL REFERENCES replay(id), "
    "site_id INTEGER NOT NULL REFERENCES site(id), reason TEXT NOT NULL, "
    "PRIMARY KEY (replay_id, site_id)) WITHOUT ROWID;"
    "CREATE TABLE unchecked_attempt AS SELECT * FROM attempt WHERE 0;"
    "CREATE INDEX unchecked_by_id ON unchecked_attempt(id);",
    "ALTER TABLE recording ADD COLUMN rings_damaged INTEGER;",
};

int store_error(struct store *store, const char *doing) {
    int code = sqlite3_extended_errcode(store->db);
    const char *reason = sqlite3_errmsg(store->db);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return error_print(-ENOSPC,
                           "%s: %s: no space left on the disk; what was committed "
                           "is kept",
                           store->path, doing);
    case SQLITE_READONLY:
        return error_print(-EROFS,
                           "%s: %s: the file or its folder is read-only; name "
                           "another with -o",
                           store->path, doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_print(-EBUSY,
                           "%s: %s: another dearth is writing to it; wait for it or "
                           "name another file",
                           store->path, doing);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return error_print(-EINVAL, "%s: %s: the file is damaged or not a database (%s)",
                           store->path, doing, reason);
    default:
        return error_print(-EIO, "%s: %s: %s", store->path, doing, reason);
    }
}

int store_exec(struct store *store, const char *sql) {
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return store_error(store, "writing");
    return 0;
}

int store_prepare(struct store *store, const char *sql, sqlite3_stmt **out) {
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) !=
        SQLITE_OK)
        return store_error(store, sql);
    return 0;
}

int store_step_done(struct store *store, sqlite3_stmt *statement) {
    int rc = sqlite3_step(statement);
    int result =
        rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : store_error(store, "writing");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

int64_t store_int(struct store *store, const char *sql, int64_t fallback) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return fallback;
    if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_type(s, 0) == SQLITE_NULL)
        return fallback;
    return sqlite3_column_int64(s, 0);
}

int store_begin(struct store *store) {
    return store_exec(store, "BEGIN IMMEDIATE");
}

int store_commit(struct store *store) {
    return store_exec(store, "COMMIT");
}

void store_rollback(struct store *store) {
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

void store_bind_key(sqlite3_stmt *statement, int index, struct dearth_key key) {
    uint8_t blob[16];
    text_key_to_blob(key, blob);
    sqlite3_bind_blob(statement, index, blob, sizeof blob, SQLITE_TRANSIENT);
}

struct dearth_key store_column_key(sqlite3_stmt *statement, int column) {
    const uint8_t *blob = sqlite3_column_blob(statement, column);
    if (!blob || sqlite3_column_bytes(statement, column) != 16)
        return (struct dearth_key){0, 0};
    return text_key_from_blob(blob);
}

const char *store_column_text(sqlite3_stmt *statement, int column) {
    return (const char *)sqlite3_column_text(statement, column);
}

int64_t store_recording(struct store *store, int64_t wanted) {
    int64_t newest = store_int(store, "SELECT max(id) FROM recording", 0);
    if (!newest)
        return error_print(-ENOENT,
                           "%s: holds no recording; make one with 'dearth record -o "
                           "%s -- PROGRAM'",
                           store->path, store->path);
    if (wanted <= 0)
        return newest;
    AUTO_FREE char *sql =
        text_format("SELECT id FROM recording WHERE id = %lld", (long long)wanted);
    if (!store_int(store, sql, 0))
        return error_print(-ENOENT, "%s: holds no recording %lld; the newest is %lld",
                           store->path, (long long)wanted, (long long)newest);
    return wanted;
}

/* Look at the file before SQLite does, for errors that name what is wrong. */
static int probe_file(const char *path, enum store_mode mode, bool *fresh) {
    struct stat st;
    *fresh = false;
    if (stat(path, &st) < 0) {
        if (errno != ENOENT || mode != STORE_CREATE)
            return error_print_errno(-errno,
                                     errno == ENOENT
                                         ? "%s: no such database; 'dearth record -o "
                                           "FILE -- PROGRAM' makes one"
                                         : "%s: cannot open",
                                     path);
        *fresh = true;
        int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
            return error_print_errno(
                -errno, "%s: cannot create; name another file with -o", path);
        close(fd);
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return error_print(-EISDIR, "%s: is a folder, not a database", path);
    *fresh = st.st_size == 0;
    if (*fresh && mode != STORE_CREATE)
        return error_print(-EINVAL, "%s: is empty, not a database", path);
    if (access(path, mode == STORE_READ ? R_OK : R_OK | W_OK) < 0)
        return error_print_errno(-errno, "%s: cannot open", path);
    return 0;
}

static int create_schema(struct store *store) {
    int r = store_begin(store);
    if (r < 0)
        return r;
    AUTO_FREE char *ids =
        text_format("PRAGMA application_id = %d; PRAGMA user_version = %d;",
                    STORE_APPLICATION_ID, STORE_VERSION);
    if ((r = store_exec(store, schema_sql)) < 0 || (r = store_exec(store, ids)) < 0 ||
        (r = store_commit(store)) < 0)
        store_rollback(store);
    return r;
}

static int migrate(struct store *store, int64_t version) {
    for (; version < STORE_VERSION; version++) {
        AUTO_FREE char *bump = text_format("PRAGMA user_version = %d", (int)version + 1);
        int r = store_begin(store);
        if (r < 0)
            return r;
        if ((r = store_exec(store, migrations[version - 1])) < 0 ||
            (r = store_exec(store, bump)) < 0 || (r = store_commit(store)) < 0) {
            store_rollback(store);
            return r;
        }
    }
    return 0;
}

static int check_identity(struct store *store, enum store_mode mode) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db,
                           "SELECT application_id, user_version FROM "
                           "pragma_application_id, pragma_user_version",
                           -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW)
        return store_error(store, "opening");
    int64_t id = sqlite3_column_int64(s, 0), version = sqlite3_column_int64(s, 1);
    if (id != STORE_APPLICATION_ID)
        return error_print(-EINVAL,
                           "%s: is a database of another program, not dearth's; "
                           "name another file",
                           store->path);
    if (version > STORE_VERSION)
        return error_print(-EINVAL,
                           "%s: was written by a newer dearth (schema %d, this one "
                           "knows %d); update dearth",
                           store->path, (int)version, STORE_VERSION);
    if (version < STORE_VERSION && mode == STORE_READ)
        return error_print(-EINVAL,
                           "%s: has an older schema; 'dearth replay' or 'dearth "
                           "record' on a writable copy brings it up to date",
                           store->path);
    sqlite3_reset(s);
    return migrate(store, version);
}

/*
 * SQLite reads a WAL database through a shared-memory file beside it. Where that cannot
 * be made (a read-only folder) and no log waits to be read, nobody can be writing either:
 * the file is opened as immutable. Source: https://www.sqlite.org/wal.html#readonly
 */
static char *immutable_uri(const char *path) {
    AUTO_FREE char *log = text_format("%s-wal", path);
    AUTO_FREE char *folder = text_dup(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    struct stat st;
    if (access(slash ? folder : ".", W_OK) == 0 || stat(log, &st) == 0)
        return NULL;
    struct text uri = {0};
    text_add(&uri, path[0] == '/' ? "file://" : "file:");
    for (const char *p = path; *p; p++) {
        if (strchr("%?#", *p))
            text_addf(&uri, "%%%02x", (unsigned char)*p);
        else
            text_add_n(&uri, p, 1);
    }
    text_add(&uri, "?immutable=1");
    return text_take(&uri);
}

/*
 * Of several that start at once on a new file, one applies the schema and the others wait. The
 * descriptor stays open as long as the database: closing it would drop SQLite's own locks of
 * the file. https://www.sqlite.org/howtocorrupt.html, section 2.2
 */
static int lock_fresh(struct store *store, bool *fresh) {
    struct stat st;
    store->lock_fd = open(store->path, O_RDWR | O_CLOEXEC);
    if (store->lock_fd < 0 || flock(store->lock_fd, LOCK_EX) < 0 ||
        fstat(store->lock_fd, &st) < 0)
        return error_print_errno(-errno, "%s: cannot lock", store->path);
    *fresh = st.st_size == 0;
    return 0;
}

int store_new(const char *path, enum store_mode mode, struct store **out) {
    bool fresh;
    int r = probe_file(path, mode, &fresh);
    if (r < 0)
        return r;
    struct store *store = text_alloc(sizeof *store);
    store->path = text_dup(path);
    store->lock_fd = -1;
    if (mode == STORE_CREATE && (r = lock_fresh(store, &fresh)) < 0) {
        store_free(store);
        return r;
    }
    int flags = mode == STORE_READ ? SQLITE_OPEN_READONLY
                                   : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    AUTO_FREE char *uri = mode == STORE_READ ? immutable_uri(path) : NULL;
    if (uri)
        flags |= SQLITE_OPEN_URI;
    if (sqlite3_open_v2(uri ? uri : path, &store->db, flags, NULL) != SQLITE_OK) {
        r = store_error(store, "opening");
        store_free(store);
        return r;
    }
    sqlite3_busy_timeout(store->db, 10000);
    if (fresh && mode == STORE_CREATE) {
        r = store_exec(store, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;");
        if (r == 0)
            r = create_schema(store);
    } else {
        r = check_identity(store, mode);
        if (r == 0 && mode != STORE_READ)
            r = store_exec(store, "PRAGMA journal_mode = WAL;");
    }
    if (r == 0)
        r = store_exec(
            store, "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; "
                   "PRAGMA cache_size = -65536; " /* KiB: random keys touch all pages */
                   "PRAGMA temp_store = MEMORY;");
    if (store->lock_fd >= 0)
        flock(store->lock_fd, LOCK_UN);
    if (r < 0) {
        store_free(store);
        return r;
    }
    *out = store;
    return 0;
}

struct store *store_free(struct store *store) {
    if (store) {
        sqlite3_close_v2(store->db);
        if (store->lock_fd >= 0)
            close(store->lock_fd);
        free(store->path);
        free(store);
    }
    return NULL;
}
