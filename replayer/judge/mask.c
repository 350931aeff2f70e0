/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks over output: see mask.h.
 *
 *   word    a run of letters, digits and bytes above 127; any other byte stands for itself
 *   piece   one word of a line: the same in all runs, or digits, or a word, or a gap where
 *           runs have different numbers of words
 *   shape   a line with every word that holds a digit put as '0': lines of one shape are
 *           taken for the same line with other numbers
 *
 * A clock moves more than three runs show: where a number varies, the numbers it is joined to
 * (12:34:56, 0.123) vary too, and beside a time of day so do dates.
 */
#include "mask.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* --- lines and words --- */

struct span {
    const uint8_t *data;
    uint64_t n;
};

struct spans {
    struct span *items;
    uint64_t n, capacity;
};

static void push(struct spans *to, const uint8_t *data, uint64_t n) {
    if (to->n == to->capacity) {
        to->capacity = to->capacity ? 2 * to->capacity : 32;
        to->items = text_realloc(to->items, to->capacity * sizeof *to->items);
    }
    to->items[to->n++] = (struct span){data, n};
}

/* Each with its '\n'. */
static struct spans split_lines(struct sample s) {
    struct spans lines = {0};
    for (uint64_t at = 0; at < s.n;) {
        const uint8_t *end = memchr(s.data + at, '\n', s.n - at);
        uint64_t n = end ? (uint64_t)(end - s.data) + 1 - at : s.n - at;
        push(&lines, s.data + at, n);
        at += n;
    }
    return lines;
}

static bool is_word(uint8_t c) {
    return isalnum(c) || c >= 0x80 || c == '_';
}

static struct spans split_words(struct span line) {
    struct spans words = {0};
    for (uint64_t at = 0; at < line.n;) {
        uint64_t n = 1;
        while (is_word(line.data[at]) && at + n < line.n && is_word(line.data[at + n]))
            n++;
        push(&words, line.data + at, n);
        at += n;
    }
    return words;
}

static bool same(struct span a, struct span b) {
    return a.n == b.n && memcmp(a.data, b.data, a.n) == 0;
}

static bool is_digits(struct span w) {
    for (uint64_t i = 0; i < w.n; i++)
        if (!isdigit(w.data[i]))
            return false;
    return w.n > 0;
}

static bool has_digit(struct span w) {
    for (uint64_t i = 0; i < w.n; i++)
        if (isdigit(w.data[i]))
            return true;
    return false;
}

/* A word without a digit, or the end of a line. */
static bool is_plain(struct span w) {
    return w.data[0] == '\n' || (is_word(w.data[0]) && !has_digit(w));
}

/* --- one line in its place --- */

enum kind { FIXED, DIGITS, WORD, GAP };

struct piece {
    enum kind kind;
    struct span text; /* of the first run */
};

struct pattern {
    struct piece *pieces;
    uint64_t n;
    uint64_t gap; /* index of the GAP, n = none */
};

static enum kind kind_of(const struct spans *words, uint32_t n, uint64_t at) {
    bool fixed = true, digits = true, word = true;
    for (uint32_t i = 0; i < n; i++) {
        fixed &= same(words[i].items[at], words[0].items[at]);
        digits &= is_digits(words[i].items[at]);
        word &= is_word(words[i].items[at].data[0]);
    }
    return fixed ? FIXED : digits ? DIGITS : word ? WORD : GAP;
}

static bool joins(struct span w) {
    return w.n == 1 && strchr(":.-/,+", w.data[0]) && w.data[0];
}

static void loosen(struct piece *p) {
    if (p->kind == FIXED)
        p->kind = is_digits(p->text) ? DIGITS : WORD;
}

static bool starts_number(const struct piece *p) {
    return isdigit(p->text.data[0]);
}

/* Numbers joined to one that varies. Return: a time of day is among them. */
static bool loosen_joined(struct pattern *p, uint64_t at) {
    bool time = false;
    for (int step = -1; step <= 1; step += 2) {
        for (uint64_t i = at; i + 2 * (uint64_t)step < p->n;) {
            const struct piece *join = &p->pieces[i + (uint64_t)step];
            struct piece *next = &p->pieces[i + 2 * (uint64_t)step];
            if (!joins(join->text) || !starts_number(next))
                break;
            time |= join->text.data[0] == ':';
            loosen(next);
            i += 2 * (uint64_t)step;
        }
    }
    return time;
}

static bool is_calendar_word(struct span w) {
    static const char names[] =
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun ";
    char wanted[5];
    if (w.n < 3 || w.n > 9 || !isalpha(w.data[0]))
        return false;
    memcpy(wanted, w.data, 3);
    wanted[3] = ' ';
    wanted[4] = 0;
    return strstr(names, wanted) != NULL;
}

/* Beside a time of day: the names of days and months, numbers next to them, dates. */
static void loosen_dates(struct pattern *p) {
    for (uint64_t i = 0; i < p->n; i++) {
        struct piece *piece = &p->pieces[i];
        bool day = is_calendar_word(piece->text);
        bool date = starts_number(piece) && i + 4 < p->n &&
                    joins(p->pieces[i + 1].text) && joins(p->pieces[i + 3].text) &&
                    starts_number(piece + 2) && starts_number(piece + 4);
        if (date)
            for (int k = 0; k <= 4; k += 2)
                loosen(piece + k);
        if (!day)
            continue;
        loosen(piece);
        for (uint64_t k = i > 3 ? i - 3 : 0; k < p->n && k <= i + 3; k++)
            if (is_digits(p->pieces[k].text))
                loosen(&p->pieces[k]);
    }
    for (uint64_t i = 1; i < p->n; i++) /* "... 2026" at the end, after a time zone */
        if (p->pieces[i].text.n == 4 && is_digits(p->pieces[i].text) &&
            (memcmp(p->pieces[i].text.data, "20", 2) == 0))
            loosen(&p->pieces[i]);
}

static void loosen_numbers(struct pattern *p) {
    bool time = false;
    for (uint64_t i = 0; i < p->n; i++)
        if (p->pieces[i].kind != FIXED && starts_number(&p->pieces[i]))
            time |= loosen_joined(p, i);
    if (time)
        loosen_dates(p);
}

static void add_piece(struct pattern *p, enum kind kind, struct span text) {
    p->pieces[p->n++] = (struct piece){kind, text};
}

/* Equally many words: each in its place. */
static void make_even(const struct spans *words, uint32_t n, struct pattern *p) {
    bool gap = false;
    for (uint64_t i = 0; i < words[0].n; i++) {
        enum kind kind = kind_of(words, n, i);
        gap |= kind == GAP;
        add_piece(p, kind, words[0].items[i]);
    }
    p->gap = p->n;
    if (gap) /* marks became words: as if there were more of one than the other */
        p->n = 0;
    else
        loosen_numbers(p);
}

/* What all begin and end with, and a gap between. */
static void make_uneven(const struct spans *words, uint32_t n, struct pattern *p) {
    uint64_t least = UINT64_MAX, head = 0, tail = 0;
    for (uint32_t i = 0; i < n; i++)
        least = words[i].n < least ? words[i].n : least;
    bool alike = true;
    while (alike && head < least) {
        for (uint32_t i = 1; i < n; i++)
            alike &= same(words[i].items[head], words[0].items[head]);
        head += alike;
    }
    for (alike = true; alike && head + tail < least;) {
        for (uint32_t i = 1; i < n; i++)
            alike &= same(words[i].items[words[i].n - 1 - tail],
                          words[0].items[words[0].n - 1 - tail]);
        tail += alike;
    }
    /* numbers and marks beside the gap are equal by chance: up to the next word */
    while (head && !is_plain(words[0].items[head - 1]))
        head--;
    while (tail && !is_plain(words[0].items[words[0].n - tail]))
        tail--;
    for (uint64_t i = 0; i < head; i++)
        add_piece(p, FIXED, words[0].items[i]);
    p->gap = p->n;
    add_piece(p, GAP, (struct span){(const uint8_t *)"", 0});
    for (uint64_t i = words[0].n - tail; i < words[0].n; i++)
        add_piece(p, FIXED, words[0].items[i]);
}

/* @lines: the same line of @n runs */
static struct pattern make_pattern(const struct span *lines, uint32_t n) {
    struct pattern p = {0};
    bool fixed = true;
    for (uint32_t i = 1; i < n; i++)
        fixed &= same(lines[i], lines[0]);
    if (fixed) {
        p.pieces = text_alloc(sizeof *p.pieces);
        p.pieces[p.n++] = (struct piece){FIXED, lines[0]};
        p.gap = p.n;
        return p;
    }
    struct spans *words = text_alloc(n * sizeof *words);
    bool even = true;
    for (uint32_t i = 0; i < n; i++) {
        words[i] = split_words(lines[i]);
        even &= words[i].n == words[0].n;
    }
    p.pieces = text_alloc((words[0].n + 1) * sizeof *p.pieces);
    if (even)
        make_even(words, n, &p);
    if (!p.n)
        make_uneven(words, n, &p);
    for (uint32_t i = 0; i < n; i++)
        free(words[i].items);
    free(words);
    return p;
}

static bool piece_matches(const struct piece *p, struct span word) {
    return p->kind == FIXED    ? same(p->text, word)
           : p->kind == DIGITS ? is_digits(word)
                               : is_word(word.data[0]);
}

static bool pattern_matches(const struct pattern *p, struct span line) {
    if (p->n == 1 && p->pieces[0].kind == FIXED)
        return same(p->pieces[0].text, line);
    struct spans words = split_words(line);
    uint64_t tail = p->gap < p->n ? p->n - p->gap - 1 : 0;
    bool matches = p->gap < p->n ? words.n >= p->gap + tail : words.n == p->n;
    for (uint64_t i = 0; matches && i < p->gap; i++)
        matches = piece_matches(&p->pieces[i], words.items[i]);
    for (uint64_t i = 0; matches && i < tail; i++)
        matches = piece_matches(&p->pieces[p->n - 1 - i], words.items[words.n - 1 - i]);
    free(words.items);
    return matches;
}

/* --- lines that are counted --- */

static struct span shape_of(struct span line, struct text *store) {
    uint64_t start = store->n;
    struct spans words = split_words(line);
    for (uint64_t i = 0; i < words.n; i++)
        if (has_digit(words.items[i]))
            text_add(store, "0");
        else
            text_add_n(store, (const char *)words.items[i].data, words.items[i].n);
    free(words.items);
    return (struct span){(const uint8_t *)(uintptr_t)start, store->n - start};
}

static int compare(const void *x, const void *y) {
    const struct span *a = x, *b = y;
    uint64_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->data, b->data, n) : 0;
    return order ? order : a->n < b->n ? -1 : a->n > b->n;
}

struct count {
    struct span line;
    uint64_t least, most; /* over the runs */
};

struct counts {
    struct count *items;
    uint64_t n;
};

static uint64_t lower_bound(const struct spans *sorted, struct span line) {
    uint64_t low = 0, high = sorted->n;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (compare(&sorted->items[middle], &line) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t count_in(const struct spans *sorted, struct span line) {
    uint64_t at = lower_bound(sorted, line), n = 0;
    while (at + n < sorted->n && same(sorted->items[at + n], line))
        n++;
    return n;
}

/* How often each line of any run is in each. @sorted: one list a run */
static struct counts count_all(const struct spans *sorted, uint32_t n) {
    struct spans all = {0};
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < sorted[i].n; k++)
            push(&all, sorted[i].items[k].data, sorted[i].items[k].n);
    if (all.n)
        qsort(all.items, all.n, sizeof *all.items, compare);
    struct counts counts = {text_alloc((all.n + 1) * sizeof *counts.items), 0};
    for (uint64_t k = 0; k < all.n; k++) {
        if (k && same(all.items[k - 1], all.items[k]))
            continue;
        struct count *c = &counts.items[counts.n++];
        *c = (struct count){all.items[k], UINT64_MAX, 0};
        for (uint32_t i = 0; i < n; i++) {
            uint64_t times = count_in(&sorted[i], c->line);
            c->least = times < c->least ? times : c->least;
            c->most = times > c->most ? times : c->most;
        }
    }
    free(all.items);
    return counts;
}

static const struct count *find_count(const struct counts *counts, struct span line) {
    uint64_t low = 0, high = counts->n;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        int order = compare(&counts->items[middle].line, &line);
        if (order == 0)
            return &counts->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

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
        free(m->lines[i].pieces);
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
        m->lines[m->n_lines] = make_pattern(column, n);
    }
    free(column);
    return m;
}

/* Shapes of the lines of @sorted that are not fixed; `data` is an offset into @store until
 * place_shapes(). */
static struct spans leftover_shapes(const struct counts *fixed,
                                    const struct spans *sorted, struct text *store) {
    struct spans shapes = {0};
    uint64_t before = 0; /* equal ones */
    for (uint64_t k = 0; k < sorted->n; k++) {
        before = k && same(sorted->items[k - 1], sorted->items[k]) ? before + 1 : 0;
        const struct count *c = find_count(fixed, sorted->items[k]);
        if (c && before < c->most)
            continue;
        struct span shape = shape_of(sorted->items[k], store);
        push(&shapes, shape.data, shape.n);
    }
    return shapes;
}

static void place_shapes(struct spans *shapes, const struct text *store) {
    for (uint64_t i = 0; i < shapes->n; i++)
        shapes->items[i].data =
            (const uint8_t *)store->data + (uintptr_t)shapes->items[i].data;
    if (shapes->n)
        qsort(shapes->items, shapes->n, sizeof *shapes->items, compare);
}

static struct spans sorted_lines(const struct spans *lines) {
    struct spans sorted = {0};
    for (uint64_t i = 0; i < lines->n; i++)
        push(&sorted, lines->items[i].data, lines->items[i].n);
    if (sorted.n)
        qsort(sorted.items, sorted.n, sizeof *sorted.items, compare);
    return sorted;
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
        place_shapes(&shapes[i], store);
    return shapes;
}

/* A line that all runs have equally often, but that has the shape of lines which come and go,
 * is one of those: "tick 1" in all runs, "tick 2" in most. */
static void loosen_fixed(struct mask *m, const struct spans *leftovers, uint32_t n) {
    uint64_t kept = 0;
    for (uint64_t k = 0; k < m->fixed.n; k++) {
        struct text own = {0};
        struct spans one = {0};
        bool loose = has_digit(m->fixed.items[k].line);
        if (loose && m->way == BY_COUNT) {
            struct span shape = shape_of(m->fixed.items[k].line, &own);
            push(&one, shape.data, shape.n);
            place_shapes(&one, &own);
            loose = false;
            for (uint32_t i = 0; i < n && !loose; i++)
                loose = count_in(&leftovers[i], one.items[0]) > 0;
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
        sorted[i] = sorted_lines(&runs[i]);
    m->way = way;
    struct counts all = count_all(sorted, n);
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
    m->shapes = count_all(shapes, n);
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
        const struct count *c = find_count(&m->shapes, shapes->items[k]);
        if (!c)
            return refuse_line(
                why, "has a line that no run without the fault has:", shapes->items[k]);
        if (!within(c, count_in(shapes, shapes->items[k]), m->way))
            return refuse_line(why, "has more or fewer lines like", shapes->items[k]);
    }
    for (uint64_t k = 0; k < m->shapes.n; k++)
        if (m->shapes.items[k].least && !count_in(shapes, m->shapes.items[k].line))
            return refuse_line(why, "lacks a line like", m->shapes.items[k].line);
    return true;
}

static bool accepts_counted(const struct mask *m, const struct spans *lines,
                            struct text *why) {
    struct spans sorted = sorted_lines(lines);
    bool accepted = true;
    for (uint64_t k = 0; accepted && k < m->fixed.n; k++)
        if (count_in(&sorted, m->fixed.items[k].line) < m->fixed.items[k].least)
            accepted = refuse_line(why, "lacks the line", m->fixed.items[k].line);
    if (accepted) {
        struct text store = {0};
        struct spans shapes = leftover_shapes(&m->fixed, &sorted, &store);
        place_shapes(&shapes, &store);
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
    struct spans lines = split_lines(sample);
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
            if (!same(runs[i].items[k], runs[0].items[k]))
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
        runs[i] = split_lines(samples[i]);
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
        struct spans lines = split_lines(samples[i]);
        for (uint64_t k = 0; k < lines.n; k++) {
            struct span shape = shape_of(lines.items[k], &store);
            push(&known, shape.data, shape.n);
        }
        free(lines.items);
    }
    place_shapes(&known, &store);
    struct spans lines = split_lines(sample);
    bool more = false;
    for (uint64_t k = 0; k < lines.n && !more; k++) {
        struct text own = {0};
        struct spans one = {0};
        struct span shape = shape_of(lines.items[k], &own);
        push(&one, shape.data, shape.n);
        place_shapes(&one, &own);
        more = !count_in(&known, one.items[0]);
        free(one.items);
        text_deinit(&own);
    }
    free(lines.items);
    free(known.items);
    text_deinit(&store);
    return more;
}
