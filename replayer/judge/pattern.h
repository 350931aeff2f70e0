/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line in its place, as several runs printed it.
 *
 *   piece   one word of the line: the same in all runs, or digits, or a word, or a gap where
 *           runs have different numbers of words
 *
 * A clock moves more than three runs show: where a number varies, the numbers it is joined to
 * (12:34:56, 0.123) vary too, and beside a time of day so do dates.
 */
#ifndef DEARTH_PATTERN_H
#define DEARTH_PATTERN_H

#include "span.h"

enum pattern_kind { PATTERN_FIXED, PATTERN_DIGITS, PATTERN_WORD, PATTERN_GAP };

struct pattern_piece {
    enum pattern_kind kind;
    struct span text; /* of the first run */
};

struct pattern {
    struct pattern_piece *pieces;
    uint64_t n;
    uint64_t gap;      /* index of the gap, n = none */
    struct span whole; /* the line of the first run */
};

/** @lines: the same line of @n runs; their data must outlive the pattern */
void pattern_init(struct pattern *pattern, const struct span *lines, uint32_t n);
void pattern_deinit(struct pattern *pattern);

bool pattern_matches(const struct pattern *pattern, struct span line);

#endif
