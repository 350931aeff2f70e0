/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locations and portable keys of all sites: see locate.h.
 *
 *   site ─► stack ─► named frames ─► location (location.c) ─► site.location_id
 *                              └───► names ─► ordinal among sites of equal names
 *                                             ─► site.portable_key
 *
 * All sites are looked at when one is new, because a portable key holds an ordinal among
 * equals; only rows that change are written.
 */
#include "locate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "catalogue_store.h"
#include "error.h"
#include "frames.h"
#include "idmap.h"
#include "location.h"
#include "store.h"
#include "text.h"

struct site_row {
    int64_t id, stack, location;
    int64_t had_location; /* 0 = none yet */
    struct dearth_key key, portable, names;
    bool error_path, has_portable;
    uint64_t *offsets; /* outermost first: order among sites of equal names */
    uint32_t n_offsets;
};

struct rules {
    struct catalogue *catalogue; /* with the users' and the wrappers */
    struct dearth_key key;       /* of it */
};

struct site_pass {
    struct store *store;
    struct rules rules;
    struct frames_reader *reader;
    struct idmap kinds;     /* frame_cache_key() -> location_kind */
    struct idmap locations; /* frame_cache_key() -> location id */
    sqlite3_stmt *get_location, *put_location, *update;
    struct site_row *sites;
    uint64_t n;
};

/* The globs of every recording, each once and sorted, and the stored catalogue, so that any command
 * comes to the same. */
int locate_catalogue(struct store *store, struct catalogue **out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE;
    *out = catalogue_new();
    int r = catalogue_load(*out, store);
    if (r == 0)
        r = store_prepare(store,
                          "SELECT DISTINCT value FROM recording, "
                          "json_each(recording.wrappers) WHERE json_valid(wrappers) AND "
                          "value IS NOT NULL ORDER BY value",
                          &s);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        catalogue_add_wrapper(*out, store_column_text(s, 0));
    return r == 0 && step != SQLITE_DONE ? store_error(store, "reading wrappers") : r;
}

static int rules_init(struct store *store, struct rules *out) {
    int r = locate_catalogue(store, &out->catalogue);
    out->key = location_rules_key(out->catalogue);
    return r;
}

static void rules_deinit(struct rules *rules) {
    catalogue_free(rules->catalogue);
    *rules = (struct rules){0};
}

static bool rules_changed(struct store *store, const struct rules *rules) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (store_prepare(store, "SELECT value FROM setting WHERE name = 'location_rules'",
                      &s) < 0)
        return true;
    return sqlite3_step(s) != SQLITE_ROW ||
           !key_equal(store_column_key(s, 0), rules->key);
}

static int save_rules(struct store *store, const struct rules *rules) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          "INSERT OR REPLACE INTO setting(name, value) VALUES "
                          "('location_rules', ?1)",
                          &s);
    if (r < 0)
        return r;
    store_bind_key(s, 1, rules->key);
    return store_step_done(store, s);
}

static int64_t frame_cache_key(const struct frame *frame) {
    return frame->frame_id << 8 | (frame->inline_index & 0xff); /* < INLINES_MAX */
}

static enum location_kind kind_of(struct site_pass *p, const struct frame *frame) {
    int64_t kind;
    if (!idmap_get(&p->kinds, frame_cache_key(frame), &kind)) {
        kind = location_kind(p->rules.catalogue, frame);
        idmap_put(&p->kinds, frame_cache_key(frame), kind);
    }
    return (enum location_kind)kind;
}

#define LOCATION_COLUMNS(X)                                                              \
    X(LOCATION_MODULE_ID, "module_id")                                                   \
    X(LOCATION_OFFSET, "\"offset\"")                                                     \
    X(LOCATION_INLINE_INDEX, "inline_index")                                             \
    X(LOCATION_FUNCTION, "function")                                                     \
    X(LOCATION_FILE, "file")                                                             \
    X(LOCATION_LINE, "line")
enum { LOCATION_FIRST = 0, LOCATION_COLUMNS(STORE_COLUMN_ENUM) LOCATION_NAME };

static int64_t location_row(struct site_pass *p, const struct frame *frame,
                            const char *name) {
    sqlite3_bind_text(p->get_location, 1, name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(p->get_location);
    int64_t id = rc == SQLITE_ROW ? sqlite3_column_int64(p->get_location, 0) : 0;
    sqlite3_reset(p->get_location);
    if (id)
        return id;
    if (rc != SQLITE_DONE)
        return store_error(p->store, "reading locations");
    sqlite3_stmt *s = p->put_location;
    sqlite3_bind_int64(s, LOCATION_MODULE_ID, frame->module_id);
    sqlite3_bind_int64(s, LOCATION_OFFSET, (int64_t)frame->offset);
    sqlite3_bind_int64(s, LOCATION_INLINE_INDEX, frame->inline_index);
    sqlite3_bind_text(s, LOCATION_FUNCTION, frame->function, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, LOCATION_FILE, frame->file, -1, SQLITE_STATIC);
    if (frame->line)
        sqlite3_bind_int64(s, LOCATION_LINE, frame->line);
    sqlite3_bind_text(s, LOCATION_NAME, name, -1, SQLITE_STATIC);
    int r = store_step_done(p->store, s);
    return r < 0 ? r : sqlite3_last_insert_rowid(p->store->db);
}

static int64_t location_of(struct site_pass *p, const struct frame *frame) {
    int64_t id;
    if (idmap_get(&p->locations, frame_cache_key(frame), &id))
        return id;
    AUTO_TEXT struct text name = {0};
    location_add_name(frame, &name);
    id = location_row(p, frame, name.data);
    if (id > 0)
        idmap_put(&p->locations, frame_cache_key(frame), id);
    return id;
}

/* A site whose stack could not be read lies somewhere, too. */
static int64_t unknown_location(struct site_pass *p) {
    int r = store_exec(p->store, "INSERT OR IGNORE INTO module(build_id, path, symbols) "
                                 "VALUES (x'756e6b6e6f776e', '[unknown]', 'none')");
    int64_t module =
        store_int(p->store, "SELECT id FROM module WHERE path = '[unknown]'", 0);
    return r < 0 ? r : location_row(p, &(struct frame){.module_id = module}, "[unknown]");
}

static int look_at_site(struct site_pass *p, struct site_row *site, const char *op) {
    AUTO_FRAMES struct frames frames = {0};
    int r = frames_load(p->reader, site->stack, &frames);
    if (r < 0)
        return r;
    site->names = location_portable_start(op);
    site->offsets = text_alloc(frames.n * sizeof *site->offsets);
    for (uint32_t i = frames.n; i-- > 0;) {
        site->names = location_portable_add(site->names, &frames.items[i]);
        if (!frames.items[i].inlined)
            site->offsets[site->n_offsets++] = frames.items[i].offset;
    }
    enum location_kind kinds_buffer[256], *kinds = kinds_buffer, *bigger = NULL;
    if (frames.n > 256)
        kinds = bigger = text_alloc(frames.n * sizeof *kinds);
    for (uint32_t i = 0; i < frames.n; i++)
        kinds[i] = kind_of(p, &frames.items[i]);
    uint32_t at = location_pick(frames.items, kinds, frames.n);
    free(bigger);
    int64_t location = frames.n ? location_of(p, &frames.items[at]) : unknown_location(p);
    if (location < 0)
        return (int)location;
    site->location = location;
    return 0;
}

static int compare_sites(const void *a, const void *b) {
    const struct site_row *x = a, *y = b;
    int names = memcmp(&x->names, &y->names, sizeof x->names);
    if (names)
        return names;
    if (x->error_path != y->error_path) /* what ordinary runs see keeps its ordinals */
        return x->error_path ? 1 : -1;
    for (uint32_t i = 0; i < x->n_offsets && i < y->n_offsets; i++)
        if (x->offsets[i] != y->offsets[i])
            return x->offsets[i] < y->offsets[i] ? -1 : 1;
    return memcmp(&x->key, &y->key, sizeof x->key);
}

enum { UPDATE_LOCATION_ID = 1, UPDATE_PORTABLE_KEY, UPDATE_ID };

static int update_site(struct site_pass *p, const struct site_row *site,
                       uint32_t ordinal) {
    struct dearth_key portable = location_portable_end(site->names, ordinal);
    if (site->location == site->had_location && site->has_portable &&
        key_equal(site->portable, portable))
        return 0;
    sqlite3_bind_int64(p->update, UPDATE_ID, site->id);
    sqlite3_bind_int64(p->update, UPDATE_LOCATION_ID, site->location);
    store_bind_key(p->update, UPDATE_PORTABLE_KEY, portable);
    return store_step_done(p->store, p->update);
}

#define SITE_COLUMNS(X)                                                                  \
    X(SITE_ID, "id")                                                                     \
    X(SITE_KEY, "key")                                                                   \
    X(SITE_OP, "op")                                                                     \
    X(SITE_STACK_ID, "stack_id")                                                         \
    X(SITE_LOCATION_ID, "location_id")                                                   \
    X(SITE_PORTABLE_KEY, "portable_key")                                                 \
    X(SITE_ERROR_PATH, "error_path")
enum { SITE_COLUMNS(STORE_COLUMN_ENUM) };

static int read_sites(struct site_pass *p) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(p->store, STORE_SELECT(SITE_COLUMNS) "FROM site", &s);
    int rc = SQLITE_DONE;
    while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        p->sites = text_grow(p->sites, p->n, sizeof *p->sites);
        struct site_row *site = &p->sites[p->n++];
        *site = (struct site_row){
            .id = sqlite3_column_int64(s, SITE_ID),
            .key = store_column_key(s, SITE_KEY),
            .stack = sqlite3_column_int64(s, SITE_STACK_ID),
            .had_location = sqlite3_column_int64(s, SITE_LOCATION_ID),
            .portable = store_column_key(s, SITE_PORTABLE_KEY),
            .has_portable = sqlite3_column_type(s, SITE_PORTABLE_KEY) != SQLITE_NULL,
            .error_path = sqlite3_column_int(s, SITE_ERROR_PATH),
        };
        const char *op = store_column_text(s, SITE_OP);
        r = look_at_site(p, site, op ? op : "");
    }
    return r == 0 && rc != SQLITE_DONE ? store_error(p->store, "reading sites") : r;
}

static int update_sites(struct site_pass *p) {
    if (p->n)
        qsort(p->sites, p->n, sizeof *p->sites, compare_sites);
    int r = 0;
    uint32_t ordinal = 0;
    for (uint64_t i = 0; i < p->n && r == 0; i++) {
        bool equal = i && key_equal(p->sites[i].names, p->sites[i - 1].names);
        ordinal = equal ? ordinal + 1 : 0;
        r = update_site(p, &p->sites[i], ordinal);
    }
    return r;
}

static int run_pass(struct site_pass *p) {
    const struct {
        sqlite3_stmt **out;
        const char *sql;
    } all[] = {
        {&p->get_location, "SELECT id FROM location WHERE name = ?1"},
        {&p->put_location,
         "INSERT INTO location(" LOCATION_COLUMNS(
             STORE_COLUMN_SQL) "name) VALUES (" LOCATION_COLUMNS(STORE_COLUMN_PLACE) "?)"},
        {&p->update, "UPDATE site SET location_id = ?, portable_key = ? WHERE id = ?"},
    };
    int r = frames_reader_new(p->store, &p->reader);
    for (size_t i = 0; i < sizeof all / sizeof *all && r == 0; i++)
        r = store_prepare(p->store, all[i].sql, all[i].out);
    if (r == 0)
        r = read_sites(p);
    if (r == 0)
        r = update_sites(p);
    return r == 0 ? save_rules(p->store, &p->rules) : r;
}

static void pass_deinit(struct site_pass *p) {
    for (uint64_t i = 0; i < p->n; i++)
        free(p->sites[i].offsets);
    free(p->sites);
    frames_reader_free(p->reader);
    sqlite3_finalize(p->get_location);
    sqlite3_finalize(p->put_location);
    sqlite3_finalize(p->update);
    idmap_deinit(&p->kinds);
    idmap_deinit(&p->locations);
    rules_deinit(&p->rules);
}

int locate_sites(struct store *store) {
    struct site_pass p = {.store = store};
    int r = rules_init(store, &p.rules);
    bool wanted = r == 0 && (rules_changed(store, &p.rules) ||
                             store_int(store,
                                       "SELECT EXISTS (SELECT 1 FROM site WHERE "
                                       "location_id IS NULL OR portable_key IS NULL)",
                                       1));
    bool own = sqlite3_get_autocommit(store->db);
    if (wanted && own)
        r = store_begin(store);
    if (wanted && r == 0)
        r = run_pass(&p);
    if (wanted && r == 0 && own)
        r = store_commit(store);
    if (r < 0 && own)
        store_rollback(store);
    pass_deinit(&p);
    return r;
}
