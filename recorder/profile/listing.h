/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in columns and a name behind them, line by line. In a pipe or a file each column is as wide as it always is;
 * on a terminal as wide as what stands in it, and names are cut in their middle, or stand on a line of their own, so
 * that no line breaks.
 */
#ifndef DEARTH_LISTING_H
#define DEARTH_LISTING_H

#include <stdint.h>

#include "terminal.h"
#include "text.h"

#define LISTING_COLUMNS 8

struct listing_row {
    char cells[LISTING_COLUMNS][40];
    enum color colors[LISTING_COLUMNS]; /* N_COLORS = none */
    int n;
    char *name;  /* shown; owned */
    char *rest;  /* behind it; owned, may be NULL */
    char *below; /* whole lines; owned, may be NULL */
    bool heading;
};

/* Zero but for `width` is valid and empty. */
struct listing {
    unsigned width; /* of the terminal; 0 = it is none */
    int fixed[LISTING_COLUMNS];
    struct listing_row *rows;
    uint32_t n_rows;
};

/** Begin a row. Return: it, for the calls below; valid until the next one is begun. */
struct listing_row *listing_row(struct listing *listing);
/** Append a number of the row last begun. @fixed: columns it takes where there is no terminal */
void listing_cell(struct listing *listing, int fixed, enum color color, const char *cell);
/** Append all rows to @out. */
void listing_add(const struct listing *listing, struct text *out);
void listing_deinit(struct listing *listing);
#define AUTO_LISTING __attribute__((cleanup(listing_deinit)))

#endif
