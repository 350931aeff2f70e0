/* SPDX-License-Identifier: Apache-2.0 */
/* The ways of a mask, and how one is chosen: see mask.h. */
#include "mask.h"

#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "groups.h"
#include "noise.h"
#include "pattern.h"
#include "span.h"
#include "text.h"

/* --- the mask --- */

enum way {
    BY_PLACE, /* each line in its place */
    BY_COUNT, /* lines move; numbers that vary are masked */
    BY_SHAPE, /* and of lines with such a number, without any of theirs, at least one */
    N_WAYS
};

/* What is compared in one way. */
struct part {
    enum way way;
    /* by place */
    struct pattern *lines;
    uint64_t n_lines;
    /* by count */
    struct groups groups;
    struct counts counts; /* of refined lines */
    struct text store;    /* these */
};

struct mask {
    struct noise noise;
    struct part *own, *harness;
    struct noise_lines *runs; /* [n_runs]: the parts point into them */
    uint32_t n_runs;
    uint64_t masked; /* lines of the first run with noise */
};

static struct part *part_free(struct part *p) {
    if (!p)
        return NULL;
    for (uint64_t i = 0; i < p->n_lines; i++)
        pattern_deinit(&p->lines[i]);
    free(p->lines);
    groups_deinit(&p->groups);
    free(p->counts.items);
    text_deinit(&p->store);
    free(p);
    return NULL;
}

struct mask *mask_free(struct mask *m) {
    if (!m)
        return NULL;
    part_free(m->own);
    part_free(m->harness);
    for (uint32_t i = 0; i < m->n_runs; i++)
        noise_lines_deinit(&m->runs[i]);
    free(m->runs);
    free(m);
    return NULL;
}

static struct part *make_placed(const struct spans *runs, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        if (runs[i].n != runs[0].n)
            return NULL;
    struct part *p = text_alloc(sizeof *p);
    struct span *column = text_alloc(n * sizeof *column);
    p->lines = text_alloc((runs[0].n + 1) * sizeof *p->lines);
    for (; p->n_lines < runs[0].n; p->n_lines++) {
        for (uint32_t i = 0; i < n; i++)
            column[i] = runs[i].items[p->n_lines];
        pattern_init(&p->lines[p->n_lines], column, n);
    }
    free(column);
    return p;
}

static bool has_varying(struct span line) {
    return memchr(line.data, GROUPS_VARYING, line.n) != NULL;
}

static struct part *make_counted(const struct spans *runs, uint32_t n, enum way way) {
    struct part *p = text_alloc(sizeof *p);
    struct spans all = {0};
    p->way = way;
    p->groups = groups_of(runs, n, way == BY_SHAPE);
    struct spans *refined = text_alloc(n * sizeof *refined);
    struct text *stores = text_alloc(n * sizeof *stores);
    for (uint32_t i = 0; i < n; i++)
        refined[i] = groups_refine(&p->groups, &runs[i], &stores[i]);
    p->counts = counts_of(refined, n);
    for (uint64_t k = 0; k < p->counts.n; k++) { /* they outlive the runs' */
        struct span *line = &p->counts.items[k].line;
        span_push(&all, (const uint8_t *)(uintptr_t)p->store.n, line->n);
        text_add_n(&p->store, (const char *)line->data, line->n);
    }
    for (uint64_t k = 0; k < p->counts.n; k++)
        p->counts.items[k].line.data =
            (const uint8_t *)p->store.data + (uintptr_t)all.items[k].data;
    for (uint32_t i = 0; i < n; i++) {
        free(refined[i].items);
        text_deinit(&stores[i]);
    }
    free(all.items);
    free(refined);
    free(stores);
    return p;
}

/* --- differences in words --- */

static void quote(struct span line, struct text *why) {
    enum { MOST = 60 };
    uint64_t n = line.n && line.data[line.n - 1] == '\n' ? line.n - 1 : line.n;
    AUTO_FREE char *clean = text_utf8((const char *)line.data, n < MOST ? n : MOST);
    for (char *c = clean; *c; c++)
        if (*c == GROUPS_VARYING)
            *c = '*';
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
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

/* @numbers: of the lines in what was printed; NULL = as they stand */
static bool accepts_placed(const struct part *p, const struct spans *lines,
                           const uint64_t *numbers, struct text *why) {
    uint64_t i = 0;
    while (i < lines->n && i < p->n_lines &&
           pattern_matches(&p->lines[i], lines->items[i]))
        i++;
    if (i == lines->n && i == p->n_lines)
        return true;
    if (!why)
        return false;
    if (i == lines->n) {
        text_addf(why, "truncated after %llu of %llu lines", (unsigned long long)i,
                  (unsigned long long)p->n_lines);
    } else if (i == p->n_lines) {
        text_addf(why, "more than the usual %llu lines: ", (unsigned long long)i);
        quote(lines->items[i], why);
    } else {
        text_addf(why, "line %llu is ",
                  (unsigned long long)(numbers ? numbers[i] : i + 1));
        quote(lines->items[i], why);
    }
    return false;
}

static bool within(const struct count *c, uint64_t n, enum way way) {
    bool any = c->least != c->most || (way == BY_SHAPE && has_varying(c->line));
    return any ? n >= (c->least ? 1 : 0) : n == c->least;
}

static bool accepts_refined(const struct part *p, const struct spans *refined,
                            struct text *why) {
    for (uint64_t k = 0; k < p->counts.n; k++)
        if (p->counts.items[k].least && !counts_has(refined, p->counts.items[k].line))
            return refuse_line(why, "lacks the line", p->counts.items[k].line);
    for (uint64_t k = 0; k < refined->n; k++) {
        struct span line = refined->items[k];
        if (k && span_equal(line, refined->items[k - 1]))
            continue;
        const struct count *c = counts_find(&p->counts, line);
        if (!c)
            return refuse_line(why,
                               "has a line that no run without the fault has:", line);
        if (!within(c, counts_in(refined, line), p->way))
            return refuse_line(why, "has more or fewer lines like", line);
    }
    return true;
}

static bool accepts_part(const struct part *p, const struct spans *lines,
                         const uint64_t *numbers, struct text *why) {
    if (p->way == BY_PLACE)
        return accepts_placed(p, lines, numbers, why);
    struct text store = {0};
    struct spans refined = groups_refine(&p->groups, lines, &store);
    bool accepted = accepts_refined(p, &refined, why);
    free(refined.items);
    text_deinit(&store);
    return accepted;
}

bool mask_accepts(const struct mask *mask, struct sample sample, struct text *why) {
    struct spans lines = span_lines(sample.data, sample.n);
    struct noise_lines seen = noise_lines(&mask->noise, &lines);
    bool accepted = accepts_part(mask->own, &seen.own, seen.own_numbers, why) &&
                    accepts_part(mask->harness, &seen.harness, NULL, why);
    noise_lines_deinit(&seen);
    free(lines.items);
    return accepted;
}

/* --- making one --- */

static struct part *make(const struct spans *runs, uint32_t n, enum way way) {
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
        struct part *p = make(others, n - 1, way);
        sound = p && accepts_part(p, &runs[out], NULL, NULL);
        part_free(p);
    }
    free(others);
    return sound;
}

static struct part *try_way(const struct spans *runs, uint32_t n, enum way way) {
    struct part *p = make(runs, n, way);
    return p && !is_sound(runs, n, way) ? part_free(p) : p;
}

/* Where words vary, not just numbers, lines may have changed their places. */
static bool has_words(const struct part *p) {
    for (uint64_t i = 0; i < p->n_lines; i++)
        for (uint64_t k = 0; k < p->lines[i].n; k++)
            if (p->lines[i].pieces[k].kind > PATTERN_DIGITS)
                return true;
    return false;
}

/* Lines that are all there in each run. */
static bool is_steady(const struct part *p) {
    for (uint64_t k = 0; k < p->counts.n; k++)
        if (p->counts.items[k].least != p->counts.items[k].most)
            return false;
    return true;
}

/* Is there a place whose lines differ by more than words with a digit? Where there is none it is the words
 * that vary, such as a random name, and not the lines that have moved. */
static bool has_moved(const struct spans *runs, uint32_t n) {
    struct text first = {0}, other = {0};
    bool moved = false;
    for (uint64_t k = 0; k < runs[0].n && !moved; k++)
        for (uint32_t i = 1; i < n && !moved; i++) {
            first.n = other.n = 0;
            counts_shape(runs[0].items[k], &first);
            if (k < runs[i].n)
                counts_shape(runs[i].items[k], &other);
            moved = first.n != other.n ||
                    (first.n && memcmp(first.data, other.data, first.n) != 0);
        }
    text_deinit(&first);
    text_deinit(&other);
    return moved;
}

static struct part *make_sound(const struct spans *runs, uint32_t n, enum way first) {
    struct part *p = NULL, *moved;
    for (enum way way = first; way < N_WAYS && !p; way++)
        p = try_way(runs, n, way);
    if (!p || p->way != BY_PLACE || !has_words(p) || !has_moved(runs, n))
        return p;
    moved = try_way(runs, n, BY_COUNT);
    if (!moved || !is_steady(moved)) {
        part_free(moved);
        return p;
    }
    part_free(p);
    return moved;
}

static void clean_runs(struct mask *m, const struct spans *lines, uint32_t n) {
    m->runs = text_alloc(n * sizeof *m->runs);
    m->n_runs = n;
    for (uint32_t i = 0; i < n; i++)
        m->runs[i] = noise_lines(&m->noise, &lines[i]);
    m->masked = m->runs[0].masked;
}

static struct mask *make_mask(const struct noise *noise, const struct spans *lines,
                              uint32_t n) {
    struct mask *m = text_alloc(sizeof *m);
    struct spans *own = text_alloc(n * sizeof *own);
    struct spans *harness = text_alloc(n * sizeof *harness);
    m->noise = *noise;
    clean_runs(m, lines, n);
    for (uint32_t i = 0; i < n; i++) {
        own[i] = m->runs[i].own;
        harness[i] = m->runs[i].harness;
    }
    m->own = make_sound(own, n, BY_PLACE);
    m->harness = m->own ? make_sound(harness, n, BY_COUNT) : NULL;
    free(own);
    free(harness);
    return m->harness ? m : mask_free(m);
}

struct mask *mask_new(const struct sample *samples, uint32_t n,
                      const struct catalogue *catalogue) {
    struct spans *runs = text_alloc(n * sizeof *runs);
    AUTO_FREE uint64_t *begun = text_alloc(n * sizeof *begun);
    for (uint32_t i = 0; i < n; i++) {
        runs[i] = span_lines(samples[i].data, samples[i].n);
        begun[i] = samples[i].unix_ns;
    }
    struct noise noise = noise_learn(catalogue, runs, begun, n);
    struct mask *m = all_equal(runs, n) && !noise_is_in(&noise, &runs[0])
                         ? NULL
                         : make_mask(&noise, runs, n);
    for (uint32_t i = 0; i < n; i++)
        free(runs[i].items);
    free(runs);
    return m;
}

bool mask_alike(const struct sample *samples, uint32_t n,
                const struct catalogue *catalogue, struct sample sample) {
    const struct noise noise = {.catalogue = catalogue, .any = true};
    struct spans *runs = text_alloc(n * sizeof *runs);
    struct mask m = {.noise = noise};
    for (uint32_t i = 0; i < n; i++)
        runs[i] = span_lines(samples[i].data, samples[i].n);
    clean_runs(&m, runs, n);
    for (uint32_t i = 0; i < n; i++) {
        free(runs[i].items);
        runs[i] = m.runs[i].own;
    }
    m.own = make(runs, n, BY_COUNT);
    for (uint32_t i = 0; i < n; i++)
        runs[i] = m.runs[i].harness;
    m.harness = make(runs, n, BY_COUNT);
    bool alike = mask_accepts(&m, sample, NULL);
    part_free(m.own);
    part_free(m.harness);
    for (uint32_t i = 0; i < n; i++)
        noise_lines_deinit(&m.runs[i]);
    free(m.runs);
    free(runs);
    return alike;
}

/* --- what it leaves out --- */

static uint64_t count_varying(const struct part *p, struct span *first) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < p->n_lines; i++) {
        const struct pattern *line = &p->lines[i];
        if (line->n == 1 && line->pieces[0].kind == PATTERN_FIXED)
            continue;
        if (!n++)
            *first = line->whole;
    }
    for (uint64_t k = 0; k < p->counts.n; k++)
        if (has_varying(p->counts.items[k].line) && !n++)
            *first = p->counts.items[k].line;
    return n;
}

static void say_part(const struct part *p, struct text *out) {
    static const char *const meanings[N_WAYS] = {
        "", "; lines may come in any order",
        "; lines may come in any order, and in any number where a number varies"};
    struct span first = {0};
    uint64_t n = count_varying(p, &first);
    if (n) {
        text_addf(out, "; what varies in %llu line%s, such as ", (unsigned long long)n,
                  n == 1 ? "" : "s");
        quote(first, out);
        text_add(out, ", is left out");
    }
    text_add(out, meanings[p->way]);
}

void mask_describe(const struct mask *m, struct text *out) {
    uint64_t start = out->n;
    if (m->masked)
        text_addf(out, "; times or addresses in %llu line%s are left out",
                  (unsigned long long)m->masked, m->masked == 1 ? "" : "s");
    say_part(m->own, out);
    if (m->harness->counts.n)
        text_add(out, "; a test harness's lines may come in any order");
    if (out->n > start) { /* the first "; " */
        memmove(out->data + start, out->data + start + 2, out->n - start - 1);
        out->n -= 2;
    }
}

/* Shapes of all lines, sorted; their text is in @store. */
static struct spans known_shapes(const struct sample *samples, uint32_t n,
                                 struct text *store) {
    struct spans known = {0};
    for (uint32_t i = 0; i < n; i++) {
        struct spans lines = span_lines(samples[i].data, samples[i].n);
        for (uint64_t k = 0; k < lines.n; k++) {
            struct span shape = counts_shape(lines.items[k], store);
            span_push(&known, shape.data, shape.n);
        }
        free(lines.items);
    }
    counts_place_shapes(&known, store);
    return known;
}

/* Keep the lines that matter; NULL: all. */
static void keep_those(struct spans *lines, bool (*matters)(struct span line)) {
    uint64_t kept = 0;
    if (!matters)
        return;
    for (uint64_t k = 0; k < lines->n; k++)
        if (matters(lines->items[k]))
            lines->items[kept++] = lines->items[k];
    lines->n = kept;
}

/* Drop the lines that a run says word for word: mostly all of them, and cheaper found than by shapes. */
static void drop_known(struct spans *lines, struct sample run) {
    struct spans said = span_lines(run.data, run.n);
    struct spans sorted = span_sorted(&said);
    uint64_t kept = 0;
    for (uint64_t k = 0; k < lines->n; k++)
        if (!counts_has(&sorted, lines->items[k]))
            lines->items[kept++] = lines->items[k];
    lines->n = kept;
    free(said.items);
    free(sorted.items);
}

struct spans mask_more(const struct sample *samples, uint32_t n, struct sample sample,
                       bool (*matters)(struct span line)) {
    struct spans lines = span_lines(sample.data, sample.n), more = {0};
    struct text store = {0}, own = {0};
    keep_those(&lines, matters);
    if (n && lines.n)
        drop_known(&lines, samples[0]);
    struct spans known = {0};
    if (lines.n)
        known = known_shapes(samples, n, &store);
    for (uint64_t k = 0; k < lines.n; k++) {
        own.n = 0;
        struct span shape = counts_shape(lines.items[k], &own);
        shape.data = (const uint8_t *)own.data;
        if (!counts_has(&known, shape))
            span_push(&more, lines.items[k].data, lines.items[k].n);
    }
    free(lines.items);
    free(known.items);
    text_deinit(&store);
    text_deinit(&own);
    return more;
}

bool mask_says_more(const struct sample *samples, uint32_t n, struct sample sample) {
    struct spans more = mask_more(samples, n, sample, NULL);
    free(more.items);
    return more.n > 0;
}
