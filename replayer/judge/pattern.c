/* SPDX-License-Identifier: Apache-2.0 */
/* Which words of a line vary: see pattern.h. */
#include "pattern.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "token.h"

static enum pattern_kind kind_of(const struct spans *words, uint32_t n, uint64_t at) {
    bool fixed = true, digits = true, word = true;
    for (uint32_t i = 0; i < n; i++) {
        fixed &= span_equal(words[i].items[at], words[0].items[at]);
        digits &= span_is_digits(words[i].items[at]);
        word &= span_is_word(words[i].items[at].data[0]);
    }
    return fixed    ? PATTERN_FIXED
           : digits ? PATTERN_DIGITS
           : word   ? PATTERN_WORD
                    : PATTERN_GAP;
}

static bool joins(struct span w) {
    return w.n == 1 && strchr(":.-/,+", w.data[0]) && w.data[0];
}

static void loosen(struct pattern_piece *p) {
    if (p->kind == PATTERN_FIXED)
        p->kind = span_is_digits(p->text) ? PATTERN_DIGITS : PATTERN_WORD;
}

static bool starts_number(const struct pattern_piece *p) {
    return isdigit(p->text.data[0]);
}

/* Numbers joined to one that varies. Return: a time of day is among them. */
static bool loosen_joined(struct pattern *p, uint64_t at) {
    bool time = false;
    for (int step = -1; step <= 1; step += 2) {
        for (uint64_t i = at; i + 2 * (uint64_t)step < p->n;) {
            const struct pattern_piece *join = &p->pieces[i + (uint64_t)step];
            struct pattern_piece *next = &p->pieces[i + 2 * (uint64_t)step];
            if (!joins(join->text) || !starts_number(next))
                break;
            time |= join->text.data[0] == ':';
            loosen(next);
            i += 2 * (uint64_t)step;
        }
    }
    return time;
}

/* Beside a time of day: the names of days and months, numbers next to them, dates. */
static void loosen_dates(struct pattern *p) {
    for (uint64_t i = 0; i < p->n; i++) {
        struct pattern_piece *piece = &p->pieces[i];
        bool day = token_is_calendar(piece->text);
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
            if (span_is_digits(p->pieces[k].text))
                loosen(&p->pieces[k]);
    }
    for (uint64_t i = 1; i < p->n; i++) /* "... 2026" at the end, after a time zone */
        if (p->pieces[i].text.n == 4 && span_is_digits(p->pieces[i].text) &&
            (memcmp(p->pieces[i].text.data, "20", 2) == 0))
            loosen(&p->pieces[i]);
}

static void loosen_numbers(struct pattern *p) {
    bool time = false;
    for (uint64_t i = 0; i < p->n; i++)
        if (p->pieces[i].kind != PATTERN_FIXED && starts_number(&p->pieces[i]))
            time |= loosen_joined(p, i);
    if (time)
        loosen_dates(p);
}

static void add_piece(struct pattern *p, enum pattern_kind kind, struct span text) {
    p->pieces[p->n++] = (struct pattern_piece){kind, text};
}

/* Equally many words: each in its place. */
static void make_even(const struct spans *words, uint32_t n, struct pattern *p) {
    bool gap = false;
    for (uint64_t i = 0; i < words[0].n; i++) {
        enum pattern_kind kind = kind_of(words, n, i);
        gap |= kind == PATTERN_GAP;
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
            alike &= span_equal(words[i].items[head], words[0].items[head]);
        head += alike;
    }
    for (alike = true; alike && head + tail < least;) {
        for (uint32_t i = 1; i < n; i++)
            alike &= span_equal(words[i].items[words[i].n - 1 - tail],
                                words[0].items[words[0].n - 1 - tail]);
        tail += alike;
    }
    /* numbers and marks beside the gap are equal by chance: up to the next word */
    while (head && !span_is_plain(words[0].items[head - 1]))
        head--;
    while (tail && !span_is_plain(words[0].items[words[0].n - tail]))
        tail--;
    for (uint64_t i = 0; i < head; i++)
        add_piece(p, PATTERN_FIXED, words[0].items[i]);
    p->gap = p->n;
    add_piece(p, PATTERN_GAP, (struct span){(const uint8_t *)"", 0});
    for (uint64_t i = words[0].n - tail; i < words[0].n; i++)
        add_piece(p, PATTERN_FIXED, words[0].items[i]);
}

void pattern_init(struct pattern *p, const struct span *lines, uint32_t n) {
    *p = (struct pattern){.whole = lines[0]};
    bool fixed = true;
    for (uint32_t i = 1; i < n; i++)
        fixed &= span_equal(lines[i], lines[0]);
    if (fixed) {
        p->pieces = text_alloc(sizeof *p->pieces);
        p->pieces[p->n++] = (struct pattern_piece){PATTERN_FIXED, lines[0]};
        p->gap = p->n;
        return;
    }
    struct spans *words = text_alloc(n * sizeof *words);
    bool even = true;
    for (uint32_t i = 0; i < n; i++) {
        words[i] = span_words(lines[i]);
        even &= words[i].n == words[0].n;
    }
    p->pieces = text_alloc((words[0].n + 1) * sizeof *p->pieces);
    if (even)
        make_even(words, n, p);
    if (!p->n)
        make_uneven(words, n, p);
    for (uint32_t i = 0; i < n; i++)
        free(words[i].items);
    free(words);
}

void pattern_deinit(struct pattern *p) {
    free(p->pieces);
    *p = (struct pattern){0};
}

static bool piece_matches(const struct pattern_piece *p, struct span word) {
    return p->kind == PATTERN_FIXED    ? span_equal(p->text, word)
           : p->kind == PATTERN_DIGITS ? span_is_digits(word)
                                       : span_is_word(word.data[0]);
}

bool pattern_matches(const struct pattern *p, struct span line) {
    if (p->n == 1 && p->pieces[0].kind == PATTERN_FIXED)
        return span_equal(p->pieces[0].text, line);
    struct spans words = span_words(line);
    uint64_t tail = p->gap < p->n ? p->n - p->gap - 1 : 0;
    bool matches = p->gap < p->n ? words.n >= p->gap + tail : words.n == p->n;
    for (uint64_t i = 0; matches && i < p->gap; i++)
        matches = piece_matches(&p->pieces[i], words.items[i]);
    for (uint64_t i = 0; matches && i < tail; i++)
        matches = piece_matches(&p->pieces[p->n - 1 - i], words.items[words.n - 1 - i]);
    free(words.items);
    return matches;
}
