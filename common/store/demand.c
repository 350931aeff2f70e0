/* SPDX-License-Identifier: Apache-2.0 */
/* Reading another database's sites: see demand.h. */
#include "demand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "frames.h"
#include "idmap.h"
#include "store.h"
#include "text.h"

void demand_deinit(struct demand *d) {
    for (uint32_t i = 0; i < d->n; i++) {
        free(d->sites[i].location);
        free(d->sites[i].op);
        free(d->sites[i].modules);
    }
    free(d->sites);
    free(d->modules);
    free(d->by_portable);
    *d = (struct demand){0};
}

/* --- reading --- */

#define SITE_COLUMNS(X)                                                                  \
    X(SITE_KEY, "s.key")                                                                 \
    X(SITE_PORTABLE, "s.portable_key")                                                   \
    X(SITE_OP, "s.op")                                                                   \
    X(SITE_STACK, "s.stack_id")                                                          \
    X(SITE_LOCATION, "coalesce(l.name, '')")                                             \
    X(SITE_CALLS, "coalesce(t.calls, 0)")                                                \
    X(SITE_BYTES, "coalesce(t.bytes, 0)")                                                \
    X(SITE_LARGEST, "coalesce(t.largest, 0)")                                            \
    X(SITE_TESTED, "coalesce(a.tested, 0)")
enum { SITE_COLUMNS(STORE_COLUMN_ENUM) };

static const char sites_sql[] = STORE_SELECT(
    SITE_COLUMNS) "FROM site s LEFT JOIN (SELECT site_id, sum(count) calls, sum(bytes) "
                  "bytes, max(max_size) largest FROM site_stat GROUP BY site_id HAVING "
                  "sum(failable) > 0) t ON t.site_id = s.id LEFT JOIN (SELECT site_id, "
                  "count(*) tested FROM attempt WHERE fired = 1 AND verdict <> "
                  "'unreached' GROUP BY site_id) a ON a.site_id = s.id LEFT JOIN location "
                  "l ON l.id = s.location_id WHERE t.calls > 0 OR a.tested > 0 ORDER BY "
                  "s.key";

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_ID, "id")                                                                   \
    X(MODULE_BUILD_ID, "build_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

/* @index: out, module.id -> number from 1 on */
static int read_modules(struct store *store, struct demand *d, struct idmap *index) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step, r = store_prepare(store, STORE_SELECT(MODULE_COLUMNS) "FROM module", &q);
    if (r < 0)
        return r;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        d->modules = text_grow(d->modules, d->n_modules, sizeof *d->modules);
        d->modules[d->n_modules++] =
            key_module(sqlite3_column_blob(q, MODULE_BUILD_ID),
                       (size_t)sqlite3_column_bytes(q, MODULE_BUILD_ID));
        idmap_put(index, sqlite3_column_int64(q, MODULE_ID), d->n_modules);
    }
    return step == SQLITE_DONE ? 0 : store_error(store, "reading modules");
}

struct reading {
    struct demand *demand;
    struct frames_reader *reader;
    struct idmap modules;
};

static void add_module(struct demand_site *site, const struct reading *r, int64_t id) {
    int64_t number;
    if (!idmap_get(&r->modules, id, &number))
        return;
    for (uint32_t i = 0; i < site->n_modules; i++)
        if (site->modules[i] == (uint32_t)number - 1)
            return;
    site->modules = text_grow(site->modules, site->n_modules, sizeof *site->modules);
    site->modules[site->n_modules++] = (uint32_t)number - 1;
}

static int look_at_stack(const struct reading *reading, int64_t stack,
                         struct demand_site *site) {
    AUTO_FRAMES struct frames frames = {0};
    int r = frames_load(reading->reader, stack, &frames);
    for (uint32_t i = 0; i < frames.n; i++) {
        add_module(site, reading, frames.items[i].module_id);
        site->frames += !frames.items[i].inlined;
        site->named += !frames.items[i].inlined && frames.items[i].function != NULL;
    }
    return r;
}

static int read_site(const struct reading *reading, sqlite3_stmt *q) {
    struct demand *d = reading->demand;
    d->sites = text_grow(d->sites, d->n, sizeof *d->sites);
    struct demand_site *site = &d->sites[d->n++];
    *site =
        (struct demand_site){.key = store_column_key(q, SITE_KEY),
                             .portable = store_column_key(q, SITE_PORTABLE),
                             .calls = (uint64_t)sqlite3_column_int64(q, SITE_CALLS),
                             .bytes = (uint64_t)sqlite3_column_int64(q, SITE_BYTES),
                             .largest = (uint64_t)sqlite3_column_int64(q, SITE_LARGEST),
                             .tested = (uint64_t)sqlite3_column_int64(q, SITE_TESTED),
                             .location = text_dup(store_column_text(q, SITE_LOCATION)),
                             .op = text_dup(store_column_text(q, SITE_OP))};
    return look_at_stack(reading, sqlite3_column_int64(q, SITE_STACK), site);
}

static int read_sites(struct store *store, struct demand *d) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    struct reading reading = {.demand = d};
    int step = SQLITE_DONE, r = frames_reader_new(store, &reading.reader);
    if (r == 0)
        r = read_modules(store, d, &reading.modules);
    if (r == 0)
        r = store_prepare(store, sites_sql, &q);
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW)
        r = read_site(&reading, q);
    idmap_deinit(&reading.modules);
    frames_reader_free(reading.reader);
    return r < 0 || step == SQLITE_DONE ? r : store_error(store, "reading sites");
}

/* --- finding --- */

static const struct demand_site *sorted; /* for by_portable() alone */

static int by_portable(const void *a, const void *b) {
    const struct demand_site *x = &sorted[*(const uint32_t *)a],
                             *y = &sorted[*(const uint32_t *)b];
    int order = key_compare(x->portable, y->portable);
    if (order == 0)
        order = !x->tested - !y->tested;
    return order ? order : (x > y) - (x < y);
}

int demand_read(struct store *store, struct demand *out) {
    *out = (struct demand){0};
    out->estimated =
        store_int(store, "SELECT count(*) FROM recording WHERE sample_bytes", 0) > 0;
    int r = read_sites(store, out);
    if (r < 0) {
        demand_deinit(out);
        return r;
    }
    out->by_portable = text_alloc((out->n + 1) * sizeof *out->by_portable);
    for (uint32_t i = 0; i < out->n; i++)
        out->by_portable[i] = i;
    sorted = out->sites;
    if (out->n)
        qsort(out->by_portable, out->n, sizeof *out->by_portable, by_portable);
    return 0;
}

int demand_load(const char *path, struct demand *out) {
    AUTO_STORE struct store *store = NULL;
    *out = (struct demand){0};
    int r = store_new(path, STORE_READ, &store);
    if (r == 0)
        r = demand_read(store, out);
    if (r == 0 && !out->n)
        r = error_print(-ENOENT, "%s: holds no allocation that could be made to fail",
                        path);
    return r;
}

static const struct demand_site *find_key(const struct demand *d, struct dearth_key key) {
    uint32_t low = 0, high = d->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = key_compare(d->sites[middle].key, key);
        if (order == 0)
            return &d->sites[middle];
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* The first of those that are equal. */
static const struct demand_site *find_portable(const struct demand *d,
                                               struct dearth_key key) {
    uint32_t low = 0, high = d->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool before = key_compare(d->sites[d->by_portable[middle]].portable, key) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    const struct demand_site *site =
        (key.lo || key.hi) && low < d->n ? &d->sites[d->by_portable[low]] : NULL;
    return site && key_equal(site->portable, key) ? site : NULL;
}

static bool has_build(const struct demand *d, struct dearth_key module) {
    for (uint32_t i = 0; i < d->n_modules; i++)
        if (key_equal(d->modules[i], module))
            return true;
    return false;
}

static bool has_builds(const struct demand *d, const struct demand *from,
                       const struct demand_site *site) {
    for (uint32_t i = 0; i < site->n_modules; i++)
        if (!has_build(d, from->modules[site->modules[i]]))
            return false;
    return true;
}

enum demand_match demand_find(const struct demand *d, const struct demand *from,
                              const struct demand_site *site,
                              const struct demand_site **out) {
    if ((*out = find_key(d, site->key)))
        return DEMAND_EXACT;
    *out = has_builds(d, from, site) ? NULL : find_portable(d, site->portable);
    return *out ? DEMAND_PORTABLE : DEMAND_NONE;
}

uint64_t demand_calls(const struct demand *d, const struct demand *here,
                      struct dearth_key key) {
    const struct demand_site *site = find_key(here, key), *there;
    return site && demand_find(d, here, site, &there) ? there->calls : 0;
}
