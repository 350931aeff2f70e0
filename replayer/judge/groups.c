/* SPDX-License-Identifier: Apache-2.0 */
/* Which numbers of lines vary: see groups.h. */
#include "groups.h"

#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "key.h"

/* A line and where it was met. */
struct met {
    struct span shape; /* first: span_compare() sorts by it */
    struct span line;
    uint32_t run;
};

static struct met *meet_all(const struct spans *runs, uint32_t n, struct text *store,
                            uint64_t *n_met) {
    uint64_t total = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        total += runs[i].n;
    struct met *met = text_alloc((total + 1) * sizeof *met);
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < runs[i].n; k++)
            met[at++] =
                (struct met){counts_shape(runs[i].items[k], store), runs[i].items[k], i};
    for (uint64_t i = 0; i < total; i++)
        met[i].shape.data = (const uint8_t *)store->data + (uintptr_t)met[i].shape.data;
    if (total)
        qsort(met, total, sizeof *met, span_compare);
    *n_met = total;
    return met;
}

/* --- which places vary --- */

static uint64_t count_places(struct span line) {
    struct spans words = span_words(line);
    uint64_t n = 0;
    for (uint64_t i = 0; i < words.n; i++)
        n += span_has_digit(words.items[i]);
    free(words.items);
    return n;
}

/* Add each place's word to the sum of its run. */
static void add_words(struct span line, uint64_t *sums) {
    struct spans words = span_words(line);
    for (uint64_t i = 0, place = 0; i < words.n; i++)
        if (span_has_digit(words.items[i]))
            sums[place++] += key_hash(words.items[i].data, words.items[i].n).lo;
    free(words.items);
}

/* Numbers joined to one that varies (12:34:56, 0.123) vary too. */
static void spread(struct group *g, struct span line) {
    struct spans words = span_words(line);
    for (int pass = 0; pass < 2; pass++) {
        uint64_t last = UINT64_MAX, place = 0; /* of the place before: its word */
        for (uint64_t i = 0; i < words.n; i++) {
            if (!span_has_digit(words.items[i]))
                continue;
            struct span mark = words.items[i ? i - 1 : 0];
            if (last != UINT64_MAX && last + 2 == i && mark.n == 1 &&
                strchr(":.-/,+", mark.data[0]) && mark.data[0] &&
                (g->varies[place] || g->varies[place - 1]))
                g->varies[place] = g->varies[place - 1] = true;
            last = i, place++;
        }
    }
    free(words.items);
}

static struct group make_group(const struct met *met, uint64_t n, uint32_t runs,
                               bool all) {
    struct group g = {.shape = met[0].shape, .n_places = count_places(met[0].line)};
    if (!g.n_places)
        return g;
    g.varies = text_alloc(g.n_places * sizeof *g.varies);
    AUTO_FREE uint64_t *sums = text_alloc(runs * g.n_places * sizeof *sums);
    bool any = false;
    for (uint64_t i = 0; i < n; i++)
        add_words(met[i].line, sums + met[i].run * g.n_places);
    for (uint64_t place = 0; place < g.n_places; place++)
        for (uint32_t i = 1; i < runs; i++)
            any |= g.varies[place] |= sums[i * g.n_places + place] != sums[place];
    if (any)
        spread(&g, met[0].line);
    if (any && all)
        memset(g.varies, true, g.n_places);
    return g;
}

struct groups groups_of(const struct spans *runs, uint32_t n, bool all) {
    struct groups groups = {0};
    uint64_t n_met;
    AUTO_FREE struct met *met = meet_all(runs, n, &groups.store, &n_met);
    groups.items = text_alloc((n_met + 1) * sizeof *groups.items);
    for (uint64_t i = 0, end; i < n_met; i = end) {
        for (end = i + 1; end < n_met && span_equal(met[end].shape, met[i].shape);)
            end++;
        groups.items[groups.n++] = make_group(&met[i], end - i, n, all);
    }
    return groups;
}

void groups_deinit(struct groups *groups) {
    for (uint64_t i = 0; i < groups->n; i++)
        free(groups->items[i].varies);
    free(groups->items);
    text_deinit(&groups->store);
    *groups = (struct groups){0};
}

/* --- refining --- */

static const struct group *find(const struct groups *groups, struct span line) {
    struct text store = {0};
    struct span shape = counts_shape(line, &store);
    shape.data = (const uint8_t *)store.data;
    const struct group *g =
        shape.n && groups->n
            ? bsearch(&shape, groups->items, groups->n, sizeof *g, span_compare)
            : NULL;
    text_deinit(&store);
    return g;
}

static void add_refined(const struct group *g, struct span line, struct text *out) {
    struct spans words = span_words(line);
    for (uint64_t i = 0, place = 0; i < words.n; i++) {
        bool number = span_has_digit(words.items[i]);
        if (number && g->varies[place])
            text_add_n(out, (const char[]){GROUPS_VARYING}, 1);
        else
            text_add_n(out, (const char *)words.items[i].data, words.items[i].n);
        place += number;
    }
    free(words.items);
}

struct spans groups_refine(const struct groups *groups, const struct spans *lines,
                           struct text *store) {
    struct spans refined = {0};
    for (uint64_t i = 0; i < lines->n; i++) {
        const struct group *g = find(groups, lines->items[i]);
        uint64_t start = store->n;
        if (g && g->n_places)
            add_refined(g, lines->items[i], store);
        else
            text_add_n(store, (const char *)lines->items[i].data, lines->items[i].n);
        span_push(&refined, (const uint8_t *)(uintptr_t)start, store->n - start);
    }
    counts_place_shapes(&refined, store);
    return refined;
}
