/* SPDX-License-Identifier: Apache-2.0 */
/* Showing and refusing what a database makes dearth run: see trust.h. */
#include "trust.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store.h"
#include "store_owner.h"
#include "text.h"

/* --- what would run --- */

static void add_words(struct text *t, const char *json) {
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        text_add(t, " ");
        text_add_shell_shown(t, cJSON_IsString(item) ? item->valuestring : "");
    }
    cJSON_Delete(list);
}

/* Variables that the recording brings along: PATH and LD_PRELOAD are commands too. */
static void add_environment(struct text *t, const char *json) {
    cJSON *named = json ? cJSON_Parse(json) : NULL;
    const cJSON *item;
    bool any = false;
    cJSON_ArrayForEach(item, named) {
        if (!cJSON_IsString(item) || !item->string)
            continue;
        AUTO_FREE char *pair = text_format("%s=%s", item->string, item->valuestring);
        text_add(t, any ? " " : " env ");
        text_add_shell_shown(t, pair);
        any = true;
    }
    cJSON_Delete(named);
}

#define RECORDING_COLUMNS(X)                                                             \
    X(RECORDING_EXE, "exe")                                                              \
    X(RECORDING_ARGV, "argv")                                                            \
    X(RECORDING_CWD, "cwd")                                                              \
    X(RECORDING_ENV_NAMED, "env_named")                                                  \
    X(RECORDING_ARGV_BYTES, "argv_bytes")                                                \
    X(RECORDING_INPUT, "CASE stdin_kind WHEN 'file' THEN stdin_path END")                \
    X(RECORDING_STRANGER, "stranger")
enum { RECORDING_COLUMNS(STORE_COLUMN_ENUM) };

static void add_arguments(struct text *t, sqlite3_stmt *s, char *const *given) {
    const char *bytes = sqlite3_column_blob(s, RECORDING_ARGV_BYTES);
    size_t n = (size_t)sqlite3_column_bytes(s, RECORDING_ARGV_BYTES);
    for (size_t i = 0; bytes && i < n; i += strnlen(bytes + i, n - i) + 1) {
        AUTO_FREE char *argument = strndup(bytes + i, n - i);
        text_add(t, " ");
        text_add_shell_shown(t, argument ? argument : "");
    }
    if (n)
        return;
    if (sqlite3_column_type(s, RECORDING_ARGV) != SQLITE_NULL) {
        add_words(t, store_column_text(s, RECORDING_ARGV));
        return;
    }
    for (; given && *given; given++) {
        text_add(t, " ");
        text_add_shell_shown(t, *given);
    }
}

/* "  (cd /there && exec env A=1 prog argument) as /usr/bin/prog" */
static void add_command(struct text *t, sqlite3_stmt *s, char *const *given) {
    const char *exe = store_column_text(s, RECORDING_EXE),
               *cwd = store_column_text(s, RECORDING_CWD);
    const char *input = store_column_text(s, RECORDING_INPUT);
    text_add(t, "  (cd ");
    text_add_shell_shown(t, cwd ? cwd : "");
    text_add(t, " && exec");
    add_environment(t, store_column_text(s, RECORDING_ENV_NAMED));
    add_arguments(t, s, given);
    if (input) {
        text_add(t, " <");
        text_add_shell_shown(t, input);
    }
    text_add(t, ") as ");
    text_add_shell_shown(t, exe ? exe : "");
    text_add(t, "\n");
}

static void add_shell_command(struct text *t, const char *what, const char *command) {
    if (!command)
        return;
    text_addf(t, "  %s: sh -c ", what);
    text_add_shell_shown(t, command);
    text_add(t, "\n");
}

/* @reason: that of the recording, when it has one and there is none yet. */
static int describe(const struct trust *trust, struct text *t, char **reason) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(trust->store,
                          STORE_SELECT(RECORDING_COLUMNS) "FROM recording "
                                                          "WHERE id = ?1",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, trust->recording_id);
    if (sqlite3_step(s) != SQLITE_ROW)
        return error_print(-ENOENT, "%s: holds no recording %lld", trust->store->path,
                           (long long)trust->recording_id);
    add_command(t, s, trust->argv);
    add_shell_command(t, "--health", trust->health);
    add_shell_command(t, "--drive", trust->drive);
    add_shell_command(t, "--output-check", trust->output_check);
    if (!*reason)
        *reason = text_dup(store_column_text(s, RECORDING_STRANGER));
    return 0;
}

static char *replay_stranger(const struct trust *trust) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (store_prepare(trust->store, "SELECT stranger FROM replay WHERE id = ?1", &s) < 0)
        return text_dup("cannot be read");
    sqlite3_bind_int64(s, 1, trust->replay_id);
    return sqlite3_step(s) == SQLITE_ROW ? text_dup(store_column_text(s, 0)) : NULL;
}

int trust_check(const struct trust *trust) {
    AUTO_TEXT struct text t = {0};
    AUTO_FREE char *reason =
        trust->stranger ? text_dup(trust->stranger) : store_stranger(trust->store->path);
    if (!reason && trust->replay_id)
        reason = replay_stranger(trust);
    int r = describe(trust, &t, &reason);
    if (r < 0)
        return r;
    if (!reason && (trust->silent || error_quiet()))
        return 0;
    error_tell(reason && !trust->trusted ? "%s would make this run:" : "%s: runs",
               trust->store->path);
    fputs(t.data, stderr);
    if (reason && !trust->trusted)
        return error_print(-EPERM,
                           "%s: %s: nothing was run; if you have read the above and want "
                           "it, say so with --trust",
                           trust->store->path, reason);
    return 0;
}
