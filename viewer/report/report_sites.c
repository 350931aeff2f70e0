/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading sites: see report_sites.h. Every table is read once, in the order of its rows, and joined in
 * memory by binary search: linear in the database, whatever the number of sites.
 *
 *   location ─► site ◄─ site_stat, baseline_site, error_path    how often it was called
 *                    ◄─ attempt, skipped                        what was tried, and why not
 */
#include "report_sites.h"

#include <stdlib.h>
#include <string.h>

#include "report_rows.h"
#include "store.h"
#include "text.h"

static int compare_location_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_location *)item)->id;
    return (a > b) - (a < b);
}

struct report_location *report_sites_location(struct report_data *data, int64_t id) {
    return data->n_locations ? bsearch(&id, data->locations, data->n_locations,
                                       sizeof *data->locations, compare_location_id)
                             : NULL;
}

static int compare_site_id(const void *key, const void *item) {
    int64_t a = *(const int64_t *)key, b = ((const struct report_site *)item)->id;
    return (a > b) - (a < b);
}

/* Rows that are about a site come in the order of sites, or nearly so. */
struct reading {
    struct report_site *last; /* where the previous one was found; NULL = none yet */
    int64_t occurrence;       /* load_attempts(): the last one that was counted */
};

/* The site of this row, while sites are still in the order of their ids. */
static struct report_site *find_site(struct report_data *data, int64_t id,
                                     struct report_site *last) {
    if (last && last->id == id)
        return last;
    if (last && last + 1 < data->sites + data->n_sites && last[1].id == id)
        return last + 1;
    return data->n_sites ? bsearch(&id, data->sites, data->n_sites, sizeof *data->sites,
                                   compare_site_id)
                         : NULL;
}

static uint64_t natural(sqlite3_stmt *s, int column) {
    int64_t v = sqlite3_column_int64(s, column);
    return v < 0 ? 0 : (uint64_t)v;
}

/* --- the sites --- */

static int load_locations(struct report_data *data) {
    return report_rows_load(
        data, &report_fields_location,
        "FROM location l JOIN module m ON m.id = l.module_id ORDER BY l.id",
        "reading locations", &data->locations, &data->n_locations);
}

static const char from_site[] =
    "FROM site s WHERE (NOT %d OR s.error_path OR s.id IN (SELECT site_id FROM "
    "chosen_target)) AND s.id IN (SELECT site_id FROM site_stat WHERE recording_id IN "
    "chosen_recording UNION SELECT site_id FROM attempt WHERE replay_id IN "
    "chosen_replay UNION SELECT e.site_id FROM error_path e JOIN attempt a ON a.id = "
    "e.attempt_id JOIN site x ON x.id = e.site_id WHERE x.error_path AND a.replay_id "
    "IN chosen_replay UNION SELECT bs.site_id FROM baseline_site bs JOIN baseline b "
    "ON b.id = bs.baseline_id WHERE b.replay_id IN chosen_replay) ORDER BY s.id";

static int load_sites(struct report_data *data) {
    AUTO_FREE char *from = text_format(from_site, data->suite != NULL);
    return report_rows_load(data, &report_fields_site, from, "reading sites",
                            &data->sites, &data->n_sites);
}

/* --- how often they were called --- */

static void add_counts(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct reading *reading = state;
    int last = sqlite3_column_count(s) - 1;
    struct report_site *x = find_site(data, sqlite3_column_int64(s, last), reading->last);
    if (!x)
        return;
    reading->last = x;
    report_fields_add(&report_fields_site, data, s, x, !x->program);
}

static int load_counts(struct report_data *data) {
    AUTO_TEXT struct text sql = {0};
    struct reading reading = {0};
    report_fields_select(&report_fields_site, true, &sql);
    text_add(&sql,
             "x.site_id FROM site_stat x JOIN process p ON p.id = x.process_id JOIN "
             "recording g ON g.id = x.recording_id LEFT JOIN thread t ON t.id = "
             "x.first_thread_id WHERE x.recording_id IN chosen_recording ORDER "
             "BY x.recording_id, x.process_id, x.site_id");
    return report_rows_read(data, sql.data, "reading site_stat", add_counts, &reading);
}

#define REACHED_COLUMNS(X)                                                               \
    X(REACHED_SITE, "bs.site_id")                                                        \
    X(REACHED_COUNT, "max(bs.count)")
enum { REACHED_COLUMNS(STORE_COLUMN_ENUM) };

static const char reached_sql[] = STORE_SELECT(
    REACHED_COLUMNS) "FROM baseline_site bs JOIN baseline b ON b.id = bs.baseline_id WHERE b.replay_id "
                     "IN chosen_replay GROUP BY bs.site_id ORDER BY bs.site_id";

/* Sites that no recording has but a run without a fault reached: as testable as the
 * others. */
static void add_reached(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct reading *reading = state;
    struct report_site *x =
        find_site(data, sqlite3_column_int64(s, REACHED_SITE), reading->last);
    if (!x)
        return;
    reading->last = x;
    if (!x->count && !x->failable)
        x->count = x->failable = natural(s, REACHED_COUNT);
}

static int load_reached(struct report_data *data) {
    struct reading reading = {0};
    return report_rows_read(data, reached_sql, "reading baseline_site", add_reached,
                            &reading);
}

#define ERROR_PATH_COLUMNS(X)                                                            \
    X(ERROR_PATH_SITE, "e.site_id")                                                      \
    X(ERROR_PATH_COUNT, "max(e.count)")
enum { ERROR_PATH_COLUMNS(STORE_COLUMN_ENUM) };

static const char error_path_sql[] = STORE_SELECT(
    ERROR_PATH_COLUMNS) "FROM error_path e JOIN attempt a ON a.id = e.attempt_id WHERE a.replay_id IN "
                        "chosen_replay GROUP BY e.site_id ORDER BY e.site_id";

/* Sites that came up after a failure alone: how often at most. */
static void add_error_path(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct reading *reading = state;
    struct report_site *x =
        find_site(data, sqlite3_column_int64(s, ERROR_PATH_SITE), reading->last);
    if (!x || !x->error_path || x->count)
        return;
    reading->last = x;
    x->after_failure = true;
    x->count = x->failable = natural(s, ERROR_PATH_COUNT);
}

static int load_error_path(struct report_data *data) {
    struct reading reading = {0};
    return report_rows_read(data, error_path_sql, "reading error_path", add_error_path,
                            &reading);
}

/* --- what was tried --- */

#define ATTEMPT_COLUMNS(X)                                                               \
    X(ATTEMPT_SITE, "coalesce(second_site_id, site_id)")                                 \
    X(ATTEMPT_VERDICT, "verdict")                                                        \
    X(ATTEMPT_FIRED, "fired")                                                            \
    X(ATTEMPT_OCCURRENCE, "coalesce(second_occurrence, occurrence)")                     \
    X(ATTEMPT_HOW, "how")
enum { ATTEMPT_COLUMNS(STORE_COLUMN_ENUM) };

static const char attempt_sql[] = STORE_SELECT(
    ATTEMPT_COLUMNS) "FROM attempt WHERE replay_id IN chosen_replay ORDER BY "
                     "coalesce(second_site_id, site_id), coalesce(second_occurrence, occurrence)";

static void add_tried(struct report_site *x, enum verdict verdict, sqlite3_stmt *s) {
    x->attempts[verdict]++;
    if (verdict > x->verdict)
        x->verdict = verdict;
    int how = how_from_name(store_column_text(s, ATTEMPT_HOW));
    if (how >= 0)
        x->how |= 1u << how;
}

static void add_attempt(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct reading *reading = state;
    struct report_site *x =
        find_site(data, sqlite3_column_int64(s, ATTEMPT_SITE), reading->last);
    if (!x)
        return;
    if (x != reading->last)
        reading->occurrence = -1;
    reading->last = x;
    enum verdict verdict = verdict_from_name(store_column_text(s, ATTEMPT_VERDICT));
    if (verdict == VERDICT_NONE)
        return;
    /* The proof decides, whatever the row says besides. */
    if (!sqlite3_column_int(s, ATTEMPT_FIRED))
        verdict = VERDICT_UNREACHED;
    add_tried(x, verdict, s);
    int64_t occurrence = sqlite3_column_int64(s, ATTEMPT_OCCURRENCE);
    if (verdict != VERDICT_UNREACHED && occurrence != reading->occurrence) {
        reading->occurrence = occurrence;
        x->occurrences_tested++;
    }
}

static int load_attempts(struct report_data *data) {
    struct reading reading = {.occurrence = -1};
    return report_rows_read(data, attempt_sql, "reading attempts", add_attempt, &reading);
}

#define SKIPPED_COLUMNS(X)                                                               \
    X(SKIPPED_SITE, "site_id")                                                           \
    X(SKIPPED_REPLAY, "replay_id")                                                       \
    X(SKIPPED_REASON, "reason")
enum { SKIPPED_COLUMNS(STORE_COLUMN_ENUM) };

static const char skipped_sql[] = STORE_SELECT(
    SKIPPED_COLUMNS) "FROM skipped WHERE replay_id IN chosen_replay ORDER BY replay_id, site_id";

static void add_skipped(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct reading *reading = state;
    struct report_site *x =
        find_site(data, sqlite3_column_int64(s, SKIPPED_SITE), reading->last);
    enum reason reason = reason_from_name(store_column_text(s, SKIPPED_REASON));
    if (!x || reason == REASON_TESTED)
        return;
    reading->last = x;
    x->reason = reason; /* the newest replay's word */
    x->skipped_by = (uint64_t)sqlite3_column_int64(s, SKIPPED_REPLAY);
}

static int load_skipped(struct report_data *data) {
    struct reading reading = {0};
    return report_rows_read(data, skipped_sql, "reading skipped", add_skipped, &reading);
}

static int load_survivors(struct report_data *data) {
    AUTO_FREE int64_t *open = NULL;
    uint32_t n = 0;
    data->quick =
        store_int(data->store,
                  "SELECT json_extract(options, '$.quick') FROM replay WHERE id IN "
                  "chosen_replay ORDER BY id DESC LIMIT 1",
                  0) != 0;
    int r = survivor_count(data->store, "chosen_replay", &data->survivors);
    if (r == 0)
        r = survivor_open_sites(data->store, "chosen_replay", &open, &n);
    data->quick |= data->survivors.open > 0;
    for (size_t i = 0; r == 0 && n && i < data->n_sites; i++)
        data->sites[i].ended_early =
            survivor_is_open(open, n, data->sites[i].id, data->sites[i].verdict);
    return r;
}

int report_sites_load(struct report_data *data) {
    int (*const steps[])(struct report_data *) = {
        load_locations,  load_sites,    load_counts,  load_reached,
        load_error_path, load_attempts, load_skipped, load_survivors};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++)
        r = steps[i](data);
    return r;
}

/* --- their order --- */

static int by_key(const void *a, const void *b) {
    return key_compare(((const struct report_site *)a)->key,
                       ((const struct report_site *)b)->key);
}

static int by_location(const void *a, const void *b) {
    const struct report_site *x = *(struct report_site *const *)a;
    const struct report_site *y = *(struct report_site *const *)b;
    int order = strcmp(x->location ? x->location->name : "",
                       y->location ? y->location->name : "");
    return order ? order : key_compare(x->key, y->key);
}

void report_sites_sort(struct report_data *data) {
    if (data->n_sites)
        qsort(data->sites, data->n_sites, sizeof *data->sites, by_key);
    data->untested = text_alloc((data->n_sites + 1) * sizeof(struct report_site *));
    for (size_t i = 0; i < data->n_sites; i++)
        if (data->sites[i].reason != REASON_TESTED && !data->sites[i].after_failure)
            data->untested[data->n_untested++] = &data->sites[i];
    if (data->n_untested)
        qsort(data->untested, data->n_untested, sizeof *data->untested, by_location);
}
