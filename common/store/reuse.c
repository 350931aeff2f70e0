/* SPDX-License-Identifier: Apache-2.0 */
/* Which recordings are the same run again: see reuse.h. */
#include "reuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

#define FILE_MOST                                                                        \
    (16u << 20) /* bytes that are read; of a larger file size and time stand for them */

static struct dearth_key chain(struct dearth_key key, const void *data, size_t n) {
    struct dearth_key of = key_hash(data, n);
    uint64_t words[4] = {key.lo, key.hi, of.lo, of.hi};
    return key_hash(words, sizeof words);
}

/* --- the environment --- */

static bool means_nothing(const char *name) {
    static const char *const globs[] = {"_",
                                        "OLDPWD",
                                        "SHLVL",
                                        "MAKEFLAGS",
                                        "MFLAGS",
                                        "MAKELEVEL",
                                        "COLUMNS",
                                        "LINES",
                                        "WINDOWID",
                                        "MALLOC_PERTURB_",
                                        "SSH_*",
                                        "XDG_SESSION_ID",
                                        "TERM_SESSION_ID",
                                        "GITHUB_*",
                                        "RUNNER_*",
                                        "ACTIONS_*",
                                        "CI_*",
                                        "BUILDKITE_*",
                                        "CIRCLE_*",
                                        "CARGO_MAKEFLAGS",
                                        "RUST_BACKTRACE",
                                        "RUST_LIB_BACKTRACE"};
    for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
        if (text_glob(globs[i], name))
            return true;
    return false;
}

struct dearth_key reuse_add_variable(struct dearth_key key, const char *entry) {
    AUTO_FREE char *name = text_format("%.*s", (int)strcspn(entry, "="), entry);
    return means_nothing(name) ? key : chain(key, entry, strlen(entry) + 1);
}

/* --- files --- */

static struct dearth_key add_file(struct dearth_key key, const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return key;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return key;
    }
    uint64_t words[3] = {(uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                         (uint64_t)st.st_mtim.tv_nsec};
    char *content =
        st.st_size <= (off_t)FILE_MOST ? malloc((size_t)st.st_size + 1) : NULL;
    ssize_t n = content ? read(fd, content, (size_t)st.st_size) : -1;
    key = n == (ssize_t)st.st_size ? chain(key, content, (size_t)n)
                                   : chain(key, words, sizeof words);
    free(content);
    close(fd);
    return key;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct dearth_key reuse_circumstances(char *const *argv, char *const *envp) {
    struct dearth_key key = {0, 0};
    size_t n = 0;
    while (envp[n])
        n++;
    AUTO_FREE const char **sorted = text_alloc((n + 1) * sizeof *sorted);
    memcpy(sorted, envp, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_text);
    for (size_t i = 0; i < n; i++)
        key = reuse_add_variable(key, sorted[i]);
    for (; *argv; argv++)
        key = add_file(key, *argv);
    return key;
}

/* --- the database --- */

enum { KEEP_WHAT = 1, KEEP_STARTED, KEEP_KEY };

static int keep(struct store *store, const char *what, int64_t started_unix_ns,
                struct dearth_key key) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          "INSERT OR REPLACE INTO setting(name, value) VALUES "
                          "(? || ' ' || ?, ?)",
                          &s);
    if (r < 0)
        return r;
    store_bind_text(s, KEEP_WHAT, what);
    sqlite3_bind_int64(s, KEEP_STARTED, started_unix_ns);
    store_bind_key(s, KEEP_KEY, key);
    return store_step_done(store, s);
}

int reuse_keep(struct store *store, int64_t started_unix_ns, struct dearth_key key) {
    return keep(store, "circumstances", started_unix_ns, key);
}

int reuse_keep_input(struct store *store, int64_t started_unix_ns, const char *path) {
    static const struct dearth_key none = {1, 1};
    struct dearth_key key = add_file(none, path);
    return key_equal(key, none) ? 0 : keep(store, "input", started_unix_ns, key);
}

/* A file on standard input may hold something else by now: replays read it from where it is. One of before that was known
 * has no key. */
static const char find_sql[] =
    "SELECT r.id FROM recording r, recording newest JOIN setting a ON a.name = "
    "'circumstances ' || r.started_unix_ns JOIN setting b ON b.name = 'circumstances ' || "
    "newest.started_unix_ns WHERE newest.id = %lld AND r.id <> newest.id AND a.value = b.value "
    "AND r.exe = newest.exe AND r.argv = newest.argv AND r.argv_bytes IS newest.argv_bytes AND "
    "r.cwd = newest.cwd AND r.env_named = newest.env_named AND r.stdin_kind = "
    "newest.stdin_kind AND (r.stdin_kind IN ('none', 'tty', 'pipe') OR (r.stdin_kind = 'file' "
    "AND r.stdin_path = newest.stdin_path AND r.stdin_offset = newest.stdin_offset AND EXISTS "
    "(SELECT 1 FROM setting x JOIN setting y ON x.value = y.value WHERE x.name = 'input ' || "
    "r.started_unix_ns AND y.name = 'input ' || newest.started_unix_ns))) AND r.stdin_data IS "
    "newest.stdin_data AND NOT r.stdin_truncated AND r.marked = newest.marked AND r.max_depth = "
    "newest.max_depth AND r.stranger IS NULL AND newest.stranger IS NULL AND r.id NOT IN "
    "(SELECT recording_id FROM unit_run WHERE recording_id IS NOT NULL) AND " REUSE_SAME_BUILDS
    " ORDER BY r.id";

int reuse_find(struct store *store, int64_t recording, struct text *ids) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    AUTO_FREE char *sql =
        text_format(find_sql, (long long)recording, (long long)recording);
    int n = 0, step = SQLITE_DONE, r = store_prepare(store, sql, &q);
    text_add(ids, "[");
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW)
        text_addf(ids, "%s%lld", n++ ? "," : "", (long long)sqlite3_column_int64(q, 0));
    text_add(ids, "]");
    if (r == 0 && step != SQLITE_DONE)
        r = store_error(store, "looking for the same program");
    return r < 0 ? r : n;
}
