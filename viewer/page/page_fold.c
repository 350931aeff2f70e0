/* SPDX-License-Identifier: Apache-2.0 */
/* Folding small sites: see page_fold.h. */
#include "page_fold.h"

#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "store.h"
#include "text.h"

/* A site takes some 40 bytes of the page: 20 MB. Half of them open in three seconds, on a slow machine. */
#define SITES_MOST 500000u
#define SITES_KEPT 200000u
#define WHOLE      1000000000u /* shares are billionths */
#define FOUND      UINT32_MAX  /* a finding has it */

void page_fold_deinit(struct page_fold *fold) {
    free(fold->place);
    free(fold->first);
    free(fold->stands);
    *fold = (struct page_fold){0};
}

/* --- how large: by site, the largest share of any sum --- */

/* What is compared with the recording's. */
#define SHARE_COLUMNS(X)                                                                 \
    X(SHARE_SITE, "x.site_id")                                                           \
    X(SHARE_COUNT, "x.count")                                                            \
    X(SHARE_BYTES, "x.bytes")                                                            \
    X(SHARE_PEAK, "x.peak_bytes")                                                        \
    X(SHARE_LIVE, "x.live_bytes")                                                        \
    X(SHARE_TEMPORARY, "x.temporary")                                                    \
    X(SHARE_COUNT_ALL, "r.allocations")                                                  \
    X(SHARE_BYTES_ALL, "r.bytes")                                                        \
    X(SHARE_PEAK_ALL, "r.peak_bytes")                                                    \
    X(SHARE_LIVE_ALL, "r.live_bytes")                                                    \
    X(SHARE_TEMPORARY_ALL, "r.allocations")
enum { SHARE_COLUMNS(STORE_COLUMN_ENUM) };
#define N_SHARES (SHARE_COUNT_ALL - SHARE_COUNT)

static uint32_t share_of(sqlite3_stmt *s) {
    double most = 0;
    for (int i = SHARE_COUNT; i < SHARE_COUNT + N_SHARES; i++) {
        double all = sqlite3_column_double(s, i + N_SHARES);
        double share = all > 0 ? sqlite3_column_double(s, i) / all : 0;
        most = share > most ? share : most;
    }
    return most >= 1 ? WHOLE : (uint32_t)(most * WHOLE);
}

static int add_shares(const struct report_data *data, const struct report_recording *r,
                      const struct idmap *index, uint32_t *shares) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE,
        rc =
            store_prepare(data->store,
                          STORE_SELECT(SHARE_COLUMNS) "FROM site_stat x JOIN recording r "
                                                      "ON r.id = x.recording_id WHERE "
                                                      "x.recording_id = ?1",
                          &s);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(s, 1, r->id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t at;
        if (!idmap_get(index, sqlite3_column_int64(s, SHARE_SITE), &at))
            continue;
        uint32_t sum = shares[at - 1] + share_of(s); /* of its processes */
        shares[at - 1] = sum < WHOLE ? sum : WHOLE;
    }
    return step == SQLITE_DONE ? 0 : store_error(data->store, "reading site_stat");
}

static int by_key(const void *key, const void *item) {
    return key_compare(*(const struct dearth_key *)key,
                       ((const struct report_site *)item)->key);
}

/* Whoever reads a finding wants to see its sites. */
static void keep_found(const struct report_data *data, uint32_t *shares) {
    for (size_t i = 0; i < data->n_findings; i++)
        for (size_t k = 0; k < data->findings[i].n_sites; k++) {
            const struct report_site *site =
                bsearch(&data->findings[i].sites[k], data->sites, data->n_sites,
                        sizeof *data->sites, by_key);
            if (site)
                shares[site - data->sites] = FOUND;
        }
}

static int find_shares(const struct report_data *data, uint32_t *shares) {
    struct idmap index = {0};
    int r = 0;
    for (size_t i = 0; i < data->n_sites; i++)
        if (data->sites[i].id)
            idmap_put(&index, data->sites[i].id, (int64_t)i + 1);
    for (size_t i = 0; r == 0 && i < data->n_recordings; i++)
        r = add_shares(data, &data->recordings[i], &index, shares);
    idmap_deinit(&index);
    keep_found(data, shares);
    return r;
}

/* --- choosing --- */

static int largest_first(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* The share from which on sites are kept: above that of the first for which there is no room. */
static uint32_t limit_of(const uint32_t *shares, size_t n) {
    AUTO_FREE uint32_t *sorted = text_alloc(n * sizeof *sorted);
    memcpy(sorted, shares, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, largest_first);
    return sorted[SITES_KEPT] < FOUND ? sorted[SITES_KEPT] + 1 : FOUND;
}

static uint32_t add_place(struct page_fold *fold, size_t site) {
    fold->first[fold->n] = (uint32_t)site;
    return (uint32_t)fold->n++;
}

/* Equal for sites that are folded into one. Locations are fewer than 2^40. */
static int64_t likeness(const struct report_site *site) {
    return (int64_t)((uint64_t)(site->location ? site->location->id : 0) << 16 |
                     (uint64_t)site->verdict << 8 | (uint64_t)site->reason << 1 |
                     site->error_path) +
           1;
}

static void choose(struct page_fold *fold, const struct report_data *data,
                   const uint32_t *shares, uint32_t limit) {
    struct idmap groups = {0};
    for (size_t i = 0; i < data->n_sites; i++)
        if (shares[i] >= limit)
            fold->place[i] = add_place(fold, i);
    fold->n_kept = fold->n;
    for (size_t i = 0; i < data->n_sites; i++) {
        int64_t place, key = likeness(&data->sites[i]);
        if (shares[i] >= limit)
            continue;
        if (!idmap_get(&groups, key, &place))
            idmap_put(&groups, key, place = add_place(fold, i));
        fold->place[i] = (uint32_t)place;
        fold->n_folded++;
    }
    for (size_t i = 0; i < data->n_sites; i++)
        fold->stands[fold->place[i]]++;
    idmap_deinit(&groups);
}

int page_fold_init(struct page_fold *out, const struct report_data *data) {
    size_t n = data->n_sites;
    *out = (struct page_fold){.place = text_alloc((n + 1) * sizeof *out->place),
                              .first = text_alloc((n + 1) * sizeof *out->first),
                              .stands = text_alloc((n + 1) * sizeof *out->stands)};
    uint32_t *shares = text_alloc((n + 1) * sizeof *shares);
    int r = n > SITES_MOST ? find_shares(data, shares) : 0;
    if (r == 0)
        choose(out, data, shares, out->limit = n > SITES_MOST ? limit_of(shares, n) : 0);
    free(shares);
    return r;
}
