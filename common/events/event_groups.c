/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of rows, in as many passes as memory asks for: see event_groups.h. */
#include "event_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event_reader.h"

struct group {
    int64_t keys[EVENT_GROUPS_KEYS]; /* beyond n_keys: 0 */
    uint64_t n;                      /* rows */
    uint64_t first, kept; /* in its pass: row of its first cells, rows that have come */
};

struct event_groups {
    struct event_groups_source source;
    struct group *groups; /* in the order in which they are handed out */
    size_t n, room;
    uint32_t *slots; /* index of a group + 1, 0 = free; a power of two, never full */
    size_t n_slots;
    int64_t *cells;    /* of groups [begin, end), row after row */
    size_t begin, end; /* of the pass */
    size_t group;      /* of the row that is handed out */
    uint64_t row;      /* within it: 1-based */
};

/* --- which group --- */

static uint64_t hash_of(const int64_t *keys) {
    uint64_t hash = 0;
    for (uint32_t i = 0; i < EVENT_GROUPS_KEYS; i++) {
        hash =
            (hash ^ (uint64_t)keys[i]) * 0x9e3779b97f4a7c15ull; /* Knuth, TAOCP 3, 6.4 */
        hash ^= hash >> 32;
    }
    return hash;
}

static uint32_t *slot_of(const struct event_groups *g, const int64_t *keys) {
    size_t i = hash_of(keys) & (g->n_slots - 1);
    while (g->slots[i] &&
           memcmp(g->groups[g->slots[i] - 1].keys, keys, sizeof g->groups->keys) != 0)
        i = (i + 1) & (g->n_slots - 1);
    return &g->slots[i];
}

static int grow(struct event_groups *g) {
    size_t room = g->room ? g->room * 2 : 256;
    if (room > UINT32_MAX / 2)
        return -ENOMEM;
    struct group *groups = realloc(g->groups, room * sizeof *groups);
    if (!groups)
        return -ENOMEM;
    g->groups = groups;
    g->room = room;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    free(g->slots);
    g->slots = slots;
    g->n_slots = room * 2;
    for (size_t i = 0; i < g->n; i++)
        *slot_of(g, g->groups[i].keys) = (uint32_t)i + 1;
    return 0;
}

static void read_keys(const struct event_groups *g, const struct allocation *row,
                      int64_t keys[static EVENT_GROUPS_KEYS]) {
    const struct event_groups_source *s = &g->source;
    for (uint32_t i = 0; i < s->n_keys; i++)
        keys[i] = s->value(row, s->keys[i], s->events);
}

/* --- passes --- */

typedef int visit(struct event_groups *g, const struct allocation *row);

static int pass(struct event_groups *g, visit *look) {
    struct event_reader *reader;
    struct allocation row;
    int r = g->source.open(g->source.context, &reader);
    if (r < 0)
        return r;
    while (r == 0 && (r = event_reader_next(reader, &row)) > 0)
        r = look(g, &row);
    g->source.close(g->source.context, reader, r);
    return r;
}

static int count_row(struct event_groups *g, const struct allocation *row) {
    int64_t keys[EVENT_GROUPS_KEYS] = {0};
    read_keys(g, row, keys);
    if (g->n == g->room && grow(g) < 0)
        return -ENOMEM;
    uint32_t *slot = slot_of(g, keys);
    if (!*slot) {
        g->groups[g->n] = (struct group){0};
        memcpy(g->groups[g->n].keys, keys, sizeof keys);
        *slot = (uint32_t)++g->n;
    }
    g->groups[*slot - 1].n++;
    return 0;
}

static int keep_row(struct event_groups *g, const struct allocation *row) {
    const struct event_groups_source *s = &g->source;
    int64_t keys[EVENT_GROUPS_KEYS] = {0};
    read_keys(g, row, keys);
    size_t at = *slot_of(g, keys);
    if (at <= g->begin || at > g->end)
        return at ? 0 : -EIO; /* of another pass; or the database has changed meanwhile */
    struct group *group = &g->groups[at - 1];
    if (group->kept == group->n)
        return -EIO;
    int64_t *cells = g->cells + (group->first + group->kept++) * s->n_cells;
    for (uint32_t i = 0; i < s->n_cells; i++)
        cells[i] = s->value(row, s->cells[i], s->events);
    return 0;
}

/* Take as many groups as fit, one at least. */
static int next_pass(struct event_groups *g) {
    uint64_t most = g->source.most_bytes ? g->source.most_bytes : EVENT_GROUPS_BYTES;
    uint64_t row_bytes = g->source.n_cells * sizeof *g->cells, rows = 0;
    g->begin = g->group;
    for (g->end = g->begin; g->end < g->n; g->end++) {
        struct group *group = &g->groups[g->end];
        if (g->end > g->begin && (rows + group->n) * row_bytes > most)
            break;
        group->first = rows;
        group->kept = 0;
        rows += group->n;
    }
    if (!row_bytes)
        return 0;
    free(g->cells);
    g->cells = malloc(rows * row_bytes);
    return g->cells ? pass(g, keep_row) : -ENOMEM;
}

static int compare_groups(const void *a, const void *b, void *source) {
    const struct event_groups_source *s = source;
    const struct group *one = a, *two = b;
    int order = 0;
    for (uint32_t i = 0; i < s->n_keys && !order; i++)
        order = s->compare(s->keys[i], one->keys[i], two->keys[i], s->events);
    return order;
}

static void sort(struct event_groups *g) {
    qsort_r(g->groups, g->n, sizeof *g->groups, compare_groups, &g->source);
    memset(g->slots, 0, g->n_slots * sizeof *g->slots);
    for (size_t i = 0; i < g->n; i++)
        *slot_of(g, g->groups[i].keys) = (uint32_t)i + 1;
}

int event_groups_new(const struct event_groups_source *source,
                     struct event_groups **out) {
    struct event_groups *g = calloc(1, sizeof *g);
    *out = g;
    if (!g)
        return -ENOMEM;
    g->source = *source;
    int r = grow(g);
    if (r == 0)
        r = pass(g, count_row);
    if (r == 0)
        sort(g);
    return r;
}

struct event_groups *event_groups_free(struct event_groups *groups) {
    if (groups) {
        free(groups->groups);
        free(groups->slots);
        free(groups->cells);
        free(groups);
    }
    return NULL;
}

int event_groups_next(struct event_groups *groups) {
    struct event_groups *g = groups;
    if (g->group < g->end && (g->source.distinct || g->row == g->groups[g->group].n)) {
        g->group++;
        g->row = 0;
    }
    if (g->group == g->n)
        return 0;
    int r = g->group == g->end ? next_pass(g) : 0;
    if (r < 0)
        return r;
    g->row++;
    return 1;
}

int64_t event_groups_value(const struct event_groups *groups, int column) {
    const struct event_groups_source *s = &groups->source;
    const struct group *group = &groups->groups[groups->group];
    for (uint32_t i = 0; i < s->n_keys; i++)
        if (s->keys[i] == column)
            return group->keys[i];
    const int64_t *cells = groups->cells + (group->first + groups->row - 1) * s->n_cells;
    for (uint32_t i = 0; i < s->n_cells; i++)
        if (s->cells[i] == column)
            return cells[i];
    return 0;
}
