/* SPDX-License-Identifier: Apache-2.0 */
/* The ways of a mask, and how one is chosen: see mask.h. */
#include "mask.h"

#include <stdlib.h>

#include "counts.h"
#include "pattern.h"
#include "span.h"
#include "text.h"

/* --- the mask --- */

enum way {
    BY_PLACE, /* each line in its place */
    BY_COUNT, /* lines move; those of a varying number are masked */
    BY_SHAPE, /* any number of lines that hold a number, at least one of each shape */
    N_WAYS
};

struct mask {
    enum way way;
    /* by place */
    struct pattern *lines;
    uint64_t n_lines;
    /* by count: lines that all runs have equally often, and the shapes of the others */
    struct counts fixed, shapes;
    struct text shape_store;
};

struct mask *mask_free(struct mask *m) {
    if (!m)
        return NULL;
    for (uint64_t i = 0; i < m->n_lines; i++)
        pattern_deinit(&m->lines[i]);
    free(m->lines);
    free(m->fixed.items);
    free(m->shapes.items);
    text_deinit(&m->shape_store);
    free(m);
    return NULL;
}

static struct mask *make_placed(const struct spans *runs, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        if (runs[i].n != runs[0].n)
            return NULL;
    struct mask *m = text_alloc(sizeof *m);
    struct span *column = text_alloc(n * sizeof *column);
    m->lines = text_alloc((runs[0].n + 1) * sizeof *m->lines);
    for (; m->n_lines < runs[0].n; m->n_lines++) {
        for (uint32_t i = 0; i < n; i++)
            column[i] = runs[i].items[m->n_lines];
        pattern_init(&m->lines[m->n_lines], column, n);
    }
    free(column);
    return m;
}

/* Shapes of the lines of @sorted that are not fixed; `data` is an offset into @store until
 * counts_place_shapes(). */
static struct spans leftover_shapes(const struct counts *fixed,
                                    const struct spans *sorted, struct text *store) {
    struct spans shapes = {0};
    uint64_t before = 0; /* equal ones */
    for (uint64_t k = 0; k < sorted->n; k++) {
        before = k && span_equal(sorted->items[k - 1], sorted->items[k]) ? before + 1 : 0;
        const struct count *c = counts_find(fixed, sorted->items[k]);
        if (c && before < c->most)
            continue;
        struct span shape = counts_shape(sorted->items[k], store);
        span_push(&shapes, shape.data, shape.n);
    }
    return shapes;
}

static void free_all(struct spans *lists, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        free(lists[i].items);
    free(lists);
}

/* Of each run: shapes of what is not fixed, sorted. */
static struct spans *all_leftovers(const struct counts *fixed, const struct spans *sorted,
                                   uint32_t n, struct text *store) {
    struct spans *shapes = text_alloc(n * sizeof *shapes);
    for (uint32_t i = 0; i < n; i++)
        shapes[i] = leftover_shapes(fixed, &sorted[i], store);
    for (uint32_t i = 0; i < n; i++)
        counts_place_shapes(&shapes[i], store);
    return shapes;
}

/* A line that all runs have equally often, but that has the shape of lines which come and go,
 * is one of those: "tick 1" in all runs, "tick 2" in most. */
static void loosen_fixed(struct mask *m, const struct spans *leftovers, uint32_t n) {
    uint64_t kept = 0;
    for (uint64_t k = 0; k < m->fixed.n; k++) {
        struct text own = {0};
        struct spans one = {0};
        bool loose = span_has_digit(m->fixed.items[k].line);
        if (loose && m->way == BY_COUNT) {
            struct span shape = counts_shape(m->fixed.items[k].line, &own);
            span_push(&one, shape.data, shape.n);
            counts_place_shapes(&one, &own);
            loose = false;
            for (uint32_t i = 0; i < n && !loose; i++)
                loose = counts_in(&leftovers[i], one.items[0]) > 0;
        }
        if (!loose)
            m->fixed.items[kept++] = m->fixed.items[k];
        free(one.items);
        text_deinit(&own);
    }
    m->fixed.n = kept;
}

static struct mask *make_counted(const struct spans *runs, uint32_t n, enum way way) {
    struct mask *m = text_alloc(sizeof *m);
    struct spans *sorted = text_alloc(n * sizeof *sorted);
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = span_sorted(&runs[i]);
    m->way = way;
    struct counts all = counts_of(sorted, n);
    m->fixed.items = text_alloc((all.n + 1) * sizeof *m->fixed.items);
    for (uint64_t k = 0; k < all.n; k++)
        if (all.items[k].least == all.items[k].most)
            m->fixed.items[m->fixed.n++] = all.items[k];
    free(all.items);
    struct text first = {0};
    struct spans *shapes = all_leftovers(&m->fixed, sorted, n, &first);
    loosen_fixed(m, shapes, n);
    free_all(shapes, n);
    text_deinit(&first);
    shapes = all_leftovers(&m->fixed, sorted, n, &m->shape_store);
    m->shapes = counts_of(shapes, n);
    free_all(shapes, n);
    free_all(sorted, n);
    return m;
}

/* --- differences in words --- */

static void quote(struct span line, struct text *why) {
    enum { MOST = 60 };
    uint64_t n = line.n && line.data[line.n - 1] == '\n' ? line.n - 1 : line.n;
    AUTO_FREE char *clean = text_utf8((const char *)line.data, n < MOST ? n : MOST);
    for (char *c = clean; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    text_addf(why, "'%s%s'", clean, n > MOST ? "..." : "");
}

static bool refuse_line(struct text *why, const char *what, struct span line) {
    if (why) {
        text_addf(why, "%s ", what);
        quote(line, why);
    }
    return false;
}

static bool accepts_placed(const struct mask *m, const struct spans *lines,
                           struct text *why) {
    uint64_t i = 0;
    while (i < lines->n && i < m->n_lines &&
           pattern_matches(&m->lines[i], lines->items[i]))
        i++;
    if (i == lines->n && i == m->n_lines)
        return true;
    if (!why)
        return false;
    if (i == lines->n) {
        text_addf(why, "truncated after %llu of %llu lines", (unsigned long long)i,
                  (unsigned long long)m->n_lines);
    } else if (i == m->n_lines) {
        text_addf(why, "more than the usual %llu lines: ", (unsigned long long)i);
        quote(lines->items[i], why);
    } else {
        text_addf(why, "line %llu is ", (unsigned long long)i + 1);
        quote(lines->items[i], why);
    }
    return false;
}

static bool within(const struct count *c, uint64_t n, enum way way) {
    return c->least == c->most && way != BY_SHAPE ? n == c->least
                                                  : n >= (c->least ? 1 : 0);
}

static bool accepts_shapes(const struct mask *m, const struct spans *shapes,
                           struct text *why) {
    for (uint64_t k = 0; k < shapes->n; k++) {
        const struct count *c = counts_find(&m->shapes, shapes->items[k]);
        if (!c)
            return refuse_line(
                why, "has a line that no run without the fault has:", shapes->items[k]);
        if (!within(c, counts_in(shapes, shapes->items[k]), m->way))
            return refuse_line(why, "has more or fewer lines like", shapes->items[k]);
    }
    for (uint64_t k = 0; k < m->shapes.n; k++)
        if (m->shapes.items[k].least && !counts_in(shapes, m->shapes.items[k].line))
            return refuse_line(why, "lacks a line like", m->shapes.items[k].line);
    return true;
}

static bool accepts_counted(const struct mask *m, const struct spans *lines,
                            struct text *why) {
    struct spans sorted = span_sorted(lines);
    bool accepted = true;
    for (uint64_t k = 0; accepted && k < m->fixed.n; k++)
        if (counts_in(&sorted, m->fixed.items[k].line) < m->fixed.items[k].least)
            accepted = refuse_line(why, "lacks the line", m->fixed.items[k].line);
    if (accepted) {
        struct text store = {0};
        struct spans shapes = leftover_shapes(&m->fixed, &sorted, &store);
        counts_place_shapes(&shapes, &store);
        accepted = accepts_shapes(m, &shapes, why);
        free(shapes.items);
        text_deinit(&store);
    }
    free(sorted.items);
    return accepted;
}

static bool accepts_lines(const struct mask *m, const struct spans *lines,
                          struct text *why) {
    return m->way == BY_PLACE ? accepts_placed(m, lines, why)
                              : accepts_counted(m, lines, why);
}

bool mask_accepts(const struct mask *mask, struct sample sample, struct text *why) {
    struct spans lines = span_lines(sample.data, sample.n);
    bool accepted = accepts_lines(mask, &lines, why);
    free(lines.items);
    return accepted;
}

/* --- making one --- */

static struct mask *make(const struct spans *runs, uint32_t n, enum way way) {
    return way == BY_PLACE ? make_placed(runs, n) : make_counted(runs, n, way);
}

static bool all_equal(const struct spans *runs, uint32_t n) {
    for (uint32_t i = 1; i < n; i++) {
        if (runs[i].n != runs[0].n)
            return false;
        for (uint64_t k = 0; k < runs[0].n; k++)
            if (!span_equal(runs[i].items[k], runs[0].items[k]))
                return false;
    }
    return true;
}

/* Is each run what the others would expect? Where these are all equal (the clock has struck
 * once) they know of no variation at all, and cannot be asked. */
static bool is_sound(const struct spans *runs, uint32_t n, enum way way) {
    struct spans *others = text_alloc(n * sizeof *others);
    bool sound = true;
    for (uint32_t out = 0; n > 2 && sound && out < n; out++) {
        for (uint32_t i = 0, k = 0; i < n; i++)
            if (i != out)
                others[k++] = runs[i];
        if (all_equal(others, n - 1))
            continue;
        struct mask *m = make(others, n - 1, way);
        sound = m && accepts_lines(m, &runs[out], NULL);
        mask_free(m);
    }
    free(others);
    return sound;
}

struct mask *mask_new(const struct sample *samples, uint32_t n) {
    struct spans *runs = text_alloc(n * sizeof *runs);
    struct mask *m = NULL;
    for (uint32_t i = 0; i < n; i++)
        runs[i] = span_lines(samples[i].data, samples[i].n);
    for (enum way way = BY_PLACE; way < N_WAYS && !m; way++) {
        m = make(runs, n, way);
        if (m && !is_sound(runs, n, way))
            m = mask_free(m);
    }
    for (uint32_t i = 0; i < n; i++)
        free(runs[i].items);
    free(runs);
    return m;
}

bool mask_says_more(const struct sample *samples, uint32_t n, struct sample sample) {
    struct text store = {0};
    struct spans known = {0};
    for (uint32_t i = 0; i < n; i++) {
        struct spans lines = span_lines(samples[i].data, samples[i].n);
        for (uint64_t k = 0; k < lines.n; k++) {
            struct span shape = counts_shape(lines.items[k], &store);
            span_push(&known, shape.data, shape.n);
        }
        free(lines.items);
    }
    counts_place_shapes(&known, &store);
    struct spans lines = span_lines(sample.data, sample.n);
    bool more = false;
    for (uint64_t k = 0; k < lines.n && !more; k++) {
        struct text own = {0};
        struct spans one = {0};
        struct span shape = counts_shape(lines.items[k], &own);
        span_push(&one, shape.data, shape.n);
        counts_place_shapes(&one, &own);
        more = !counts_in(&known, one.items[0]);
        free(one.items);
        text_deinit(&own);
    }
    free(lines.items);
    free(known.items);
    text_deinit(&store);
    return more;
}
