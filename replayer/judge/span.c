/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and words: see span.h. */
#include "span.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void span_push(struct spans *to, const uint8_t *data, uint64_t n) {
    to->items = text_grow(to->items, to->n, sizeof *to->items);
    to->items[to->n++] = (struct span){data, n};
}

struct spans span_lines(const uint8_t *data, uint64_t bytes) {
    struct spans lines = {0};
    for (uint64_t at = 0; at < bytes;) {
        const uint8_t *end = memchr(data + at, '\n', bytes - at);
        uint64_t n = end ? (uint64_t)(end - data) + 1 - at : bytes - at;
        span_push(&lines, data + at, n);
        at += n;
    }
    return lines;
}

bool span_is_word(uint8_t c) {
    return isalnum(c) || c >= 0x80 || c == '_';
}

struct spans span_words(struct span line) {
    struct spans words = {0};
    for (uint64_t at = 0; at < line.n;) {
        uint64_t n = 1;
        while (span_is_word(line.data[at]) && at + n < line.n &&
               span_is_word(line.data[at + n]))
            n++;
        span_push(&words, line.data + at, n);
        at += n;
    }
    return words;
}

bool span_equal(struct span a, struct span b) {
    return a.n == b.n && memcmp(a.data, b.data, a.n) == 0;
}

bool span_is_digits(struct span w) {
    for (uint64_t i = 0; i < w.n; i++)
        if (!isdigit(w.data[i]))
            return false;
    return w.n > 0;
}

bool span_has_digit(struct span w) {
    for (uint64_t i = 0; i < w.n; i++)
        if (isdigit(w.data[i]))
            return true;
    return false;
}

bool span_is_plain(struct span w) {
    return w.data[0] == '\n' || (span_is_word(w.data[0]) && !span_has_digit(w));
}

int span_compare(const void *x, const void *y) {
    const struct span *a = x, *b = y;
    uint64_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->data, b->data, n) : 0;
    return order ? order : a->n < b->n ? -1 : a->n > b->n;
}

struct spans span_sorted(const struct spans *lines) {
    struct spans sorted = {0};
    for (uint64_t i = 0; i < lines->n; i++)
        span_push(&sorted, lines->items[i].data, lines->items[i].n);
    if (sorted.n)
        qsort(sorted.items, sorted.n, sizeof *sorted.items, span_compare);
    return sorted;
}
