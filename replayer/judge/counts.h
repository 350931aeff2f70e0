/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often runs have a line, or lines of one shape.
 *
 *   shape   a line with every word that holds a digit put as '0': lines of one shape are
 *           taken for the same line with other numbers
 */
#ifndef DEARTH_COUNTS_H
#define DEARTH_COUNTS_H

#include "span.h"

struct text;

struct count {
    struct span line;
    uint64_t least, most; /* over the runs */
};

struct counts {
    struct count *items;
    uint64_t n;
};

/** How often each line of any run is in each. @sorted: one list a run, span_sorted(). Return: free its
 * items. */
struct counts counts_of(const struct spans *sorted, uint32_t n);
/** Return: the line's, or NULL. */
const struct count *counts_find(const struct counts *counts, struct span line);
/** Is the line in a list that is sorted? How often? */
bool counts_has(const struct spans *sorted, struct span line);
uint64_t counts_in(const struct spans *sorted, struct span line);

/** The shape of a line, appended to @store. Return: its `data` is an offset into @store until
 * counts_place_shapes(). */
struct span counts_shape(struct span line, struct text *store);
/** Offsets become addresses, when @store grows no more; the list is sorted. */
void counts_place_shapes(struct spans *shapes, const struct text *store);

#endif
