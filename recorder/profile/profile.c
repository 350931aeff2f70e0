/* SPDX-License-Identifier: Apache-2.0 */
/* Folding the per-site aggregates: see profile.h. */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "idmap.h"
#include "short_name.h"

/* One row for each (process, site) of a recording; the second parameter is 1 to leave out
 * images that an exec replaced. Columns 0.. are named by `enum column`. */
static const char rows_sql[] =
    "SELECT t.process_id, t.site_id, s.stack_id, s.op, lower(hex(s.key)), "
    "lower(hex(s.portable_key)), l.name, l.function, coalesce(lm.path, m.path), "
    "f.offset, p.ordinal, p.pid, p.exe, t.count, t.failed, t.frees, t.temporary, "
    "t.cross_thread_frees, t.live_blocks, t.bytes, t.peak_bytes, t.live_bytes, "
    "t.max_size, t.lifetime_ns, t.first_ns, t.last_ns FROM site_stat t JOIN site s ON "
    "s.id = t.site_id JOIN process p ON p.id = t.process_id LEFT JOIN location l ON l.id "
    "= s.location_id LEFT JOIN module lm ON lm.id = l.module_id LEFT JOIN stack k ON "
    "k.id = s.stack_id LEFT JOIN frame f ON f.id = k.frame_id LEFT JOIN module m ON m.id "
    "= f.module_id WHERE t.recording_id = ? AND (? = 0 OR p.\"end\" IS NOT 'exec')";

enum column {
    COL_PROCESS,
    COL_SITE,
    COL_STACK,
    COL_OP,
    COL_KEY,
    COL_PORTABLE,
    COL_LOCATION,
    COL_FUNCTION,
    COL_MODULE,
    COL_OFFSET,
    COL_ORDINAL,
    COL_PID,
    COL_EXE,
    COL_NUMBERS,
};

/* FNV-1a, 32 bit. Source: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t hash_text(const char *s) {
    uint32_t h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

/* The slot of @key: that which holds it, or the empty one where it belongs. */
static uint32_t find_slot(const struct profile *p, const char *key) {
    uint32_t i = hash_text(key) & (p->n_slots - 1);
    while (p->slots[i] && strcmp(p->items[p->slots[i] - 1].key, key) != 0)
        i = (i + 1) & (p->n_slots - 1);
    return i;
}

static void grow(struct profile *p) {
    p->n_slots = p->n_slots ? p->n_slots * 2 : 64;
    free(p->slots);
    p->slots = text_alloc(p->n_slots * sizeof *p->slots);
    p->items = text_realloc(p->items, p->n_slots / 2 * sizeof *p->items);
    for (uint32_t i = 0; i < p->n_items; i++)
        p->slots[find_slot(p, p->items[i].key)] = i + 1;
}

struct profile_item *profile_item(struct profile *p, const char *key, const char *name) {
    if (p->n_items + 1 > p->n_slots / 2)
        grow(p);
    uint32_t slot = find_slot(p, key);
    if (!p->slots[slot]) {
        p->items[p->n_items++] =
            (struct profile_item){.key = text_dup(key), .name = text_dup(name)};
        p->slots[slot] = p->n_items;
    }
    return &p->items[p->slots[slot] - 1];
}

struct profile_item *profile_find(const struct profile *p, const char *key) {
    if (!p->n_slots)
        return NULL;
    uint32_t slot = find_slot(p, key);
    return p->slots[slot] ? &p->items[p->slots[slot] - 1] : NULL;
}

static void item_deinit(struct profile_item *item) {
    free(item->key);
    free(item->name);
    free(item->portable);
    free(item->op);
}

void profile_keep_live(struct profile *p) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_items; i++)
        if (p->items[i].n.live_blocks)
            p->items[n++] = p->items[i];
        else
            item_deinit(&p->items[i]);
    p->n_items = n;
}

void profile_add_name(const struct profile_item *item, enum profile_by by,
                      struct text *out) {
    if (by == PROFILE_BY_SITE || by == PROFILE_BY_LOCATION || by == PROFILE_BY_FUNCTION)
        short_name_add_place(item->name, out);
    else
        text_add_name(out, item->name);
}

void profile_deinit(struct profile *p) {
    for (uint32_t i = 0; i < p->n_items; i++)
        item_deinit(&p->items[i]);
    free(p->items);
    free(p->slots);
    *p = (struct profile){0};
}

void profile_add(struct profile_numbers *sum, const struct profile_numbers *more) {
    sum->count += more->count;
    sum->failed += more->failed;
    sum->frees += more->frees;
    sum->temporary += more->temporary;
    sum->cross_thread_frees += more->cross_thread_frees;
    sum->live_blocks += more->live_blocks;
    sum->bytes += more->bytes;
    sum->peak_bytes += more->peak_bytes;
    sum->live_bytes += more->live_bytes;
    sum->at_peak_bytes += more->at_peak_bytes;
    if (__builtin_add_overflow(sum->lifetime_ns, more->lifetime_ns, &sum->lifetime_ns))
        sum->lifetime_ns = UINT64_MAX;
    sum->grown += more->grown;
    sum->moved += more->moved;
    sum->copied_bytes += more->copied_bytes;
    if (more->max_size > sum->max_size)
        sum->max_size = more->max_size;
    if (more->count && (!sum->last_ns || more->first_ns < sum->first_ns))
        sum->first_ns = more->first_ns;
    if (more->last_ns > sum->last_ns)
        sum->last_ns = more->last_ns;
}

uint64_t profile_cost(const struct profile_numbers *n, enum profile_cost cost) {
    switch (cost) {
    case PROFILE_COUNT:
        return n->count;
    case PROFILE_BYTES:
        return n->bytes;
    case PROFILE_PEAK:
        return n->peak_bytes;
    case PROFILE_LIVE:
        return n->live_bytes;
    case PROFILE_TEMPORARY:
        return n->temporary;
    case PROFILE_CROSS_THREAD:
        return n->cross_thread_frees;
    case PROFILE_REALLOC:
        return n->copied_bytes;
    case PROFILE_AT_PEAK:
        return n->at_peak_bytes;
    case PROFILE_LIVE_BLOCKS:
        return n->live_blocks;
    case PROFILE_BY_KEY:
        break;
    }
    return 0;
}

static uint64_t column_u64(sqlite3_stmt *q, int column) {
    return (uint64_t)sqlite3_column_int64(q, column);
}

static struct profile_numbers read_numbers(sqlite3_stmt *q) {
    int c = COL_NUMBERS;
    struct profile_numbers n = {0};
    n.count = column_u64(q, c++);
    n.failed = column_u64(q, c++);
    n.frees = column_u64(q, c++);
    n.temporary = column_u64(q, c++);
    n.cross_thread_frees = column_u64(q, c++);
    n.live_blocks = column_u64(q, c++);
    n.bytes = column_u64(q, c++);
    n.peak_bytes = column_u64(q, c++);
    n.live_bytes = column_u64(q, c++);
    n.max_size = column_u64(q, c++);
    n.lifetime_ns = column_u64(q, c++);
    n.first_ns = column_u64(q, c++);
    n.last_ns = column_u64(q, c++);
    return n;
}

static const char *last_part(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash && slash[1] ? slash + 1 : path;
}

/* Of a column that is NOT NULL, which a damaged file need not keep to. */
static const char *text_of(sqlite3_stmt *q, int column) {
    const char *text = store_column_text(q, column);
    return text ? text : "?";
}

/* Where a site is, for people: its location, else its innermost frame. */
static char *place(sqlite3_stmt *q) {
    const char *location = store_column_text(q, COL_LOCATION);
    const char *function = store_column_text(q, COL_FUNCTION);
    const char *module = store_column_text(q, COL_MODULE);
    if (location && function && !strstr(location, function))
        return text_format("%s (%s)", function, location);
    if (location)
        return text_dup(location);
    if (module)
        return text_format("%s+0x%llx", last_part(module),
                           (unsigned long long)sqlite3_column_int64(q, COL_OFFSET));
    return text_dup("(stack not known)");
}

/* Key and name of the item that a row belongs to. */
static void choose_item(sqlite3_stmt *q, enum profile_by by, char **key, char **name) {
    AUTO_FREE char *where = place(q);
    const char *function = store_column_text(q, COL_FUNCTION);
    const char *module = store_column_text(q, COL_MODULE);
    switch (by) {
    case PROFILE_BY_SITE:
        *key = text_dup(text_of(q, COL_KEY));
        *name = text_dup(where);
        return;
    case PROFILE_BY_FUNCTION:
        *key = text_dup(function ? function : where);
        break;
    case PROFILE_BY_MODULE:
        *key = text_dup(module ? last_part(module) : "(module not known)");
        break;
    case PROFILE_BY_PROCESS:
        *key = text_format("%lld %s", (long long)sqlite3_column_int64(q, COL_ORDINAL),
                           text_of(q, COL_EXE));
        *name = text_format("%s (pid %lld)", text_of(q, COL_EXE),
                            (long long)sqlite3_column_int64(q, COL_PID));
        return;
    case PROFILE_BY_STACK:
        *name = text_dup(text_of(q, COL_EXE));
        *key = text_format("%s\n%s", *name, text_of(q, COL_KEY));
        return;
    default:
        *key = text_dup(where);
    }
    *name = text_dup(*key);
}

static uint64_t look_up(const struct idmap *map, int64_t process, int64_t site) {
    int64_t n;
    return idmap_get(map, profile_at_peak_key(process, site), &n) ? (uint64_t)n : 0;
}

static void fold_row(sqlite3_stmt *q, const struct profile_filter *filter,
                     enum profile_by by, struct profile *p) {
    AUTO_FREE char *key = NULL, *name = NULL;
    choose_item(q, by, &key, &name);
    struct profile_numbers n = read_numbers(q);
    int64_t at_peak, site = sqlite3_column_int64(q, COL_SITE);
    int64_t process = sqlite3_column_int64(q, COL_PROCESS);
    if (filter->at_peak &&
        idmap_get(filter->at_peak, profile_at_peak_key(process, site), &at_peak))
        n.at_peak_bytes = (uint64_t)at_peak;
    if (filter->live_blocks) {
        n.live_blocks = look_up(filter->live_blocks, process, site);
        n.live_bytes = look_up(filter->live_bytes, process, site);
    }
    if (filter->reallocs) {
        n.grown = look_up(&filter->reallocs->grown, process, site);
        n.moved = look_up(&filter->reallocs->moved, process, site);
        n.copied_bytes = look_up(&filter->reallocs->copied_bytes, process, site);
    }
    struct profile_item *item = profile_item(p, key, name);
    if ((by == PROFILE_BY_SITE || by == PROFILE_BY_STACK) && !item->op) {
        const char *portable = store_column_text(q, COL_PORTABLE);
        item->op = text_dup(text_of(q, COL_OP));
        item->portable = portable && *portable ? text_dup(portable) : NULL;
    }
    uint64_t cost = profile_cost(&n, filter->by_cost);
    if (!item->n_rows || cost > item->largest) {
        item->site_id = site;
        item->stack_id = sqlite3_column_int64(q, COL_STACK);
        item->largest = cost;
    }
    item->n_rows++;
    profile_add(&item->n, &n);
    profile_add(&p->total, &n);
}

enum { ROWS_RECORDING_ID = 1, ROWS_SKIP_EXECED };

int profile_load(struct store *store, const struct profile_filter *filter,
                 enum profile_by by, struct profile *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    *out = (struct profile){0};
    int rc, r = store_prepare(store, rows_sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, ROWS_RECORDING_ID, filter->recording_id);
    sqlite3_bind_int(q, ROWS_SKIP_EXECED, filter->skip_execed);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW)
        fold_row(q, filter, by, out);
    if (rc == SQLITE_DONE)
        return 0;
    profile_deinit(out);
    return store_error(store, "reading site_stat");
}

static int by_cost(const void *a, const void *b, void *cost_pointer) {
    const struct profile_item *x = a, *y = b;
    enum profile_cost cost = *(enum profile_cost *)cost_pointer;
    if (cost == PROFILE_BY_KEY)
        return strcmp(x->key, y->key);
    uint64_t cx = profile_cost(&x->n, cost), cy = profile_cost(&y->n, cost);
    if (cx != cy)
        return cx < cy ? 1 : -1;
    return strcmp(x->key, y->key);
}

void profile_sort(struct profile *p, enum profile_cost cost) {
    if (p->n_items)
        qsort_r(p->items, p->n_items, sizeof *p->items, by_cost, &cost);
}

void profile_add_json(struct text *t, const struct profile_numbers *n) {
    if (n->at_peak_bytes)
        text_addf(t, "\"at_peak_bytes\":%llu,", (unsigned long long)n->at_peak_bytes);
    text_addf(t,
              "\"bytes\":%llu,\"count\":%llu,\"cross_thread_frees\":%llu,\"failed\":%llu,"
              "\"frees\":%llu,\"lifetime_ns\":%llu,",
              (unsigned long long)n->bytes, (unsigned long long)n->count,
              (unsigned long long)n->cross_thread_frees, (unsigned long long)n->failed,
              (unsigned long long)n->frees, (unsigned long long)n->lifetime_ns);
    text_addf(t,
              "\"live_blocks\":%llu,\"live_bytes_at_exit\":%llu,\"max_size\":%llu,"
              "\"peak_bytes\":%llu,\"temporary\":%llu",
              (unsigned long long)n->live_blocks, (unsigned long long)n->live_bytes,
              (unsigned long long)n->max_size, (unsigned long long)n->peak_bytes,
              (unsigned long long)n->temporary);
}
