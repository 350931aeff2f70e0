/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and names: see listing.h. */
#include "listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM                                                                       \
    28u /* for names beside numbers; less, and they get lines of their own */
#define INDENT 4u

struct listing_row *listing_row(struct listing *c) {
    c->rows = text_grow(c->rows, c->n_rows, sizeof *c->rows);
    struct listing_row *row = &c->rows[c->n_rows++];
    *row = (struct listing_row){0};
    return row;
}

void listing_cell(struct listing *c, int fixed, enum color color, const char *cell) {
    struct listing_row *row = &c->rows[c->n_rows - 1];
    if (row->n == LISTING_COLUMNS)
        return;
    c->fixed[row->n] = fixed;
    row->colors[row->n] = color;
    snprintf(row->cells[row->n++], sizeof row->cells[0], "%s", cell);
}

static void find_widths(const struct listing *c, int widths[static LISTING_COLUMNS]) {
    for (int i = 0; i < LISTING_COLUMNS; i++)
        widths[i] = c->width ? 0 : c->fixed[i];
    for (uint32_t r = 0; c->width && r < c->n_rows; r++)
        for (int i = 0; i < c->rows[r].n; i++) {
            int n = (int)strlen(c->rows[r].cells[i]);
            widths[i] = n > widths[i] ? n : widths[i];
        }
}

static void add_cells(const struct listing_row *row, const int *widths,
                      struct text *out) {
    for (int i = 0; i < row->n; i++) {
        enum color color = row->heading ? COLOR_TITLE : row->colors[i];
        text_add(out, i ? " " : "");
        if (color == N_COLORS)
            text_addf(out, "%*s", widths[i], row->cells[i]);
        else
            terminal_say(out, color, "%*s", widths[i], row->cells[i]);
    }
}

static void add_name(const struct listing_row *row, unsigned room, struct text *out) {
    terminal_begin(out, row->heading ? COLOR_TITLE : COLOR_PLACE);
    if (room)
        terminal_add_fitted(out, row->name, room);
    else
        text_add(out, row->name);
    terminal_end(out);
}

static void add_fitted(const struct listing_row *row, unsigned taken, unsigned width,
                       struct text *out) {
    bool beside = width >= taken + LEAST_ROOM;
    unsigned at = beside ? taken : INDENT, room = width > at ? width - at : 1;
    const char *rest = row->rest ? row->rest : "";
    size_t n = strlen(row->name), more = strlen(rest);
    if (beside)
        text_add(out, "  ");
    else if (row->heading)
        return; /* names say by themselves what they are */
    else
        text_addf(out, "\n%*s", (int)INDENT, "");
    add_name(row, room, out);
    size_t columns = terminal_columns(row->name, n);
    columns = columns > room ? room : columns;
    if (columns + terminal_columns(rest, more) <= room) {
        text_add(out, rest);
    } else {
        rest += strspn(rest, "; ");
        text_addf(out, "\n%*s", (int)at, "");
        terminal_add_fitted(out, rest, room);
    }
}

void listing_add(const struct listing *c, struct text *out) {
    int widths[LISTING_COLUMNS];
    find_widths(c, widths);
    for (uint32_t r = 0; r < c->n_rows; r++) {
        const struct listing_row *row = &c->rows[r];
        unsigned taken = 2;
        for (int i = 0; i < row->n; i++)
            taken += (unsigned)widths[i] + (i > 0);
        add_cells(row, widths, out);
        if (c->width) {
            add_fitted(row, taken, c->width, out);
        } else {
            text_add(out, "  ");
            add_name(row, 0, out);
            text_add(out, row->rest ? row->rest : "");
        }
        text_add(out, "\n");
        text_add(out, row->below ? row->below : "");
    }
}

void listing_deinit(struct listing *c) {
    for (uint32_t i = 0; i < c->n_rows; i++) {
        free(c->rows[i].name);
        free(c->rows[i].rest);
        free(c->rows[i].below);
    }
    free(c->rows);
    *c = (struct listing){0};
}
