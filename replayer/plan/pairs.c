/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of faults: see pairs.h. pairs_load() reads, pairs_plan() is pure. */
#include "pairs.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "idmap.h"
#include "store.h"
#include "text.h"

void pairs_deinit(struct pairs *p) {
    free(p->list);
    *p = (struct pairs){0};
}

/* --- reading --- */

#define PAIR_COLUMNS(X)                                                                  \
    X(PAIR_FIRST, "m.site_id")                                                           \
    X(PAIR_OCCURRENCE, "m.occurrence")                                                   \
    X(PAIR_SECOND, "m.second")                                                           \
    X(PAIR_KEY, "s.key")                                                                 \
    X(PAIR_LOCATION, "s.location_id")                                                    \
    X(PAIR_LEAF_MODULE, "o.build_id")                                                    \
    X(PAIR_LEAF_OFFSET, "f.\"offset\"")                                                  \
    X(PAIR_DONE, "t.n")                                                                  \
    X(PAIR_BAD, "t.bad")                                                                 \
    X(PAIR_HUNG, "t.hung")                                                               \
    X(PAIR_UNREACHED, "t.unreached")
enum { PAIR_COLUMNS(STORE_COLUMN_ENUM) };

/* The verdict of each pair's attempts is folded into one row. */
static const char pairs_sql[] =
    "WITH mine AS (SELECT a.* FROM attempt a JOIN replay r ON r.id = a.replay_id   WHERE "
    "r.recording_id = ?1), met AS (SELECT DISTINCT a.site_id, a.occurrence, e.site_id AS "
    "second FROM mine a   JOIN error_path e ON e.attempt_id = a.id JOIN site s ON s.id = "
    "e.site_id   WHERE s.error_path AND a.fired AND a.second_site_id IS NULL   AND "
    "a.verdict IN ('handled', 'reported', 'degraded', 'aborted')), tried AS (SELECT "
    "site_id, occurrence, second_site_id AS second, count(*) AS n,   max(severity IN "
    "('bug', 'warning')) AS bad, max(verdict = 'hung') AS hung,   max(verdict = "
    "'unreached') AS unreached FROM mine WHERE second_site_id IS NOT NULL   AND "
    "second_occurrence = 1 GROUP BY 1, 2, 3) " STORE_SELECT(
        PAIR_COLUMNS) "FROM met m JOIN site s ON s.id = m.second LEFT JOIN stack k ON k.id = s.stack_id "
                      "LEFT JOIN frame f ON f.id = k.frame_id LEFT JOIN module o ON o.id = f.module_id "
                      "LEFT JOIN tried t ON t.site_id = m.site_id AND t.occurrence = m.occurrence AND "
                      "t.second = m.second ORDER BY s.key, m.site_id, m.occurrence";

static void read_pair(struct pairs *out, sqlite3_stmt *q, uint32_t first) {
    out->list = text_grow(out->list, out->n, sizeof *out->list);
    struct pair *p = &out->list[out->n++];
    *p = (struct pair){.first = first,
                       .occurrence = (uint64_t)sqlite3_column_int64(q, PAIR_OCCURRENCE),
                       .second = sqlite3_column_int64(q, PAIR_SECOND),
                       .key = store_column_key(q, PAIR_KEY),
                       .location = sqlite3_column_int64(q, PAIR_LOCATION),
                       .leaf_offset = (uint64_t)sqlite3_column_int64(q, PAIR_LEAF_OFFSET),
                       .done = (uint32_t)sqlite3_column_int64(q, PAIR_DONE),
                       .bad = sqlite3_column_int(q, PAIR_BAD) != 0,
                       .hung = sqlite3_column_int(q, PAIR_HUNG) != 0,
                       .unreached = sqlite3_column_int(q, PAIR_UNREACHED) != 0};
    if (sqlite3_column_type(q, PAIR_LEAF_MODULE) != SQLITE_NULL)
        p->leaf_module = key_module(sqlite3_column_blob(q, PAIR_LEAF_MODULE),
                                    (size_t)sqlite3_column_bytes(q, PAIR_LEAF_MODULE));
}

int pairs_load(struct store *store, int64_t recording_id, const struct plan_site *sites,
               uint32_t n_sites, const bool *passed, struct pairs *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    struct idmap index = {0};
    *out = (struct pairs){0};
    int step, r = store_prepare(store, pairs_sql, &q);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < n_sites; i++)
        if (passed[i])
            idmap_put(&index, sites[i].id, i);
    sqlite3_bind_int64(q, 1, recording_id);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        int64_t first;
        if (idmap_get(&index, sqlite3_column_int64(q, PAIR_FIRST), &first))
            read_pair(out, q, (uint32_t)first);
    }
    idmap_deinit(&index);
    return step == SQLITE_DONE ? 0 : store_error(store, "reading error-path sites");
}

/* --- order --- */

struct ranked {
    struct pair pair;
    uint32_t turn, round; /* of its site; of its location */
};

static bool is_settled(const struct pair *p, uint32_t repeat) {
    if (p->bad)
        return p->done > repeat || (p->hung && p->done >= 2);
    return p->done > 0;
}

static int compare_pairs(const struct pair *a, const struct pair *b) {
    int key = key_compare(a->key, b->key);
    if (key)
        return key;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return (a->occurrence > b->occurrence) - (a->occurrence < b->occurrence);
}

static int by_site(const void *x, const void *y) {
    return compare_pairs(&((const struct ranked *)x)->pair,
                         &((const struct ranked *)y)->pair);
}

static int by_location(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    if (a->pair.location != b->pair.location)
        return a->pair.location < b->pair.location ? -1 : 1;
    if (a->turn != b->turn)
        return a->turn < b->turn ? -1 : 1;
    return compare_pairs(&a->pair, &b->pair);
}

static int by_round(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    if (a->round != b->round)
        return a->round < b->round ? -1 : 1;
    return compare_pairs(&a->pair, &b->pair);
}

static void rank(struct ranked *list, uint32_t n) {
    qsort(list, n, sizeof *list, by_site);
    for (uint32_t i = 0; i < n; i++)
        list[i].turn = i && key_compare(list[i].pair.key, list[i - 1].pair.key) == 0
                           ? list[i - 1].turn + 1
                           : 0;
    qsort(list, n, sizeof *list, by_location);
    for (uint32_t i = 0; i < n; i++) {
        const struct pair *p = &list[i].pair;
        /* a site without a location is one of its own */
        bool same = i && (p->location ? p->location == list[i - 1].pair.location
                                      : p->second == list[i - 1].pair.second);
        list[i].round = p->location && same ? list[i - 1].round + 1 : list[i].turn;
    }
    qsort(list, n, sizeof *list, by_round);
}

/* What was tried counts in the order too, so that a second replay goes on with the locations that
 * had no turn, and is taken out afterwards. */
void pairs_plan(struct pairs *pairs, uint32_t repeat, bool retest, uint64_t limit) {
    uint32_t n = pairs->n, kept = 0;
    if (!n)
        return;
    struct ranked *list = text_alloc(n * sizeof *list);
    for (uint32_t i = 0; i < n; i++)
        list[i].pair = pairs->list[i];
    rank(list, n);
    for (uint32_t i = 0; i < n; i++) {
        struct pair *p = &list[i].pair;
        if (retest)
            p->done = 0, p->bad = false;
        else if (is_settled(p, repeat))
            continue;
        if (!limit || kept < limit)
            pairs->list[kept++] = *p;
    }
    pairs->n = kept;
    free(list);
}
