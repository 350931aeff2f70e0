/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of `unit` and `environment`: see unit.h. */
#include "unit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "error.h"
#include "store.h"
#include "text.h"

#define UNIT_COLUMNS(X)                                                                  \
    X(UNIT_EXE, "u.exe")                                                                 \
    X(UNIT_ARGV_BYTES, "u.argv_bytes")                                                   \
    X(UNIT_CWD, "u.cwd")                                                                 \
    X(UNIT_UMASK, "coalesce(u.umask, -1)")                                               \
    X(UNIT_LIMITS_JSON, "u.limits")                                                      \
    X(UNIT_STDIN_KIND, "u.stdin_kind")                                                   \
    X(UNIT_STDIN_PATH, "u.stdin_path")                                                   \
    X(UNIT_STDIN_OFFSET, "u.stdin_offset")                                               \
    X(UNIT_STDIN_DATA, "u.stdin_data")                                                   \
    X(UNIT_VARIABLES, "e.variables")                                                     \
    X(UNIT_DENIED, "e.denied")                                                           \
    X(UNIT_HAS_ENVIRONMENT, "e.id IS NOT NULL")
enum { UNIT_COLUMNS(STORE_COLUMN_ENUM) };

static void free_strings(char **strings) {
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

void unit_deinit(struct unit *u) {
    free(u->exe);
    free(u->cwd);
    free_strings(u->argv);
    free_strings(u->envp);
    free(u->stdin_kind);
    free(u->stdin_path);
    free(u->stdin_data);
    free(u->denied);
    *u = (struct unit){0};
}

/* @bytes: strings, each ended by a NUL; @more: room for so many beside them. */
static char **read_strings(const char *bytes, size_t n, size_t more, size_t *count) {
    char **out = text_alloc((n + more + 1) * sizeof *out);
    *count = 0;
    for (size_t i = 0; i < n; i += strnlen(bytes + i, n - i) + 1)
        out[(*count)++] = strndup(bytes + i, n - i);
    return out;
}

/* Secrets are nobody's business but of who runs it: they are as they are here. */
static void add_denied(struct unit *u, size_t n, const cJSON *names) {
    const cJSON *name;
    cJSON_ArrayForEach(name, names) {
        const char *value = cJSON_IsString(name) ? getenv(name->valuestring) : NULL;
        if (value)
            u->envp[n++] = text_format("%s=%s", name->valuestring, value);
    }
}

static void read_environment(struct unit *u, sqlite3_stmt *s) {
    size_t n;
    u->denied = text_dup(store_column_text(s, UNIT_DENIED));
    cJSON *names = u->denied ? cJSON_Parse(u->denied) : NULL;
    size_t more = cJSON_IsArray(names) ? (size_t)cJSON_GetArraySize(names) : 0;
    u->envp = read_strings(sqlite3_column_blob(s, UNIT_VARIABLES),
                           (size_t)sqlite3_column_bytes(s, UNIT_VARIABLES), more, &n);
    if (more)
        add_denied(u, n, names);
    cJSON_Delete(names);
}

static void read_place(struct unit *u, sqlite3_stmt *s) {
    const char *json = store_column_text(s, UNIT_LIMITS_JSON);
    cJSON *limits = json ? cJSON_Parse(json) : NULL;
    const cJSON *limit;
    u->place.mask = sqlite3_column_int(s, UNIT_UMASK);
    cJSON_ArrayForEach(limit, limits) if (u->place.n_limits < UNIT_LIMITS)
        u->place.limits[u->place.n_limits++] =
        cJSON_IsNumber(limit) && limit->valuedouble >= 0 ? (int64_t)limit->valuedouble
                                                         : -1;
    cJSON_Delete(limits);
}

static void read_input(struct unit *u, sqlite3_stmt *s) {
    u->stdin_kind = text_dup(store_column_text(s, UNIT_STDIN_KIND));
    u->stdin_path = text_dup(store_column_text(s, UNIT_STDIN_PATH));
    u->stdin_offset = (uint64_t)sqlite3_column_int64(s, UNIT_STDIN_OFFSET);
    if (sqlite3_column_type(s, UNIT_STDIN_DATA) == SQLITE_NULL)
        return;
    u->stdin_bytes = (size_t)sqlite3_column_bytes(s, UNIT_STDIN_DATA);
    u->stdin_data = text_alloc(u->stdin_bytes + 1);
    if (u->stdin_bytes)
        memcpy(u->stdin_data, sqlite3_column_blob(s, UNIT_STDIN_DATA), u->stdin_bytes);
}

int unit_load(struct store *store, int64_t id, struct unit *u) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    size_t n;
    *u = (struct unit){.id = id};
    int r = store_prepare(store,
                          STORE_SELECT(UNIT_COLUMNS) "FROM unit u LEFT JOIN environment "
                                                     "e ON e.id = u.environment_id WHERE "
                                                     "u.id = ?1",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    if (sqlite3_step(s) != SQLITE_ROW)
        return error_print(-ENOENT, "%s: holds no unit %lld", store->path, (long long)id);
    if (!sqlite3_column_int(s, UNIT_HAS_ENVIRONMENT))
        return -ENODATA;
    u->exe = text_dup(store_column_text(s, UNIT_EXE));
    u->cwd = text_dup(store_column_text(s, UNIT_CWD));
    u->argv = read_strings(sqlite3_column_blob(s, UNIT_ARGV_BYTES),
                           (size_t)sqlite3_column_bytes(s, UNIT_ARGV_BYTES), 0, &n);
    read_environment(u, s);
    read_place(u, s);
    read_input(u, s);
    return 0;
}

static const char test_sql[] =
    "WITH RECURSIVE up(id, height) AS (SELECT p.id, 0 FROM unit_run n JOIN unit u ON u.id = "
    "n.unit_id JOIN process p ON p.recording_id = u.recording_id AND p.ordinal = u.ordinal "
    "WHERE n.recording_id = %1$lld UNION ALL SELECT p.parent_id, height + 1 FROM process p JOIN "
    "up ON up.id = p.id WHERE p.parent_id IS NOT NULL) SELECT name, filter FROM (SELECT "
    "t.id, t.name, t.filter, -1 AS height FROM unit_run n JOIN test t ON t.unit_id = n.unit_id JOIN "
    "test_site m ON m.test_id = t.id WHERE n.recording_id = %1$lld AND m.site_id = %2$lld UNION ALL "
    "SELECT t.id, t.name, t.filter, height FROM up JOIN process p ON p.id = up.id JOIN unit u ON "
    "u.recording_id = p.recording_id AND u.ordinal = p.ordinal JOIN test t ON t.unit_id = "
    "u.id AND t.whole_id IS NOT t.unit_id) ORDER BY height, id DESC LIMIT 1";

char *unit_test_of(struct store *store, int64_t recording_id, int64_t site_id) {
    enum { TEST_NAME, TEST_FILTER };
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *sql =
        text_format(test_sql, (long long)recording_id, (long long)site_id);
    if (store_prepare(store, sql, &s) < 0)
        return NULL;
    if (sqlite3_step(s) != SQLITE_ROW)
        return NULL;
    const char *filter = store_column_text(s, TEST_FILTER);
    return text_format("%s%s%s%s", store_column_text(s, TEST_NAME), filter ? " (" : "",
                       filter ? filter : "", filter ? ")" : "");
}

void unit_take_place(const struct unit_place *place) {
    if (!place)
        return;
    if (place->mask >= 0)
        umask((mode_t)place->mask);
    for (uint32_t i = 0; i < place->n_limits; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)i, &limit) < 0)
            continue;
        rlim_t wanted = place->limits[i] < 0 ? RLIM_INFINITY : (rlim_t)place->limits[i];
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        setrlimit((__rlimit_resource_t)i, &limit);
    }
}
