/* SPDX-License-Identifier: Apache-2.0 */
/* Loading what the plan is made from: see sites.h. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "idmap.h"
#include "op.h"
#include "scope.h"
#include "sites.h"
#include "text.h"

void sites_deinit(struct sites *s) {
    for (uint32_t i = 0; i < s->input.n_frames; i++) {
        free((void *)s->frames[i].functions);
        free((void *)s->frames[i].files);
        free((void *)s->frames[i].lines);
        free((void *)s->frames[i].linkage);
    }
    for (uint32_t i = 0; i < s->n_strings; i++)
        free(s->strings[i]);
    free(s->strings);
    free(s->frames);
    free(s->stacks);
    free(s->attempts);
    free(s->windows);
    free(s->picks);
    free(s->list);
    free(s->locations);
    free(s->in_baseline);
    *s = (struct sites){0};
}

static const char *keep(struct sites *s, const char *text) {
    if (!text)
        return NULL;
    s->strings = text_grow(s->strings, s->n_strings, sizeof *s->strings);
    s->strings[s->n_strings] = text_dup(text);
    return s->strings[s->n_strings++];
}

/* --- stacks --- */

#define FRAME_COLUMNS(X)                                                                 \
    X(FRAME_ID, "f.id")                                                                  \
    X(FRAME_MODULE, "m.path")                                                            \
    X(FRAME_FUNCTION, "y.function")                                                      \
    X(FRAME_FILE, "y.file")                                                              \
    X(FRAME_LINKAGE, "y.linkage_name")                                                   \
    X(FRAME_SYMBOL, "y.frame_id")                                                        \
    X(FRAME_LINE, "y.line")                                                              \
    X(FRAME_BUILD_ID, "m.build_id")                                                      \
    X(FRAME_OFFSET, "f.\"offset\"")                                                      \
    X(FRAME_START, "coalesce(y.start, 0)")
enum { FRAME_COLUMNS(STORE_COLUMN_ENUM) };

static void add_symbol(struct sites *s, struct plan_frame *f, sqlite3_stmt *q) {
    f->functions = text_grow((void *)f->functions, f->n_symbols, sizeof *f->functions);
    f->files = text_grow((void *)f->files, f->n_symbols, sizeof *f->files);
    f->lines = text_grow((void *)f->lines, f->n_symbols, sizeof *f->lines);
    f->linkage = text_grow((void *)f->linkage, f->n_symbols, sizeof *f->linkage);
    ((uint32_t *)f->lines)[f->n_symbols] = (uint32_t)sqlite3_column_int64(q, FRAME_LINE);
    ((const char **)f->functions)[f->n_symbols] =
        keep(s, store_column_text(q, FRAME_FUNCTION));
    ((const char **)f->files)[f->n_symbols] = keep(s, store_column_text(q, FRAME_FILE));
    ((const char **)f->linkage)[f->n_symbols] =
        keep(s, store_column_text(q, FRAME_LINKAGE));
    f->start = (uint64_t)sqlite3_column_int64(q, FRAME_START); /* the last one's */
    f->n_symbols++;
}

/* Of the stacks that a recording's sites have, each step once. */
#define USED_STACKS                                                                        \
    "WITH RECURSIVE used(id) AS (SELECT s.stack_id FROM site s WHERE s.id IN (SELECT "     \
    "site_id FROM site_stat WHERE recording_id = ?1) UNION SELECT k.parent_id FROM stack " \
    "k JOIN used u ON k.id = u.id WHERE k.parent_id IS NOT NULL) "

/* @recording_id: 0 = of the whole store */
static int load_frames(struct store *store, int64_t recording_id, struct sites *s,
                       struct idmap *index) {
    static const char all[] =
        STORE_SELECT(FRAME_COLUMNS) "FROM frame f JOIN module m ON m.id = f.module_id "
                                    "LEFT JOIN symbol y ON y.frame_id = f.id "
                                    "ORDER BY f.id, y.inline_index";
    static const char some[] = USED_STACKS STORE_SELECT(
        FRAME_COLUMNS) "FROM (SELECT DISTINCT k.frame_id AS id FROM used u CROSS JOIN stack k ON k.id "
                       "= u.id) d CROSS JOIN frame f ON f.id = d.id JOIN module m ON m.id = "
                       "f.module_id LEFT JOIN symbol y ON y.frame_id = f.id ORDER BY f.id, "
                       "y.inline_index";
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(store, recording_id ? some : all, &q);
    if (r < 0)
        return r;
    if (recording_id)
        sqlite3_bind_int64(q, 1, recording_id);
    int64_t last = 0;
    uint32_t n = 0;
    int step;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(q, FRAME_ID);
        if (!n || id != last) {
            s->frames = text_grow(s->frames, n, sizeof *s->frames);
            s->frames[n++] = (struct plan_frame){
                .module = keep(s, store_column_text(q, FRAME_MODULE)),
                .module_key = key_module(sqlite3_column_blob(q, FRAME_BUILD_ID),
                                         (size_t)sqlite3_column_bytes(q, FRAME_BUILD_ID)),
                .offset = (uint64_t)sqlite3_column_int64(q, FRAME_OFFSET)};
            s->input.n_frames = n;
            idmap_put(index, id, n);
            last = id;
        }
        if (sqlite3_column_type(q, FRAME_SYMBOL) != SQLITE_NULL)
            add_symbol(s, &s->frames[n - 1], q);
    }
    return step == SQLITE_DONE ? 0 : store_error(store, "reading frames");
}

#define STACK_COLUMNS(X)                                                                 \
    X(STACK_ID, "id")                                                                    \
    X(STACK_PARENT_ID, "parent_id")                                                      \
    X(STACK_FRAME_ID, "frame_id")
enum { STACK_COLUMNS(STORE_COLUMN_ENUM) };

static int load_stacks(struct store *store, struct sites *s, const struct idmap *frames,
                       struct idmap *index) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        store, STORE_SELECT(STACK_COLUMNS) "FROM stack ORDER BY depth, id", &q);
    if (r < 0)
        return r;
    uint32_t n = 0;
    int step;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t parent = 0, frame = 0;
        idmap_get(index, sqlite3_column_int64(q, STACK_PARENT_ID), &parent);
        if (!idmap_get(frames, sqlite3_column_int64(q, STACK_FRAME_ID), &frame))
            continue;
        s->stacks = text_grow(s->stacks, n, sizeof *s->stacks);
        s->stacks[n++] = (struct plan_stack){(uint32_t)parent, (uint32_t)frame - 1};
        idmap_put(index, sqlite3_column_int64(q, STACK_ID), n);
    }
    s->input.n_stacks = n;
    return step == SQLITE_DONE ? 0 : store_error(store, "reading stacks");
}

/* --- sites --- */

#define SITE_COLUMNS(X)                                                                  \
    X(SITE_ID, "s.id")                                                                   \
    X(SITE_KEY, "s.key")                                                                 \
    X(SITE_OP, "s.op")                                                                   \
    X(SITE_LOCATION, "s.location_id")                                                    \
    X(SITE_STACK, "s.stack_id")                                                          \
    X(SITE_LEAF_MODULE, "m.build_id")                                                    \
    X(SITE_LEAF_OFFSET, "f.\"offset\"")                                                  \
    X(SITE_LOCATION_NAME, "l.name")                                                      \
    X(SITE_FAILABLE, "coalesce(r.failable, 1)")                                          \
    X(SITE_COUNT, "coalesce(e.count, r.failable)")                                       \
    X(SITE_MAX_SIZE, "coalesce(r.size, 0)")                                              \
    X(SITE_IN_BASELINE, "e.site_id IS NOT NULL")                                         \
    X(SITE_RECORDED, "r.site_id IS NOT NULL")
enum { SITE_COLUMNS(STORE_COLUMN_ENUM) };

enum { SITES_RECORDING_ID = 1, SITES_REPLAY_ID };
static const char sites_sql[] =
    "WITH recorded AS (SELECT site_id, sum(failable) AS failable, max(max_size) AS size   "
    "FROM site_stat WHERE recording_id = ? GROUP BY site_id), reached AS (SELECT "
    "bs.site_id, min(bs.count) AS count FROM baseline_site bs   JOIN baseline b ON b.id "
    "= bs.baseline_id WHERE b.replay_id = ? GROUP BY bs.site_id) " STORE_SELECT(
        SITE_COLUMNS) "FROM (SELECT site_id FROM recorded UNION SELECT site_id FROM "
                      "reached) u JOIN site s ON s.id = u.site_id LEFT JOIN recorded r ON r.site_id = s.id "
                      "LEFT JOIN reached e ON e.site_id = s.id LEFT JOIN stack k ON k.id = s.stack_id LEFT "
                      "JOIN frame f ON f.id = k.frame_id LEFT JOIN module m ON m.id = f.module_id LEFT "
                      "JOIN location l ON l.id = s.location_id ORDER BY s.key";

static void read_site(struct sites *s, sqlite3_stmt *q, const struct idmap *stacks) {
    uint32_t n = s->input.n_sites;
    int64_t stack = 0, count = sqlite3_column_int64(q, SITE_COUNT);
    idmap_get(stacks, sqlite3_column_int64(q, SITE_STACK), &stack);
    s->list = text_grow(s->list, n, sizeof *s->list);
    s->locations = text_grow(s->locations, n, sizeof *s->locations);
    s->in_baseline = text_grow(s->in_baseline, n, sizeof *s->in_baseline);
    s->list[n] = (struct plan_site){
        .id = sqlite3_column_int64(q, SITE_ID),
        .key = store_column_key(q, SITE_KEY),
        .op = (uint32_t)op_from_name(store_column_text(q, SITE_OP)),
        .leaf_offset = (uint64_t)sqlite3_column_int64(q, SITE_LEAF_OFFSET),
        .location = sqlite3_column_int64(q, SITE_LOCATION),
        .stack = (uint32_t)stack,
        .count = count > 0 ? (uint64_t)count : 1,
        .max_size = (uint64_t)sqlite3_column_int64(q, SITE_MAX_SIZE),
        .failable = sqlite3_column_int64(q, SITE_FAILABLE) > 0,
    };
    if (sqlite3_column_type(q, SITE_LEAF_MODULE) != SQLITE_NULL)
        s->list[n].leaf_module =
            key_module(sqlite3_column_blob(q, SITE_LEAF_MODULE),
                       (size_t)sqlite3_column_bytes(q, SITE_LEAF_MODULE));
    s->locations[n] = keep(s, store_column_text(q, SITE_LOCATION_NAME));
    s->in_baseline[n] = sqlite3_column_int64(q, SITE_IN_BASELINE) != 0;
    s->n_in_baseline += s->in_baseline[n];
    s->n_recorded += sqlite3_column_int64(q, SITE_RECORDED) != 0;
    s->input.n_sites++;
}

static int load_sites(struct store *store, int64_t recording_id, int64_t replay_id,
                      struct sites *s, const struct idmap *stacks) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step, r = store_prepare(store, sites_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, SITES_RECORDING_ID, recording_id);
    sqlite3_bind_int64(q, SITES_REPLAY_ID, replay_id);
    while ((step = sqlite3_step(q)) == SQLITE_ROW)
        read_site(s, q, stacks);
    return step == SQLITE_DONE ? 0 : store_error(store, "reading sites");
}

#define ATTEMPT_COLUMNS(X)                                                                                                                                                                                                                                                                                                                                                                                          \
    X(ATTEMPT_SITE_ID, "a.site_id")                                                                                                                                                                                                                                                                                                                                                                                 \
    X(ATTEMPT_OCCURRENCE, "a.occurrence")                                                                                                                                                                                                                                                                                                                                                                           \
    X(ATTEMPT_MODE, "a.mode")                                                                                                                                                                                                                                                                                                                                                                                       \
    X(ATTEMPT_VERDICT, "a.verdict")                                                                                                                                                                                                                                                                                                                                                                                 \
    X(ATTEMPT_CONFIRMED,                                                                                                                                                                                                                                                                                                                                                                                            \
      "a.how = 'snapshot' AND CASE WHEN a.inferred THEN (SELECT o.id FROM attempt o WHERE o.site_id = a.site_id AND o.replay_id = a.replay_id AND o.occurrence = a.occurrence AND o.mode = 'once' AND o.how = a.how) ELSE a.id END IN (SELECT x.attempt_id FROM finding_attempt x WHERE x.finding_id IN (SELECT y.finding_id FROM finding_attempt y JOIN attempt b ON b.id = y.attempt_id WHERE b.how = 'rerun'))") \
    X(ATTEMPT_UNDER, "a.under")                                                                                                                                                                                                                                                                                                                                                                                     \
    X(ATTEMPT_BURST, "a.burst")                                                                                                                                                                                                                                                                                                                                                                                     \
    X(ATTEMPT_EXPLORED, "a.explored")                                                                                                                                                                                                                                                                                                                                                                               \
    X(ATTEMPT_SCOPE, "a.scope")                                                                                                                                                                                                                                                                                                                                                                                     \
    X(ATTEMPT_THREAD, "a.thread")                                                                                                                                                                                                                                                                                                                                                                                   \
    X(ATTEMPT_RECORDING, "r.recording_id")
enum { ATTEMPT_COLUMNS(STORE_COLUMN_ENUM) };

enum { ATTEMPTS_REPLAY = 1, ATTEMPTS_RECORDING, ATTEMPTS_OTHERS }; /* as they come up */

/* Of other recordings, what was judged by the same rules, and is so for good: a replay that goes on has not confirmed
 * everything, and no report counts it yet. */
static const char attempts_sql[] = STORE_SELECT(
    ATTEMPT_COLUMNS) "FROM attempt a JOIN replay r ON r.id = a.replay_id LEFT JOIN replay c "
                     "ON c.id = :replay WHERE (r.recording_id = :recording OR (r.recording_id IN (SELECT "
                     "value FROM json_each(:others)) AND r.state <> 'running' AND a.how <> 'sweep' AND r.tool_version = "
                     "c.tool_version AND r.isolation = c.isolation AND "
                     "json_extract(r.options, '$.output_check') IS json_extract(c.options, "
                     "'$.output_check') AND json_extract(r.options, '$.policies') IS "
                     "json_extract(c.options, '$.policies') AND json_extract(r.options, "
                     "'$.catalogue') IS json_extract(c.options, '$.catalogue'))) AND "
                     "a.second_site_id IS NULL ORDER BY a.id";

/* Sites of this recording that nothing but other recordings' attempts tell of. */
static void count_reused(struct sites *s, int64_t recording_id, struct idmap *newest) {
    for (uint32_t i = 0; i < s->input.n_sites; i++) {
        int64_t from = 0;
        if (!s->list[i].failable || !idmap_get(newest, s->list[i].id, &from) ||
            from == recording_id)
            continue;
        s->n_reused++;
        s->reused_from = from > s->reused_from ? from : s->reused_from;
    }
}

static void note_recording(struct idmap *newest, sqlite3_stmt *q, int64_t recording_id) {
    int64_t site = sqlite3_column_int64(q, ATTEMPT_SITE_ID), known = 0,
            from = sqlite3_column_int64(q, ATTEMPT_RECORDING);
    idmap_get(newest, site, &known);
    if (known != recording_id && (from == recording_id || from > known))
        idmap_put(newest, site, from);
}

static int load_attempts(struct store *store, int64_t recording_id, int64_t replay_id,
                         const char *others, struct sites *s) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    struct idmap newest = {0}; /* site -> recording, this one before all others */
    int step, r = store_prepare(store, attempts_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, ATTEMPTS_RECORDING, recording_id);
    store_bind_text(q, ATTEMPTS_OTHERS, others ? others : "[]");
    sqlite3_bind_int64(q, ATTEMPTS_REPLAY, replay_id);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        const char *scope = store_column_text(q, ATTEMPT_SCOPE);
        s->attempts = text_grow(s->attempts, s->input.n_attempts, sizeof *s->attempts);
        s->attempts[s->input.n_attempts++] = (struct plan_attempt){
            .site_id = sqlite3_column_int64(q, ATTEMPT_SITE_ID),
            .occurrence = (uint64_t)sqlite3_column_int64(q, ATTEMPT_OCCURRENCE),
            .mode = fault_mode_from_name(store_column_text(q, ATTEMPT_MODE)),
            .verdict = verdict_from_name(store_column_text(q, ATTEMPT_VERDICT)),
            .confirmed = sqlite3_column_int(q, ATTEMPT_CONFIRMED),
            .under = under_from_name(store_column_text(q, ATTEMPT_UNDER)),
            .burst = (uint32_t)sqlite3_column_int64(q, ATTEMPT_BURST),
            .explored = sqlite3_column_int(q, ATTEMPT_EXPLORED) != 0,
            .thread = thread_role_from_name(store_column_text(q, ATTEMPT_THREAD)),
            .scope = scope_key(scope),
        };
        note_recording(&newest, q, recording_id);
    }
    if (others)
        count_reused(s, recording_id, &newest);
    idmap_deinit(&newest);
    return step == SQLITE_DONE ? 0 : store_error(store, "reading attempts");
}

int sites_load(struct store *store, int64_t recording_id, int64_t replay_id,
               const char *others, bool with_stacks, struct sites *out) {
    struct idmap frames = {0}, stacks = {0};
    *out = (struct sites){0};
    int r = with_stacks ? load_frames(store, 0, out, &frames) : 0;
    if (r == 0 && with_stacks)
        r = load_stacks(store, out, &frames, &stacks);
    if (r == 0)
        r = load_sites(store, recording_id, replay_id, out, &stacks);
    if (r == 0)
        r = load_attempts(store, recording_id, replay_id, others, out);
    idmap_deinit(&frames);
    idmap_deinit(&stacks);
    out->input.frames = out->frames;
    out->input.stacks = out->stacks;
    out->input.sites = out->list;
    out->input.attempts = out->attempts;
    if (r < 0)
        sites_deinit(out);
    return r;
}

int sites_load_frames(struct store *store, int64_t recording_id, struct sites *out) {
    struct idmap frames = {0};
    *out = (struct sites){0};
    int r = load_frames(store, recording_id, out, &frames);
    idmap_deinit(&frames);
    out->input.frames = out->frames;
    if (r < 0)
        sites_deinit(out);
    return r;
}

#define SURVIVOR_COLUMNS(X)                                                              \
    X(SURVIVOR_SITE_ID, "v.site_id")                                                     \
    X(SURVIVOR_OCCURRENCE, "v.occurrence")                                               \
    X(SURVIVOR_MODE, "v.mode")                                                           \
    X(SURVIVOR_BURST, "v.burst")                                                         \
    X(SURVIVOR_SCOPE, "v.scope")
enum { SURVIVOR_COLUMNS(STORE_COLUMN_ENUM) };

int sites_add_survivors(struct store *store, int64_t recording_id, struct sites *s) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step,
        r = store_prepare(
            store,
            STORE_SELECT(SURVIVOR_COLUMNS) "FROM survivor v JOIN replay r ON r.id = "
                                           "v.replay_id WHERE r.recording_id = ?1",
            &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, recording_id);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        s->attempts = text_grow(s->attempts, s->input.n_attempts, sizeof *s->attempts);
        s->attempts[s->input.n_attempts++] = (struct plan_attempt){
            .site_id = sqlite3_column_int64(q, SURVIVOR_SITE_ID),
            .occurrence = (uint64_t)sqlite3_column_int64(q, SURVIVOR_OCCURRENCE),
            .mode = fault_mode_from_name(store_column_text(q, SURVIVOR_MODE)),
            .burst = (uint32_t)sqlite3_column_int64(q, SURVIVOR_BURST),
            .scope = scope_key(store_column_text(q, SURVIVOR_SCOPE)),
            .survived = true,
        };
    }
    s->input.attempts = s->attempts;
    return step == SQLITE_DONE ? 0 : store_error(store, "reading survivor");
}
