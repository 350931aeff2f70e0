/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greedy set cover: see cover.h. Gains only fall while targets are taken, so that a unit whose gain was
 * looked at last and is still the best in the heap is the best of all (Minoux, 1978).
 */
#include "cover.h"

#include <stdlib.h>

#include "text.h"

struct entry {
    uint32_t unit, gain;
    uint64_t cost_ns;
};

struct heap {
    struct entry *list;
    uint32_t n;
};

/* More targets a second; ties: the earlier unit. */
static bool better(const struct entry *a, const struct entry *b) {
    __extension__ typedef unsigned __int128 wide;
    wide x = (wide)a->gain * b->cost_ns, y = (wide)b->gain * a->cost_ns;
    return x != y ? x > y : a->unit < b->unit;
}

static void sift_down(struct heap *h, uint32_t at) {
    for (;;) {
        uint32_t best = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < h->n && better(&h->list[child], &h->list[best]))
                best = child;
        if (best == at)
            return;
        struct entry swap = h->list[at];
        h->list[at] = h->list[best];
        h->list[best] = swap;
        at = best;
    }
}

static uint32_t gain_of(const struct cover_unit *unit, const bool *open) {
    uint32_t gain = 0;
    for (uint32_t i = 0; i < unit->n_targets; i++)
        gain += open[unit->targets[i]];
    return gain;
}

/* What it costs, and how likely that is in vain. */
static uint64_t weight(const struct cover_unit *u) {
    uint32_t alike = u->n_alike_refused < COVER_ALIKE ? u->n_alike_refused : COVER_ALIKE;
    return ((u->cost_ns + COVER_FIXED_NS) * (u->is_tree ? COVER_TREE : 1) *
            (u->is_whole ? COVER_WHOLE : 1))
           << alike;
}

static void fill(struct heap *h, const struct cover_unit *units, uint32_t n_units,
                 const bool *open) {
    h->list = text_alloc((n_units + 1) * sizeof *h->list);
    for (uint32_t i = 0; i < n_units; i++) {
        uint32_t gain = units[i].refused ? 0 : gain_of(&units[i], open);
        if (gain)
            h->list[h->n++] = (struct entry){i, gain, weight(&units[i])};
    }
    for (uint32_t i = h->n / 2; i-- > 0;)
        sift_down(h, i);
}

static void take(struct cover *out, const struct cover_unit *unit, uint32_t index,
                 bool *open) {
    for (uint32_t i = 0; i < unit->n_targets; i++) {
        uint32_t target = unit->targets[i];
        if (open[target])
            out->unit_of[target] = index + 1;
        open[target] = false;
    }
    out->order[out->n++] = index;
}

void cover_choose(const struct cover_unit *units, uint32_t n_units, uint32_t n_targets,
                  const bool *wanted, struct cover *out) {
    struct heap h = {0};
    bool *open = text_alloc(n_targets + 1);
    for (uint32_t i = 0; i < n_targets; i++)
        open[i] = !wanted || wanted[i];
    *out = (struct cover){
        .unit_of = text_alloc((n_targets + 1) * sizeof *out->unit_of),
        .order = text_alloc((n_units + 1) * sizeof *out->order),
    };
    fill(&h, units, n_units, open);
    while (h.n) {
        struct entry *top = &h.list[0];
        uint32_t gain = gain_of(&units[top->unit], open);
        if (gain == top->gain)
            take(out, &units[top->unit], top->unit, open);
        top->gain = gain == top->gain ? 0 : gain;
        if (!top->gain)
            *top = h.list[--h.n];
        if (h.n)
            sift_down(&h, 0);
    }
    free(h.list);
    free(open);
}

void cover_deinit(struct cover *cover) {
    free(cover->unit_of);
    free(cover->order);
    *cover = (struct cover){0};
}

/* --- shards --- */

struct part {
    uint32_t place;
    uint64_t cost_ns;
};

static int dearest_first(const void *a, const void *b) {
    const struct part *x = a, *y = b;
    if (x->cost_ns != y->cost_ns)
        return x->cost_ns < y->cost_ns ? 1 : -1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Runs that set out, and a piece of one for each target. */
uint64_t cover_cost(const struct cover_unit *unit, uint32_t n_targets) {
    return COVER_FIXED_NS + 4 * unit->cost_ns + unit->cost_ns / 2 * n_targets;
}

static void measure(const struct cover_unit *units, uint32_t n_targets,
                    const struct cover *c, struct part *parts) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < c->n; i++)
        most = c->order[i] > most ? c->order[i] : most;
    uint32_t *chosen = text_alloc((most + 2) * sizeof *chosen); /* by unit: targets */
    for (uint32_t t = 0; t < n_targets; t++)
        chosen[c->unit_of[t]]++; /* [0]: none */
    for (uint32_t i = 0; i < c->n; i++)
        parts[i] =
            (struct part){i, cover_cost(&units[c->order[i]], chosen[c->order[i] + 1])};
    free(chosen);
}

void cover_share(const struct cover_unit *units, uint32_t n_targets,
                 const struct cover *c, uint32_t n_shards, uint32_t *shard) {
    struct part *parts = text_alloc((c->n + 1) * sizeof *parts);
    uint64_t *load = text_alloc((n_shards + 1) * sizeof *load);
    measure(units, n_targets, c, parts);
    qsort(parts, c->n, sizeof *parts, dearest_first);
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t least = 0;
        for (uint32_t s = 1; s < n_shards; s++)
            if (load[s] < load[least])
                least = s;
        shard[parts[i].place] = least;
        load[least] += parts[i].cost_ns;
    }
    free(load);
    free(parts);
}
