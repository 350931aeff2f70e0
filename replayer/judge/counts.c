/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are counted: see counts.h. */
#include "counts.h"

#include <stdlib.h>

#include "text.h"

struct span counts_shape(struct span line, struct text *store) {
    uint64_t start = store->n;
    struct spans words = span_words(line);
    for (uint64_t i = 0; i < words.n; i++)
        if (span_has_digit(words.items[i]))
            text_add(store, "0");
        else
            text_add_n(store, (const char *)words.items[i].data, words.items[i].n);
    free(words.items);
    return (struct span){(const uint8_t *)(uintptr_t)start, store->n - start};
}

void counts_place_shapes(struct spans *shapes, const struct text *store) {
    for (uint64_t i = 0; i < shapes->n; i++)
        shapes->items[i].data =
            (const uint8_t *)store->data + (uintptr_t)shapes->items[i].data;
    if (shapes->n)
        qsort(shapes->items, shapes->n, sizeof *shapes->items, span_compare);
}

static uint64_t lower_bound(const struct spans *sorted, struct span line) {
    uint64_t low = 0, high = sorted->n;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (span_compare(&sorted->items[middle], &line) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool counts_has(const struct spans *sorted, struct span line) {
    uint64_t at = lower_bound(sorted, line);
    return at < sorted->n && span_equal(sorted->items[at], line);
}

uint64_t counts_in(const struct spans *sorted, struct span line) {
    uint64_t at = lower_bound(sorted, line), n = 0;
    while (at + n < sorted->n && span_equal(sorted->items[at + n], line))
        n++;
    return n;
}

struct counts counts_of(const struct spans *sorted, uint32_t n) {
    struct spans all = {0};
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < sorted[i].n; k++)
            span_push(&all, sorted[i].items[k].data, sorted[i].items[k].n);
    if (all.n)
        qsort(all.items, all.n, sizeof *all.items, span_compare);
    struct counts counts = {text_alloc((all.n + 1) * sizeof *counts.items), 0};
    for (uint64_t k = 0; k < all.n; k++) {
        if (k && span_equal(all.items[k - 1], all.items[k]))
            continue;
        struct count *c = &counts.items[counts.n++];
        *c = (struct count){all.items[k], UINT64_MAX, 0};
        for (uint32_t i = 0; i < n; i++) {
            uint64_t times = counts_in(&sorted[i], c->line);
            c->least = times < c->least ? times : c->least;
            c->most = times > c->most ? times : c->most;
        }
    }
    free(all.items);
    return counts;
}

const struct count *counts_find(const struct counts *counts, struct span line) {
    uint64_t low = 0, high = counts->n;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        int order = span_compare(&counts->items[middle].line, &line);
        if (order == 0)
            return &counts->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
