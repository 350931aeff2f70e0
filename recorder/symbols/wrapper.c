/* SPDX-License-Identifier: Apache-2.0 */
/* The guess of wrapper.h, by what was recorded. */
#include "wrapper.h"

#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "store.h"
#include "text.h"

/* A wrapper asks in one place or two (malloc, realloc) on behalf of many. A parser that makes all its
 * nodes by itself has more places or fewer callers. */
#define MIN_SITES   12
#define MIN_CALLERS 6u
#define MAX_PLACES  2
#define MAX_CHAIN   4 /* wrappers of wrappers, each with one caller but the outermost */

#define CANDIDATE_COLUMNS(X)                                                             \
    X(CANDIDATE_MODULE_ID, "module_id")                                                  \
    X(CANDIDATE_FUNCTION, "function")                                                    \
    X(CANDIDATE_SITES, "count(*)")                                                       \
    X(CANDIDATE_ALL, "(SELECT count(*) FROM seen)")
enum { CANDIDATE_COLUMNS(STORE_COLUMN_ENUM) };
enum { CANDIDATE_RECORDING_ID = 1, CANDIDATE_MIN_SITES, CANDIDATE_MAX_PLACES };

static const char candidate_sql[] =
    "WITH seen AS (SELECT l.id, l.module_id, l.function, l.\"offset\" FROM site_stat t JOIN site s ON "
    "s.id = t.site_id JOIN location l ON l.id = s.location_id WHERE t.recording_id = ? GROUP BY s.id) " STORE_SELECT(
        CANDIDATE_COLUMNS) "FROM seen WHERE function IS NOT "
                           "NULL AND function <> 'main' GROUP BY module_id, function HAVING count(*) >= ? AND count(*) * 2 >= "
                           "(SELECT count(*) FROM seen) AND count(DISTINCT \"offset\") <= ? ORDER BY count(*) DESC LIMIT 1";

enum { STACKS_RECORDING_ID = 1, STACKS_MODULE_ID, STACKS_FUNCTION };

static const char stacks_sql[] =
    "SELECT DISTINCT s.stack_id FROM site_stat t JOIN site s ON s.id = t.site_id JOIN location l ON l.id "
    "= s.location_id WHERE t.recording_id = ? AND l.module_id = ? AND l.function = ?";

struct callers {
    char *names[MIN_CALLERS];
    uint32_t n;
};

static void callers_add(struct callers *c, const char *name) {
    for (uint32_t i = 0; i < c->n; i++)
        if (strcmp(c->names[i], name) == 0)
            return;
    if (c->n < MIN_CALLERS)
        c->names[c->n++] = text_dup(name);
}

/* Who called it: the frame that follows its innermost; where that has no name, its address in front of
 * other calls of the same function counts as another one. */
static void look_at_stack(struct callers *c, const struct frames *frames,
                          const char *function) {
    for (uint32_t i = 0; i + 1 < frames->n; i++) {
        const struct frame *f = &frames->items[i], *caller = &frames->items[i + 1];
        if (!f->function || strcmp(f->function, function) != 0)
            continue;
        if (caller->function && strcmp(caller->function, function) != 0)
            callers_add(c, caller->function);
        return;
    }
}

struct asked {
    int64_t recording_id, module;
    const char *location; /* the sites of this function, */
    const char *function; /* and on their stacks: who calls this one? */
};

static int count_callers(struct store *store, const struct asked *asked,
                         struct callers *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    struct frames_reader *reader = NULL;
    int step = SQLITE_DONE, r = frames_reader_new(store, &reader);
    if (r == 0)
        r = store_prepare(store, stacks_sql, &s);
    if (r == 0) {
        sqlite3_bind_int64(s, STACKS_RECORDING_ID, asked->recording_id);
        sqlite3_bind_int64(s, STACKS_MODULE_ID, asked->module);
        store_bind_text(s, STACKS_FUNCTION, asked->location);
    }
    while (r == 0 && out->n < MIN_CALLERS && (step = sqlite3_step(s)) == SQLITE_ROW) {
        AUTO_FRAMES struct frames frames = {0};
        r = frames_load(reader, sqlite3_column_int64(s, 0), &frames);
        if (r == 0)
            look_at_stack(out, &frames, asked->function);
    }
    if (r == 0 && step != SQLITE_DONE && step != SQLITE_ROW)
        r = store_error(store, "looking for wrappers");
    frames_reader_free(reader);
    return r;
}

static char *without_parameters(const char *function) {
    const struct frame frame = {.function = function};
    char *bare = frame_bare_function(&frame);
    return bare ? bare : text_dup(function);
}

static void callers_clear(struct callers *c) {
    for (uint32_t i = 0; i < c->n; i++)
        free(c->names[i]);
    *c = (struct callers){0};
}

/* From the location outwards, as long as each has one caller. @options: out, as they are given
 * Return: 1 when the last of them has many callers, 0, or a negative errno. */
static int follow_chain(struct store *store, int64_t recording_id, sqlite3_stmt *location,
                        struct text *options) {
    struct callers callers = {0};
    const char *function = store_column_text(location, CANDIDATE_FUNCTION);
    AUTO_FREE char *at = text_dup(function);
    int r = 0;
    for (int i = 0; i < MAX_CHAIN; i++) {
        AUTO_FREE char *bare = without_parameters(at);
        text_addf(options, "%s--wrapper '%s'", i ? " " : "", bare);
        callers_clear(&callers);
        const struct asked asked = {recording_id,
                                    sqlite3_column_int64(location, CANDIDATE_MODULE_ID),
                                    function, at};
        r = count_callers(store, &asked, &callers);
        if (r < 0 || callers.n != 1 || strcmp(callers.names[0], "main") == 0)
            break;
        free(at);
        at = text_dup(callers.names[0]);
    }
    bool many = callers.n == MIN_CALLERS;
    callers_clear(&callers);
    return r < 0 ? r : many;
}

int wrapper_guess(struct store *store, int64_t recording_id, struct wrapper *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_TEXT struct text options = {0};
    int r = store_prepare(store, candidate_sql, &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, CANDIDATE_RECORDING_ID, recording_id);
    sqlite3_bind_int(s, CANDIDATE_MIN_SITES, MIN_SITES);
    sqlite3_bind_int(s, CANDIDATE_MAX_PLACES, MAX_PLACES);
    int step = sqlite3_step(s);
    if (step != SQLITE_ROW)
        return step == SQLITE_DONE ? 0 : store_error(store, "looking for wrappers");
    r = follow_chain(store, recording_id, s, &options);
    if (r > 0)
        *out = (struct wrapper){
            .function = without_parameters(store_column_text(s, CANDIDATE_FUNCTION)),
            .options = text_take(&options),
            .sites = (uint64_t)sqlite3_column_int64(s, CANDIDATE_SITES),
            .all = (uint64_t)sqlite3_column_int64(s, CANDIDATE_ALL),
            .callers = MIN_CALLERS};
    return r;
}
