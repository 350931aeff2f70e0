/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database file: see store.h. The schema is schemas/store.sql, embedded at build
 * time; migrations are listed here in order, each taking version n to n + 1 in one
 * transaction.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "error.h"
#include "schema_sql.h" /* generated: static const char schema_sql[] */
#if __has_include("store_image.h")
#include "store_image.h" /* generated: see schemas/store_image.c */
#endif
#include "store_folder.h"
#include "store_schema.h"
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
    "ALTER TABLE recording ADD COLUMN stranger TEXT;"
    "ALTER TABLE recording ADD COLUMN rings_damaged INTEGER;"
    "ALTER TABLE replay ADD COLUMN stranger TEXT;",
    ("ALTER TABLE attempt ADD COLUMN inferred INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE unchecked_attempt ADD COLUMN inferred INT;"),
    ("CREATE TABLE environment ( id INTEGER PRIMARY KEY, digest BLOB NOT NULL "
     "UNIQUE, variables BLOB NOT NULL, denied TEXT NOT NULL );"
     "CREATE TABLE unit ( id INTEGER PRIMARY KEY, recording_id INTEGER NOT NULL "
     "REFERENCES recording(id), ordinal INTEGER NOT NULL, environment_id INTEGER "
     "REFERENCES environment(id), exe TEXT NOT NULL, argv_bytes BLOB NOT NULL, cwd "
     "TEXT NOT NULL, umask INTEGER, limits TEXT, stdin_kind TEXT NOT NULL, "
     "stdin_path TEXT, stdin_offset INTEGER, stdin_digest BLOB, stdin_data BLOB, "
     "descriptors TEXT NOT NULL, UNIQUE (recording_id, ordinal) );"
     "CREATE TABLE unit_run (id INTEGER PRIMARY KEY, unit_id INTEGER NOT NULL "
     "REFERENCES unit(id), recording_id INTEGER REFERENCES recording(id), reason TEXT, "
     "sites INTEGER NOT NULL, reached INTEGER NOT NULL);"
     "CREATE TABLE target (id INTEGER PRIMARY KEY, recording_id INTEGER NOT NULL "
     "REFERENCES recording(id), key BLOB NOT NULL, state TEXT NOT NULL, reason TEXT, "
     "contexts INTEGER NOT NULL, contexts_tested INTEGER NOT NULL, "
     "UNIQUE (recording_id, key));"
     "CREATE TABLE target_site (target_id INTEGER NOT NULL REFERENCES target(id), "
     "site_id INTEGER NOT NULL REFERENCES site(id), PRIMARY KEY (target_id, site_id)) "
     "WITHOUT ROWID;"
     "CREATE TABLE former_file (recording_id INTEGER NOT NULL REFERENCES recording(id), "
     "path TEXT NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT "
     "NULL, modified_ns INTEGER NOT NULL, content BLOB, UNIQUE (recording_id, path));"),
    ("CREATE TABLE baseline_signal (baseline_id INTEGER NOT NULL REFERENCES "
     "baseline(id), ordinal INTEGER NOT NULL, depth INTEGER NOT NULL, signal INTEGER NOT "
     "NULL, address INTEGER NOT NULL, module TEXT NOT NULL, \"offset\" INTEGER NOT NULL, "
     "PRIMARY KEY (baseline_id, ordinal, depth)) WITHOUT ROWID;"
     "ALTER TABLE attempt ADD COLUMN cause TEXT;"
     "ALTER TABLE unchecked_attempt ADD COLUMN cause TEXT;"
     "ALTER TABLE attempt ADD COLUMN boundary INTEGER;"
     "ALTER TABLE unchecked_attempt ADD COLUMN boundary INT;"
     "ALTER TABLE attempt ADD COLUMN last_site_id INTEGER REFERENCES site(id);"
     "ALTER TABLE unchecked_attempt ADD COLUMN last_site_id INT;"),
    /* the last part of an identity is the place; where it has two there is none but the fault's */
    ("ALTER TABLE finding ADD COLUMN place TEXT;"
     "UPDATE finding SET place = identity;"
     "UPDATE finding SET place = substr(identity, 1, instr(identity, '|')) || substr(identity, "
     "instr(identity, '|') + 1 + instr(substr(identity, instr(identity, '|') + 1), '|')) WHERE "
     "identity LIKE '%|%|%';"),
    ("ALTER TABLE recording ADD COLUMN suite_id INTEGER REFERENCES recording(id);"
     "CREATE TABLE test (id INTEGER PRIMARY KEY, recording_id INTEGER NOT NULL "
     "REFERENCES recording(id), unit_id INTEGER NOT NULL REFERENCES unit(id), whole_id "
     "INTEGER REFERENCES unit(id), harness TEXT NOT NULL, name TEXT NOT NULL, filter "
     "TEXT);"
     "CREATE TABLE test_site (test_id INTEGER NOT NULL REFERENCES test(id), site_id "
     "INTEGER NOT NULL REFERENCES site(id), PRIMARY KEY (test_id, site_id)) WITHOUT "
     "ROWID;"),
    "ALTER TABLE recording ADD COLUMN sample_bytes INTEGER;"
    "ALTER TABLE recording ADD COLUMN only_exe TEXT;"
    "ALTER TABLE site_stat ADD COLUMN samples INTEGER NOT NULL DEFAULT 0;",
    ("ALTER TABLE attempt ADD COLUMN scope TEXT;"
     "ALTER TABLE unchecked_attempt ADD COLUMN scope TEXT;"
     "ALTER TABLE attempt ADD COLUMN spared INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE unchecked_attempt ADD COLUMN spared INT;"
     "ALTER TABLE attempt ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE unchecked_attempt ADD COLUMN unsure INT;"),
    "CREATE TABLE survivor (replay_id INTEGER NOT NULL REFERENCES replay(id), site_id "
    "INTEGER NOT NULL REFERENCES site(id), occurrence INTEGER NOT NULL, mode TEXT NOT "
    "NULL, burst INTEGER NOT NULL, scope TEXT, PRIMARY KEY (replay_id, site_id, occurrence, "
    "mode, burst)) WITHOUT ROWID;",
    /* what was kept before had been caught, by a code that is not known */
    "ALTER TABLE baseline_signal ADD COLUMN code INTEGER NOT NULL DEFAULT 0;"
    "UPDATE baseline_signal SET code = 1;",
};

#define BUSY_MS 10000 /* how long another's lock is waited for */

/* What SQLite says, by its primary code; a disk that is full has several. */
static int error_code(sqlite3 *db) {
    int code = sqlite3_extended_errcode(db) & 0xff, error = sqlite3_system_errno(db);
    bool full = error == ENOSPC || error == EDQUOT;
    return full && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) ? SQLITE_FULL : code;
}

/*
 * Work that reading may take, in instructions of SQLite's machine (some 10^8 a second), looked at every
 * so many of them. Reports, pages and profiles of 496 sites took less than one for each byte of their
 * file; hundreds, and a start of some seconds, are left to honest files of other shapes. Pages that
 * lead to each other make a file of 100 KiB endless.
 */
#define WORK_LOOK     1000000
#define WORK_START    200000000ull
#define WORK_PER_BYTE 500ull

int store_error(struct store *store, const char *doing) {
    const char *reason = sqlite3_errmsg(store->db);
    switch (error_code(store->db)) {
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
    case SQLITE_CANTOPEN:
        if (sqlite3_system_errno(store->db) == EMFILE)
            return error_print_errno(-EMFILE, "%s: %s", store->path, doing);
        return error_print(-EACCES,
                           "%s: %s: the file, or the log that SQLite keeps beside it "
                           "(FILE-wal, FILE-shm), cannot be opened: may files be made in "
                           "its folder?",
                           store->path, doing);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return error_print(-EINVAL, "%s: %s: the file is damaged or not a database (%s)",
                           store->path, doing, reason);
    case SQLITE_TOOBIG:
        return error_print(-EINVAL, "%s: %s: the file is damaged: a value is too long",
                           store->path, doing);
    case SQLITE_INTERRUPT:
        if (store->work >= WORK_START && !store->unbounded)
            return error_print(
                -EINVAL,
                "%s: %s takes more work than a file of its size can need: the "
                "file is damaged",
                store->path, doing);
        __attribute__((fallthrough));
    default:
        if (sqlite3_system_errno(store->db) == EFBIG)
            return error_print(-EFBIG,
                               "%s: %s: the file size limit (ulimit -f) is too small",
                               store->path, doing);
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

/* --- making one --- */

/*
 *   nothing ─► 0 bytes, mode 0600 ─► an empty database ─► one with the schema
 *      └─► a file without a name, a copy of what the build made ──┘
 *
 * Each arrow is atomic: a call of open(), then transactions of SQLite; below, one of linkat(), where the
 * file system can do that: running the statements took two thirds of a short recording. Of several that start at once
 * on one file each takes what is left to do, under SQLite's own locks, and so does the next command
 * when this one is killed on the way. A file that is there is never removed: somebody else may have
 * opened it.
 */
#ifdef STORE_IMAGE_BYTES
#define IMAGE_RUNS (sizeof store_image_runs / sizeof *store_image_runs)
_Static_assert(2 * IMAGE_RUNS + 1 <= IOV_MAX, "in one call");

/* All of it, zeros too: what is not written is a hole, into which the log could not be moved on a full disk. */
static bool write_image(int fd) {
    static char zeros[STORE_IMAGE_GAP]; /* no pages of its own */
    const char *bytes = store_image;
    struct iovec parts[2 * IMAGE_RUNS + 1];
    size_t at = 0;
    int n = 0;
    for (size_t i = 0; i <= IMAGE_RUNS; i++) {
        bool last = i == IMAGE_RUNS;
        size_t next = last ? STORE_IMAGE_BYTES : store_image_runs[i].at;
        if (next > at)
            parts[n++] = (struct iovec){zeros, next - at};
        if (last)
            break;
        parts[n++] = (struct iovec){(char *)bytes, store_image_runs[i].n};
        bytes += store_image_runs[i].n;
        at = next + store_image_runs[i].n;
    }
    return writev(fd, parts, n) == STORE_IMAGE_BYTES &&
           fdatasync(fd) == 0; /* before it has a name: a log may follow at once */
}

/* Return: is it there now, whole? If not, the other way says why. */
static bool place_image(const char *path) {
    AUTO_FREE char *folder = text_dup(path);
    char *slash = strrchr(folder, '/'), self[64];
    if (slash)
        slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    bool placed =
        write_image(fd) && linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
    close(fd);
    return placed;
}
#else
static bool place_image(const char *path) {
    (void)path;
    return false;
}
#endif

static char *beside(const char *path, const char *ending) {
    char real[PATH_MAX]; /* SQLite's files lie beside the file that a link leads to */
    return text_format("%s%s", realpath(path, real) ? real : path, ending);
}

static bool is_beside(const char *path, const char *ending) {
    AUTO_FREE char *name = beside(path, ending);
    struct stat st;
    return lstat(name, &st) == 0;
}

/*
 * A log that is left of a removed database would be read into the copy, as if it were its own; from
 * beside a file of 0 bytes SQLite takes it away.
 */
static int make_file(const char *path, bool *placed) {
    if (!is_beside(path, "-wal") && !is_beside(path, "-journal") &&
        (*placed = place_image(path)))
        return 0;
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return error_print_errno(-errno, "%s: cannot create; name another file with -o",
                                 path);
    close(fd);
    return 0;
}

/*
 * A new database's companions: SQLite deletes or overwrites what has their names, so that others'
 * files are looked for first. What a killed dearth left, or another one is making, starts as these do,
 * or with zeros. Source: https://www.sqlite.org/fileformat2.html, 3 and 4.1; walformat.html, 2.1
 */
static int check_companions(const char *path) {
    const uint32_t index_version = 3007000;
    uint8_t index_magic[4];
    memcpy(index_magic, &index_version, sizeof index_magic);
    const struct {
        const char *ending;
        const uint8_t *magic;
        size_t n;
    } companions[] = {
        {"-journal", (const uint8_t *)"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8},
        {"-wal", (const uint8_t *)"\x37\x7f\x06", 3}, /* and the byte order */
        {"-shm", index_magic, sizeof index_magic},
    };
    static const uint8_t zeros[8];
    for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
        AUTO_FREE char *name = beside(path, companions[i].ending);
        uint8_t start[8];
        struct stat st;
        int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 && error_is_shortage(errno))
            return error_print_errno(-errno, "%s: cannot open", path);
        bool plain = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
        ssize_t n = plain ? pread(fd, start, companions[i].n, 0) : -1;
        if (fd >= 0)
            close(fd);
        if (n < 0 || (memcmp(start, companions[i].magic, (size_t)n) != 0 &&
                      memcmp(start, zeros, (size_t)n) != 0))
            return error_print(-EEXIST,
                               "%s: is in the way of a new database %s, whose log would "
                               "have its name; move it, or name another file with -o",
                               name, path);
    }
    return 0;
}

/* Look at the file before SQLite does, for errors that name what is wrong. */
static int probe_file(const char *path, enum store_mode mode, bool *placed) {
    struct stat st;
    *placed = false;
    if (stat(path, &st) < 0) {
        if (errno != ENOENT || mode != STORE_CREATE)
            return error_print_errno(-errno,
                                     errno == ENOENT
                                         ? "%s: no such database; 'dearth record -o "
                                           "FILE -- PROGRAM' makes one"
                                         : "%s: cannot open",
                                     path);
        int r = check_companions(path);
        return r < 0 ? r : make_file(path, placed);
    }
    if (S_ISDIR(st.st_mode))
        return error_print(-EISDIR, "%s: is a folder, not a database", path);
    if (!S_ISREG(st.st_mode))
        return error_print(-EINVAL, "%s: is a device, a pipe or a socket, not a database",
                           path);
    if (access(path, mode == STORE_READ ? R_OK : R_OK | W_OK) < 0)
        return error_print_errno(-errno, "%s: cannot open", path);
    return mode == STORE_CREATE && st.st_size == 0 ? check_companions(path) : 0;
}

/* Nobody else may be looking while the mode changes, and SQLite does not wait for that by itself. */
static int use_log(struct store *store) {
    enum { PAUSE_MS = 5 };
    int rc;
    for (int waited = 0; waited < BUSY_MS; waited += PAUSE_MS) {
        rc = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
            break;
        usleep(PAUSE_MS * 1000);
    }
    return rc == SQLITE_OK ? 0 : store_error(store, "opening");
}

/* Return: 1 = a database without anything in it, 0 = not, or a negative errno after a message. */
static int is_blank(struct store *store) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db,
                           "SELECT application_id = 0 AND user_version = 0 AND NOT "
                           "EXISTS (SELECT 1 FROM sqlite_schema) FROM "
                           "pragma_application_id, pragma_user_version",
                           -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW)
        return store_error(store, "opening");
    return sqlite3_column_int(s, 0);
}

static int create_schema(struct store *store) {
    int r = store_begin(store);
    if (r == 0 && (r = is_blank(store)) > 0) { /* nobody was faster */
        AUTO_FREE char *ids =
            text_format("PRAGMA application_id = %d; PRAGMA user_version = %d;",
                        STORE_APPLICATION_ID, STORE_VERSION);
        r = store_exec(store, schema_sql);
        r = r == 0 ? store_exec(store, ids) : r;
    }
    r = r == 0 ? store_commit(store) : r;
    if (r < 0)
        store_rollback(store);
    return r;
}

/* --- opening one --- */

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

#define IDENTITY_COLUMNS(X)                                                              \
    X(IDENTITY_APPLICATION_ID, "application_id")                                         \
    X(IDENTITY_USER_VERSION, "user_version")
enum { IDENTITY_COLUMNS(STORE_COLUMN_ENUM) };

static int check_identity(struct store *store, enum store_mode mode) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(
            store->db,
            STORE_SELECT(IDENTITY_COLUMNS) "FROM "
                                           "pragma_application_id, pragma_user_version",
            -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW)
        return store_error(store, "opening");
    int64_t id = sqlite3_column_int64(s, IDENTITY_APPLICATION_ID),
            version = sqlite3_column_int64(s, IDENTITY_USER_VERSION);
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
    int r = version < STORE_VERSION ? store_schema_check(store, false) : 0;
    if (r == 0)
        r = migrate(store, version);
    return r == 0 ? store_schema_check(store, true) : r;
}

/* --- files of strangers --- */

static int bound_work(void *of) {
    struct store *store = of;
    struct stat st;
    if ((store->work += WORK_LOOK) < WORK_START || store->unbounded)
        return 0;
    return stat(store->path, &st) == 0 &&
           store->work > WORK_START + WORK_PER_BYTE * (uint64_t)st.st_size;
}

void store_unbound(struct store *store) {
    store->unbounded = true;
}

/*
 * Whoever made the file must not make us run anything: no views, no triggers, no functions with
 * effects in its schema, no statement that writes its pages past SQLite; cells that overlap their page
 * are damage, not data. Source: https://www.sqlite.org/security.html
 */
static int harden(struct store *store, enum store_mode mode) {
    static const struct {
        int option, value;
    } settings[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                    {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
                    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        sqlite3_db_config(store->db, settings[i].option, settings[i].value, NULL);
    sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, STORE_MAX_BYTES);
    if (mode == STORE_READ)
        sqlite3_progress_handler(store->db, WORK_LOOK, bound_work, store);
    return store_exec(store, "PRAGMA cell_size_check = ON;");
}

/*
 * SQLite reads a WAL database through a shared-memory file beside it. Where that cannot
 * be made (a read-only folder), or not be taken away again (only who may write to the database does that), and no
 * log waits to be read, nobody is writing either: the file is opened as immutable. Source: https://www.sqlite.org/wal.html#readonly
 */
static char *immutable_uri(const char *path) {
    AUTO_FREE char *whole = beside(path, "");
    AUTO_FREE char *folder = text_dup(whole);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    bool writable = access(path, W_OK) == 0; /* else what is made beside it would stay */
    if ((writable && access(slash ? folder : ".", W_OK) == 0) || is_beside(path, "-wal"))
        return NULL;
    struct text uri = {0};
    text_add(&uri, whole[0] == '/' ? "file://" : "file:");
    for (const char *p = whole; *p; p++) {
        if (strchr("%?#", *p))
            text_addf(&uri, "%%%02x", (unsigned char)*p);
        else
            text_add_n(&uri, p, 1);
    }
    text_add(&uri, "?immutable=1");
    return text_take(&uri);
}

/* Make it, bring it up to date, or refuse it. */
static int check_content(struct store *store, enum store_mode mode) {
    if (store->placed) /* what is in there is known */
        return use_log(store);
    int r = is_blank(store);
    if (r > 0 && mode != STORE_CREATE)
        return error_print(-EINVAL,
                           "%s: is empty: no recording was ever stored in it; 'dearth "
                           "record -o %s -- PROGRAM' makes one",
                           store->path, store->path);
    if (r > 0 && (r = use_log(store)) == 0)
        r = create_schema(store);
    if (r == 0)
        r = check_identity(store, mode);
    if (r == 0 && mode != STORE_READ)
        r = use_log(store);
    return r;
}

static int64_t changed_ns(const struct stat *status) {
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

static int open_file(struct store *store, enum store_mode mode) {
    store->made_log = !is_beside(store->path, "-wal");
    int flags = mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    AUTO_FREE char *uri = NULL;
    struct stat status;
    if (mode == STORE_READ && stat(store->path, &status) == 0 &&
        (uri = immutable_uri(store->path))) {
        store->immutable = true;
        store->bytes = status.st_size;
        store->changed_ns = changed_ns(&status);
    }
    if (sqlite3_open_v2(uri ? uri : store->path, &store->db,
                        uri ? flags | SQLITE_OPEN_URI : flags, NULL) != SQLITE_OK)
        return store_error(store, "opening");
    store->reading = mode == STORE_READ;
    sqlite3_busy_timeout(store->db, BUSY_MS);
    return harden(store, mode);
}

static int open_one(const char *path, enum store_mode mode, struct store **out) {
    bool placed;
    int r = probe_file(path, mode, &placed);
    if (r < 0)
        return r;
    struct store *store = text_alloc(sizeof *store);
    store->path = text_dup(path);
    store->placed = placed;
    r = open_file(store, mode);
    if (r == 0)
        r = check_content(store, mode);
    store->ours = r == 0;
    if (r == 0)
        r = store_exec(
            store, "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; "
                   "PRAGMA cache_size = -65536; " /* KiB: random keys touch all pages */
                   "PRAGMA temp_store = MEMORY;");
    if (r < 0) {
        store_free(store);
        return r;
    }
    *out = store;
    return 0;
}

int store_new(const char *path, enum store_mode mode, struct store **out) {
    AUTO_FREE char *joined = NULL;
    int r = mode != STORE_CREATE && store_folder_is(path)
                ? store_folder_join(path, &joined)
                : 0;
    return r < 0 ? r : open_one(joined ? joined : path, mode, out);
}

/* --- closing --- */

/*
 * A connection that only reads makes the log and its index and may not take them away. The last one
 * that may write does so when it closes: SQLite knows, under its own locks, whether it is the last.
 * Removing the files here could take them from somebody who has just opened them. Two that close at
 * the same moment each see the other: so it is tried again, at different times.
 */
static void take_log_back(const char *path) {
    enum { TRIES = 3 };
    for (int i = 0; i < TRIES; i++) {
        sqlite3 *db = NULL;
        if ((!is_beside(path, "-wal") && !is_beside(path, "-shm")) ||
            access(path, W_OK) < 0)
            return;
        usleep(i ? 1000u + (unsigned)getpid() % 4096u : 0);
        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
            sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL, NULL);
        sqlite3_close_v2(db);
    }
}

/* An immutable file is read without locks: see whether that went well. */
static void check_unchanged(const struct store *store) {
    struct stat now;
    if (stat(store->path, &now) == 0 && now.st_size == store->bytes &&
        changed_ns(&now) == store->changed_ns && !is_beside(store->path, "-wal"))
        return;
    error_warn("%s: was written to while it was read: what was read may be wrong; do it "
               "again",
               store->path);
}

struct store *store_free(struct store *store) {
    if (store) {
        /* somebody else's log is not folded into his file, only ours is taken away */
        bool close_log = store->ours || store->made_log;
        if (store->db && !close_log)
            sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_close_v2(store->db);
        if (store->immutable)
            check_unchanged(store);
        else if (store->reading && close_log)
            take_log_back(store->path);
        free(store->path);
        free(store);
    }
    return NULL;
}

void store_bind_text(sqlite3_stmt *s, int at, const char *text) {
    sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}
