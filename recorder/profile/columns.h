/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in columns and a name behind them, line by line. In a pipe or a file each column is as wide as it always is;
 * on a terminal as wide as what stands in it, and names are cut in their middle, or stand on a line of their own, so
 * that no line breaks.
 */
#ifndef DEARTH_COLUMNS_H
#define DEARTH_COLUMNS_H

#include <stdint.h>

#include "terminal.h"
#include "text.h"

#define COLUMNS_MOST 8

struct columns_row {
    char cells[COLUMNS_MOST][40];
    enum color colors[COLUMNS_MOST]; /* N_COLORS = none */
    int n;
    char *name;  /* shown; owned */
    char *rest;  /* behind it; owned, may be NULL */
    char *below; /* whole lines; owned, may be NULL */
    bool heading;
};

/* Zero but for `width` is valid and empty. */
struct columns {
    unsigned width; /* of the terminal; 0 = it is none */
    int fixed[COLUMNS_MOST];
    struct columns_row *rows;
    uint32_t n_rows;
};

/** Begin a row. Return: it, for the calls below; valid until the next one is begun. */
struct columns_row *columns_row(struct columns *columns);
/** Append a number of the row last begun. @fixed: columns it takes where there is no terminal */
void columns_cell(struct columns *columns, int fixed, enum color color, const char *cell);
/** Append all rows to @out. */
void columns_add(const struct columns *columns, struct text *out);
void columns_deinit(struct columns *columns);
#define AUTO_COLUMNS __attribute__((cleanup(columns_deinit)))

#endif
