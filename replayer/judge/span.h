/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of what a program printed: lines, and the words of a line.
 *
 *   word    a run of letters, digits and bytes above 127; any other byte stands for itself
 */
#ifndef DEARTH_SPAN_H
#define DEARTH_SPAN_H

#include <stdbool.h>
#include <stdint.h>

/* Nothing is owned: the data must outlive it. */
struct span {
    const uint8_t *data;
    uint64_t n;
};

struct spans {
    struct span *items;
    uint64_t n;
};

void span_push(struct spans *to, const uint8_t *data, uint64_t n);
/** Return: lines, each with its '\n'; free its items. */
struct spans span_lines(const uint8_t *data, uint64_t n);
/** Return: the words of a line; free its items. */
struct spans span_words(struct span line);
/** Return: a copy of the list, sorted by span_compare(); free its items. */
struct spans span_sorted(const struct spans *lines);

/** Is it a byte of a word? */
bool span_is_word(uint8_t c);
bool span_equal(struct span a, struct span b);
bool span_is_digits(struct span word);
bool span_has_digit(struct span word);
/** Is it a word without a digit, or the end of a line? */
bool span_is_plain(struct span word);
/** For qsort(): of struct span, by bytes. */
int span_compare(const void *a, const void *b);

#endif
