/* SPDX-License-Identifier: Apache-2.0 */
/* The heading above a profile: see heading.h. */
#include "heading.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define RECORDING_COLUMNS(X)                                                                                               \
    X(RECORDING_STATE, "state")                                                                                            \
    X(RECORDING_ARGV, "argv")                                                                                              \
    X(RECORDING_EXE, "exe")                                                                                                \
    X(RECORDING_DETAIL, "detail")                                                                                          \
    X(RECORDING_EXIT_CODE, "exit_code")                                                                                    \
    X(RECORDING_EXIT_SIGNAL, "exit_signal")                                                                                \
    X(RECORDING_OFF,                                                                                                       \
      "(SELECT text FROM note n WHERE n.recording_id = r.id AND kind = 'paused')")                                         \
    X(RECORDING_SAMPLE_BYTES, "coalesce(sample_bytes, 0)")                                                                 \
    X(RECORDING_EXACT, "coalesce(exact, 0)")                                                                               \
    X(RECORDING_STARTED_UNIX_NS, "started_unix_ns")                                                                        \
    X(RECORDING_DURATION_NS, "duration_ns")                                                                                \
    X(RECORDING_PEAK_NS, "peak_ns")                                                                                        \
    X(RECORDING_ALLOCATIONS, "allocations")                                                                                \
    X(RECORDING_FREES, "frees")                                                                                            \
    X(RECORDING_FAILED, "failed")                                                                                          \
    X(RECORDING_BYTES, "bytes")                                                                                            \
    X(RECORDING_PEAK_BYTES, "peak_bytes")                                                                                  \
    X(RECORDING_LIVE_BLOCKS, "live_blocks")                                                                                \
    X(RECORDING_LIVE_BYTES, "live_bytes")                                                                                  \
    X(RECORDING_EVENTS, "events")                                                                                          \
    X(RECORDING_EVENTS_LOST, "events_lost")                                                                                \
    X(RECORDING_STACKS_LOST, "stacks_lost")                                                                                \
    X(RECORDING_STACKS_TRUNCATED, "stacks_truncated")                                                                      \
    X(RECORDING_STACKS_INCOMPLETE, "stacks_incomplete")                                                                    \
    X(RECORDING_SITES,                                                                                                     \
      "(SELECT count(DISTINCT site_id) FROM site_stat t WHERE t.recording_id = r.id)")                                     \
    X(RECORDING_LOCATIONS,                                                                                                 \
      "(SELECT count(DISTINCT location_id) FROM site_stat t JOIN site s ON s.id = t.site_id WHERE t.recording_id = r.id)") \
    X(RECORDING_PROCESSES,                                                                                                 \
      "(SELECT count(*) FROM process p WHERE p.recording_id = r.id)")                                                      \
    X(RECORDING_THREADS,                                                                                                   \
      "(SELECT count(*) FROM thread t JOIN process p ON p.id = t.process_id WHERE p.recording_id = r.id)")
enum { RECORDING_COLUMNS(STORE_COLUMN_ENUM) };

static const char recording_sql[] = STORE_SELECT(RECORDING_COLUMNS) "FROM recording r "
                                                                    "WHERE id = ?1";

/* A JSON array of strings as a shell would take it. */
static char *shell_command(const char *argv_json, const char *exe) {
    struct text t = {0};
    cJSON *argv = argv_json ? cJSON_Parse(argv_json) : NULL;
    const cJSON *argument;
    cJSON_ArrayForEach(argument, argv) {
        if (t.n)
            text_add(&t, " ");
        text_add_shell_shown(&t, cJSON_IsString(argument) ? argument->valuestring : "?");
    }
    cJSON_Delete(argv);
    if (!t.n)
        text_add_shell_shown(&t, exe);
    return text_take(&t);
}

static char *describe_end(sqlite3_stmt *q, int code_column, int signal_column) {
    if (sqlite3_column_type(q, signal_column) != SQLITE_NULL) {
        int n = sqlite3_column_int(q, signal_column);
        return text_format("killed by signal %d (%s)", n, strsignal(n));
    }
    if (sqlite3_column_type(q, code_column) != SQLITE_NULL)
        return text_format("exit status %d", sqlite3_column_int(q, code_column));
    return text_dup("end not seen");
}

static void read_row(sqlite3_stmt *q, struct heading *h) {
    h->state = text_dup(store_column_text(q, RECORDING_STATE));
    h->command = shell_command(store_column_text(q, RECORDING_ARGV),
                               store_column_text(q, RECORDING_EXE));
    h->detail = text_dup(store_column_text(q, RECORDING_DETAIL));
    h->ended = describe_end(q, RECORDING_EXIT_CODE, RECORDING_EXIT_SIGNAL);
    const char *off = store_column_text(q, RECORDING_OFF);
    h->off = off ? text_dup(off) : NULL;
    h->sample_bytes = (uint64_t)sqlite3_column_int64(q, RECORDING_SAMPLE_BYTES);
    h->exact = sqlite3_column_int(q, RECORDING_EXACT) != 0;
    uint64_t *const numbers[] = {&h->started_unix_ns,
                                 &h->duration_ns,
                                 &h->peak_ns,
                                 &h->allocations,
                                 &h->frees,
                                 &h->failed,
                                 &h->bytes,
                                 &h->peak_bytes,
                                 &h->live_blocks,
                                 &h->live_bytes,
                                 &h->events,
                                 &h->events_lost,
                                 &h->stacks_lost,
                                 &h->stacks_truncated,
                                 &h->stacks_incomplete,
                                 &h->sites,
                                 &h->locations,
                                 &h->processes,
                                 &h->threads};
    STORE_COLUMNS_MATCH(numbers, RECORDING_STARTED_UNIX_NS, RECORDING_THREADS);
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        *numbers[i] = (uint64_t)sqlite3_column_int64(q, RECORDING_STARTED_UNIX_NS + i);
}

int heading_load(struct store *store, int64_t id, struct heading *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    *out = (struct heading){.recording_id = id};
    int r = store_prepare(store, recording_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, id);
    if (sqlite3_step(q) != SQLITE_ROW)
        return store_error(store, "reading the recording");
    read_row(q, out);
    return 0;
}

void heading_deinit(struct heading *h) {
    free(h->state);
    free(h->command);
    free(h->detail);
    free(h->ended);
    free(h->off);
    *h = (struct heading){0};
}

const char *heading_about(const struct heading *h) {
    return h->sample_bytes ? "about " : "";
}

static void add_counted(struct text *t, uint64_t n, const char *one, const char *many) {
    char buf[32];
    text_addf(t, "%s %s", text_count(n, buf), n == 1 ? one : many);
}

void heading_add_exactness(struct text *t, const struct heading *h) {
    if (h->exact) {
        text_add(t, "exact: nothing lost, every stack whole");
        return;
    }
    const struct {
        uint64_t n;
        const char *one, *many;
    } gaps[] = {
        {h->events_lost, "event lost", "events lost"},
        {h->stacks_lost, "stack lost", "stacks lost"},
        {h->stacks_truncated, "stack deeper than the limit",
         "stacks deeper than the limit"},
        {h->stacks_incomplete, "stack that ended early", "stacks that ended early"},
    };
    text_add(t, "not exact:");
    const char *comma = " ";
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        if (!gaps[i].n)
            continue;
        text_add(t, comma);
        add_counted(t, gaps[i].n, gaps[i].one, gaps[i].many);
        comma = ", ";
    }
    if (h->sample_bytes) {
        char every[16];
        text_addf(t,
                  "%sa sample, one byte in %s: numbers are estimates, and sites that are "
                  "not in it may have allocated, too",
                  comma, text_bytes(h->sample_bytes, every));
        comma = ", ";
    }
    if (*comma == ' ') /* none of them */
        text_say(t, " the recording is %s", h->off ? "not of all the time" : h->state);
    if (h->off)
        text_say(t, "\n  %s", h->off);
}

void heading_add_text(struct text *t, const char *path, const struct heading *h) {
    char a[32], b[32], c[32], d[32];
    text_say(t, "recording %lld of %s: %s\n", (long long)h->recording_id, path,
             h->command);
    const char *about = heading_about(h);
    text_say(t, "  %s after %s; %s\n  %s", h->ended, text_duration(h->duration_ns, a),
             h->state, about);
    add_counted(t, h->allocations, "allocation", "allocations");
    text_say(t, " of %s%s, %s", about, text_bytes(h->bytes, b), about);
    add_counted(t, h->frees, "free", "frees");
    text_say(t, ", %s failed\n", text_count(h->failed, a));
    text_say(t, "  peak %s%s live after %s; %s: %s%s in %s", about,
             text_bytes(h->peak_bytes, a), text_duration(h->peak_ns, b),
             h->off ? "not freed while recorded" : "never freed", about,
             text_bytes(h->live_bytes, c), about);
    add_counted(t, h->live_blocks, "block", "blocks");
    text_add(t, "\n  ");
    add_counted(t, h->sites, "site", "sites");
    if (h->locations) {
        text_add(t, ", ");
        add_counted(t, h->locations, "location", "locations");
    }
    text_add(t, ", ");
    add_counted(t, h->processes, "process", "processes");
    text_say(t, ", %s thread%s\n  ", text_count(h->threads, d),
             h->threads == 1 ? "" : "s");
    heading_add_exactness(t, h);
    text_add(t, "\n");
}

void heading_add_json(struct text *t, const struct heading *h) {
    text_addf(t, "{\"allocations\":%llu,\"bytes\":%llu,\"command\":",
              (unsigned long long)h->allocations, (unsigned long long)h->bytes);
    text_add_json(t, h->command);
    text_add(t, ",\"detail\":");
    text_add_json(t, h->detail);
    text_addf(t, ",\"duration_ns\":%llu,\"ended\":", (unsigned long long)h->duration_ns);
    text_add_json(t, h->ended);
    text_addf(t, ",\"events\":%llu,\"events_lost\":%llu,\"exact\":%s,\"failed\":%llu",
              (unsigned long long)h->events, (unsigned long long)h->events_lost,
              h->exact ? "true" : "false", (unsigned long long)h->failed);
    text_addf(t, ",\"frees\":%llu,\"id\":%lld,\"live_blocks\":%llu",
              (unsigned long long)h->frees, (long long)h->recording_id,
              (unsigned long long)h->live_blocks);
    text_addf(t, ",\"live_bytes_at_exit\":%llu,\"locations\":%llu,\"peak_bytes\":%llu",
              (unsigned long long)h->live_bytes, (unsigned long long)h->locations,
              (unsigned long long)h->peak_bytes);
    text_addf(t,
              ",\"peak_ns\":%llu,\"processes\":%llu,\"sample_bytes\":%llu,\"sites\":%llu",
              (unsigned long long)h->peak_ns, (unsigned long long)h->processes,
              (unsigned long long)h->sample_bytes, (unsigned long long)h->sites);
    text_addf(
        t, ",\"stacks_incomplete\":%llu,\"stacks_lost\":%llu,\"stacks_truncated\":%llu",
        (unsigned long long)h->stacks_incomplete, (unsigned long long)h->stacks_lost,
        (unsigned long long)h->stacks_truncated);
    text_addf(t, ",\"started_unix_ns\":%llu,\"state\":",
              (unsigned long long)h->started_unix_ns);
    text_add_json(t, h->state);
    text_addf(t, ",\"threads\":%llu}", (unsigned long long)h->threads);
}
