/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the conditions of a recording again: see conditions.h.
 *
 *   recording row ─► argv, exe, cwd, environment, standard input
 *   stdin:  file  → the same file at the same offset
 *           pipe  → what was captured, in a private file, fed through a pipe
 *           none  → /dev/null
 *           tty, other → /dev/null, and a note that says so
 *           of a unit, a file's or a pipe's bytes are in its row; of a pipe that is not known: /dev/null
 *   former_file rows ─► files as they were before it
 */
#include "conditions.h"

#include <cjson/cJSON.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtrace.h"
#include "before_store.h"
#include "error.h"
#include "file_mark.h"
#include "store.h"
#include "text.h"

extern char **environ;

static void free_strings(char **strings) {
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

static void remove_private_file(struct conditions *c) {
    if (c->stdin_is_ours && c->stdin_path)
        unlink(c->stdin_path);
    c->stdin_is_ours = false;
    if (c->suppressions)
        unlink(c->suppressions);
}

struct runner_options conditions_options(const struct conditions *c) {
    return (struct runner_options){
        .argv = c->under_argv ? c->under_argv : c->argv,
        .exe = c->under_exe ? c->under_exe : c->exe,
        .programs = c->programs,
        .cwd = c->cwd,
        .envp = c->envp,
        .stdin_path = c->stdin_path,
        .stdin_offset = c->stdin_offset,
        .stdin_is_pipe = c->stdin_is_pipe,
        .marked = c->marked,
        .max_depth = c->max_depth,
        .only_exe = c->only_exe,
        .place = c->of_unit ? &c->place : NULL,
        .before = c->before.n ? &c->before : NULL,
    };
}

void conditions_deinit(struct conditions *c) {
    remove_private_file(c);
    free_strings(c->argv);
    free(c->exe);
    free_strings(c->programs);
    free(c->cwd);
    free_strings(c->envp);
    free(c->stdin_path);
    free(c->under_exe);
    free_strings(c->under_argv);
    free(c->suppressions);
    free(c->note);
    before_deinit(&c->before);
    *c = (struct conditions){0};
}

/* --- arguments and environment --- */

/* Arguments that are not UTF-8: each ended by a NUL. */
static size_t read_argv_bytes(struct conditions *c, const char *bytes, size_t n) {
    size_t count = 0;
    c->argv = text_alloc((n + 1) * sizeof *c->argv);
    for (size_t i = 0; i < n; i += strnlen(bytes + i, n - i) + 1)
        c->argv[count++] = strndup(bytes + i, n - i);
    return count;
}

#define RECORDING_COLUMNS(X)                                                             \
    X(RECORDING_ARGV, "argv")                                                            \
    X(RECORDING_EXE, "exe")                                                              \
    X(RECORDING_CWD, "cwd")                                                              \
    X(RECORDING_ENV_NAMED, "env_named")                                                  \
    X(RECORDING_STDIN_KIND, "stdin_kind")                                                \
    X(RECORDING_STDIN_PATH, "stdin_path")                                                \
    X(RECORDING_STDIN_OFFSET, "stdin_offset")                                            \
    X(RECORDING_STDIN_DATA, "stdin_data")                                                \
    X(RECORDING_STDIN_TRUNCATED, "stdin_truncated")                                      \
    X(RECORDING_ARGV_BYTES, "argv_bytes")                                                \
    X(RECORDING_MARKED, "marked")                                                        \
    X(RECORDING_MAX_DEPTH, "max_depth")                                                  \
    X(RECORDING_ONLY_EXE, "only_exe")
enum { RECORDING_COLUMNS(STORE_COLUMN_ENUM) };

static int read_argv(struct conditions *c, const char *json, char *const *given,
                     int64_t recording, sqlite3_stmt *s) {
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    size_t n = 0;
    if (sqlite3_column_bytes(s, RECORDING_ARGV_BYTES) > 0) {
        n = read_argv_bytes(c, sqlite3_column_blob(s, RECORDING_ARGV_BYTES),
                            (size_t)sqlite3_column_bytes(s, RECORDING_ARGV_BYTES));
    } else if (cJSON_IsArray(list)) {
        c->argv = text_alloc(((size_t)cJSON_GetArraySize(list) + 1) * sizeof *c->argv);
        const cJSON *item;
        cJSON_ArrayForEach(item, list) c->argv[n++] =
            text_dup(cJSON_IsString(item) ? item->valuestring : "");
    } else if (given && given[0]) {
        while (given[n])
            n++;
        c->argv = text_alloc((n + 1) * sizeof *c->argv);
        for (size_t i = 0; i < n; i++)
            c->argv[i] = text_dup(given[i]);
    }
    cJSON_Delete(list);
    if (n)
        return 0;
    return error_print(-EINVAL,
                       "recording %lld holds no arguments (--no-argv); give them again: "
                       "dearth replay FILE -- PROGRAM ARGUMENTS",
                       (long long)recording);
}

static bool same_variable(const char *assignment, const char *name) {
    size_t n = strlen(name);
    return strncmp(assignment, name, n) == 0 && assignment[n] == '=';
}

static bool is_unwanted(const struct conditions *c, const char *entry) {
    return c->rust && backtrace_is_variable(entry, strcspn(entry, "="));
}

static void read_environment(struct conditions *c, const char *json) {
    cJSON *named = json ? cJSON_Parse(json) : NULL;
    if (!cJSON_IsObject(named)) { /* a list has no names */
        cJSON_Delete(named);
        named = NULL;
    }
    size_t n = 0, extra = named ? (size_t)cJSON_GetArraySize(named) : 0;
    for (char **e = environ; *e; e++)
        n++;
    c->envp = text_alloc((n + extra + 1) * sizeof *c->envp);
    n = 0;
    const cJSON *item;
    for (char **e = environ; *e; e++) {
        bool replaced = false;
        cJSON_ArrayForEach(item, named) replaced |= same_variable(*e, item->string);
        c->no_backtrace |= !replaced && is_unwanted(c, *e);
        if (!replaced && !is_unwanted(c, *e))
            c->envp[n++] = text_dup(*e);
    }
    cJSON_ArrayForEach(item, named) if (cJSON_IsString(item)) c->envp[n++] =
        text_format("%s=%s", item->string, item->valuestring);
    cJSON_Delete(named);
}

/* Other programs of the tree were not recorded, and are left alone. What is too long is not dearth's word: then
 * all are looked at. */
static void read_only_exe(struct conditions *c, const char *json) {
    cJSON *globs = json ? cJSON_Parse(json) : NULL;
    const cJSON *glob;
    size_t at = 0;
    cJSON_ArrayForEach(glob, globs) {
        size_t n = cJSON_IsString(glob) ? strlen(glob->valuestring) + 1 : 0;
        if (n < 2 || at + n >= sizeof c->only_exe) {
            memset(c->only_exe, 0, sizeof c->only_exe);
            break;
        }
        memcpy(c->only_exe + at, glob->valuestring, n);
        at += n;
    }
    cJSON_Delete(globs);
}

/* Shells and others believe PWD when it names the folder they are in, and do something else when it
 * does not: here it names the one that dearth is in. */
static void correct_pwd(struct conditions *c, const char *named_json) {
    struct stat wanted, named;
    cJSON *by_user = named_json ? cJSON_Parse(named_json) : NULL;
    bool given = cJSON_GetObjectItemCaseSensitive(by_user, "PWD");
    cJSON_Delete(by_user);
    if (given || stat(c->cwd, &wanted) < 0)
        return;
    for (char **e = c->envp; *e; e++) {
        if (!same_variable(*e, "PWD") ||
            (stat(*e + 4, &named) == 0 && file_mark_is_one(&named, &wanted)))
            continue;
        free(*e);
        *e = text_format("PWD=%s", c->cwd);
    }
}

/* --- standard input --- */

static int write_private_file(struct conditions *c, const void *data, size_t n) {
    const char *folder = getenv("TMPDIR");
    c->stdin_path =
        text_format("%s/dearth-stdin-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkostemp(c->stdin_path, O_CLOEXEC);
    if (fd < 0)
        return error_print_errno(
            -errno, "%s: cannot keep the recorded standard input there", c->stdin_path);
    c->stdin_is_ours = true;
    int err = 0;
    for (size_t at = 0; at < n && !err;) {
        ssize_t k = write(fd, (const char *)data + at, n - at);
        if (k >= 0)
            at += (size_t)k;
        else if (errno != EINTR)
            err = -errno;
    }
    if (close(fd) < 0 && !err)
        err = -errno;
    return err ? error_print_errno(err, "%s: writing the recorded standard input",
                                   c->stdin_path)
               : 0;
}

static int read_stdin(struct conditions *c, sqlite3_stmt *s, int64_t recording) {
    const char *kind = store_column_text(s, RECORDING_STDIN_KIND);
    if (kind && strcmp(kind, "file") == 0) {
        c->stdin_path = text_dup(store_column_text(s, RECORDING_STDIN_PATH));
        c->stdin_offset = (uint64_t)sqlite3_column_int64(s, RECORDING_STDIN_OFFSET);
        if (!c->stdin_path || access(c->stdin_path, R_OK) < 0)
            return error_print_errno(
                -errno,
                "%s: recording %lld read its standard input from it; "
                "put it back or record again",
                c->stdin_path ? c->stdin_path : "?", (long long)recording);
    } else if (kind && strcmp(kind, "pipe") == 0) {
        c->stdin_is_pipe = true;
        if (sqlite3_column_int64(s, RECORDING_STDIN_TRUNCATED))
            c->note = text_dup("standard input was longer than what was recorded of it; "
                               "attempts see its end too early");
        return write_private_file(c, sqlite3_column_blob(s, RECORDING_STDIN_DATA),
                                  (size_t)sqlite3_column_bytes(s, RECORDING_STDIN_DATA));
    } else if (kind && strcmp(kind, "none") != 0) {
        c->note = text_format("standard input was a %s; attempts see an empty one",
                              strcmp(kind, "tty") == 0 ? "terminal" : "device or socket");
    }
    return 0;
}

/* --- programs --- */

#define PROGRAM_COLUMNS(X) X(PROGRAM_EXE, "exe")
enum { PROGRAM_COLUMNS(STORE_COLUMN_ENUM) };

/* What runs: itself, and what its processes executed. */
static int read_programs(struct conditions *c, struct store *store, int64_t recording) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    size_t n = 0;
    int r = store_prepare(store,
                          STORE_SELECT(PROGRAM_COLUMNS) "FROM process WHERE "
                                                        "recording_id = ?1 GROUP BY exe",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, recording);
    c->programs = text_alloc(2 * sizeof *c->programs);
    c->programs[n++] = text_dup(c->exe);
    while ((r = sqlite3_step(s)) == SQLITE_ROW) {
        c->programs = text_realloc(c->programs, (n + 2) * sizeof *c->programs);
        c->programs[n++] = text_dup(store_column_text(s, PROGRAM_EXE));
        c->programs[n] = NULL;
    }
    return r == SQLITE_DONE ? 0 : store_error(store, "reading its programs");
}

/* --- the whole --- */

static int check_places(const struct conditions *c) {
    struct stat st;
    if (stat(c->cwd, &st) < 0)
        return error_print_errno(
            -errno, "%s: the folder that the program was recorded in", c->cwd);
    if (access(c->exe, X_OK) < 0)
        return error_print_errno(-errno, "%s: the program that was recorded", c->exe);
    return 0;
}

/* Of a program of a suite, the environment, umask, limits and input that it had there. */
static int read_unit(struct conditions *c, struct store *store, int64_t recording_id) {
    AUTO_FREE char *sql =
        text_format("SELECT unit_id FROM unit_run WHERE recording_id = %lld",
                    (long long)recording_id);
    int64_t id = store_int(store, sql, 0);
    struct unit unit;
    int r = id ? unit_load(store, id, &unit) : 0;
    if (!id || r < 0)
        return r;
    c->of_unit = true;
    c->place = unit.place;
    c->envp = unit.envp;
    unit.envp = NULL;
    if (unit.stdin_data) {
        c->stdin_is_pipe = strcmp(unit.stdin_kind, "pipe") == 0;
        r = write_private_file(c, unit.stdin_data, unit.stdin_bytes);
    }
    unit_deinit(&unit);
    return r;
}

int conditions_check_whole(struct store *store, int64_t recording_id) {
    AUTO_FREE char *sql = text_format(
        "SELECT sample_bytes FROM recording WHERE id = %lld", (long long)recording_id);
    if (!store_int(store, sql, 0))
        return 0;
    return error_print(-EINVAL,
                       "%s: recording %lld is a sample: which calls it left out is not "
                       "known, so that no run could be compared with it, and no site "
                       "called tested. Record without --sample what is to be tested, and "
                       "ask that with 'dearth report OTHER.db --demand %s'",
                       store->path, (long long)recording_id, store->path);
}

int conditions_init(struct conditions *c, struct store *store, int64_t recording_id,
                    char *const *argv) {
    *c = (struct conditions){0};
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = conditions_check_whole(store, recording_id);
    if (r == 0)
        r = store_prepare(store,
                          STORE_SELECT(RECORDING_COLUMNS) "FROM recording WHERE "
                                                          "id = ?1",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, recording_id);
    if (sqlite3_step(s) != SQLITE_ROW)
        return error_print(-ENOENT, "%s: holds no recording %lld", store->path,
                           (long long)recording_id);
    c->marked = sqlite3_column_int(s, RECORDING_MARKED) != 0;
    c->rust = backtrace_has_rust(store);
    c->max_depth = (uint32_t)sqlite3_column_int(s, RECORDING_MAX_DEPTH);
    read_only_exe(c, store_column_text(s, RECORDING_ONLY_EXE));
    c->exe = text_dup(store_column_text(s, RECORDING_EXE));
    c->cwd = text_dup(store_column_text(s, RECORDING_CWD));
    r = read_argv(c, store_column_text(s, RECORDING_ARGV), argv, recording_id, s);
    if (r == 0)
        r = check_places(c);
    if (r == 0)
        r = read_programs(c, store, recording_id);
    if (r == 0)
        r = read_unit(c, store, recording_id);
    if (r == 0 && !c->of_unit) {
        read_environment(c, store_column_text(s, RECORDING_ENV_NAMED));
        correct_pwd(c, store_column_text(s, RECORDING_ENV_NAMED));
    }
    if (r == 0 && !c->stdin_is_ours)
        r = read_stdin(c, s, recording_id);
    if (r == 0)
        r = before_load(store, recording_id, &c->before);
    if (r < 0)
        conditions_deinit(c);
    return r;
}

/* --- did the program change? --- */

/* Return: true when @path is there and carries a build-id other than @id. */
static bool build_id_differs(const char *path, const void *id, size_t n) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) { /* whatever the database says */
        close(fd);
        return true;
    }
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    const void *now = NULL;
    ssize_t now_n = elf ? dwelf_elf_gnu_build_id(elf, &now) : 0;
    bool differs = now_n > 0 && ((size_t)now_n < n || memcmp(now, id, n) != 0);
    elf_end(elf);
    close(fd);
    return differs;
}

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PATH, "m.path")                                                             \
    X(MODULE_BUILD_ID, "m.build_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

int conditions_changed(struct store *store, int64_t recording_id, char **changed) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    *changed = NULL;
    int r = store_prepare(
        store,
        "SELECT DISTINCT " MODULE_COLUMNS(
            STORE_COLUMN_SQL) "NULL FROM module m JOIN "
                              "process_module pm ON pm.module_id = m.id JOIN process p ON "
                              "p.id = pm.process_id WHERE p.recording_id = ?1 AND "
                              "m.content_id = 0 AND m.path LIKE '/%' ORDER BY m.path <> "
                              "(SELECT exe FROM recording WHERE id = ?1), m.path",
        &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, recording_id);
    int n = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        size_t id_n = (size_t)sqlite3_column_bytes(s, MODULE_BUILD_ID);
        const void *id = sqlite3_column_blob(s, MODULE_BUILD_ID);
        if (!id_n || !id ||
            !build_id_differs(store_column_text(s, MODULE_PATH), id, id_n))
            continue;
        if (!*changed)
            *changed = text_dup(store_column_text(s, MODULE_PATH));
        n++;
    }
    return n;
}
