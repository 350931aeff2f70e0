/* SPDX-License-Identifier: Apache-2.0 */
/* What --quick has not seen to its end: see survivor.h. */
#include "survivor.h"

#include "store.h"
#include "text.h"

/* Of each fault, whether an attempt has shown it to its end, and how: NULL, 0 = in order, 1. */
#define SEEN                                                                                            \
    "WITH fault AS (SELECT DISTINCT site_id, occurrence, mode, burst, scope FROM survivor "             \
    "WHERE replay_id IN %1$s), seen AS (SELECT f.site_id, (SELECT max(a.severity <> "                   \
    "'ok') FROM attempt a WHERE a.replay_id IN %1$s AND a.site_id = f.site_id AND "                     \
    "a.occurrence = f.occurrence AND a.mode = f.mode AND a.burst = f.burst AND a.scope IS f.scope AND " \
    "a.thread = 'any' AND a.fired AND a.verdict <> 'unreached' AND a.second_site_id IS "                \
    "NULL) AS bad FROM fault f) "

#define SEEN_COLUMNS(X)                                                                  \
    X(SEEN_FAULTS, "count(*)")                                                           \
    X(SEEN_WHOLE, "count(bad)")                                                          \
    X(SEEN_OTHERWISE, "coalesce(sum(bad), 0)")                                           \
    X(SEEN_SITES, "count(DISTINCT CASE WHEN bad IS NULL THEN site_id END)")
enum { SEEN_COLUMNS(STORE_COLUMN_ENUM) };

static const char count_sql[] = SEEN STORE_SELECT(SEEN_COLUMNS) "FROM seen";

int survivor_count(struct store *store, const char *replays,
                   struct survivor_counts *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *sql = text_format(count_sql, replays);
    *out = (struct survivor_counts){0};
    int r = store_prepare(store, sql, &s);
    if (r < 0)
        return r;
    if (sqlite3_step(s) != SQLITE_ROW)
        return store_error(store, "reading survivor");
    out->faults = (uint64_t)sqlite3_column_int64(s, SEEN_FAULTS);
    out->whole = (uint64_t)sqlite3_column_int64(s, SEEN_WHOLE);
    out->otherwise = (uint64_t)sqlite3_column_int64(s, SEEN_OTHERWISE);
    out->open = out->faults - out->whole;
    out->sites = (uint64_t)sqlite3_column_int64(s, SEEN_SITES);
    return 0;
}

#define OPEN_COLUMNS(X) X(OPEN_SITE, "DISTINCT site_id")
enum { OPEN_COLUMNS(STORE_COLUMN_ENUM) };

static const char open_sql[] =
    SEEN STORE_SELECT(OPEN_COLUMNS) "FROM seen WHERE bad IS NULL ORDER BY site_id";

int survivor_open_sites(struct store *store, const char *replays, int64_t **sites,
                        uint32_t *n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *sql = text_format(open_sql, replays);
    *sites = NULL;
    *n = 0;
    int step, r = store_prepare(store, sql, &s);
    if (r < 0)
        return r;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        *sites = text_grow(*sites, *n, sizeof **sites);
        (*sites)[(*n)++] = sqlite3_column_int64(s, OPEN_SITE);
    }
    return step == SQLITE_DONE ? 0 : store_error(store, "reading survivor");
}

bool survivor_is_open(const int64_t *sites, uint32_t n, int64_t id, enum verdict worst) {
    uint32_t low = 0;
    while (low < n) {
        uint32_t middle = low + (n - low) / 2;
        if (sites[middle] == id)
            return verdict_severity(worst) <= SEVERITY_OK;
        if (sites[middle] < id)
            low = middle + 1;
        else
            n = middle;
    }
    return false;
}

void survivor_describe(const struct survivor_counts *n, struct text *out) {
    if (!n->faults) {
        text_addf(out, "no copy was ended early, %u allocating calls after its failure",
                  SURVIVOR_CALLS);
        return;
    }
    if (n->open)
        text_addf(
            out,
            "%llu fault%s at %llu site%s ended early, %u allocating calls after the "
            "failure, with nothing wrong until then: what comes later was not seen",
            (unsigned long long)n->open, n->open == 1 ? "" : "s",
            (unsigned long long)n->sites, n->sites == 1 ? " was" : "s were",
            SURVIVOR_CALLS);
    if (n->whole)
        text_addf(
            out,
            "%sof %llu that had come so far and were run to their ends as well, %llu "
            "did not end in order",
            n->open ? "; " : "", (unsigned long long)n->whole,
            (unsigned long long)n->otherwise);
}
