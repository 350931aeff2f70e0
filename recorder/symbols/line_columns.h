/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of source lines. The database has none: whoever wants them has them looked up once more in the
 * modules that ran, as far as these are still there.
 */
#ifndef DEARTH_LINE_COLUMNS_H
#define DEARTH_LINE_COLUMNS_H

#include <stdint.h>

struct store;

struct line_column {
    int64_t module_id;
    uint64_t offset;       /* of the return address */
    uint32_t inline_index; /* 0 = innermost */
    uint32_t index;        /* the caller's own: the order changes */
    uint32_t column;       /* out: 1 = the first; 0 = unknown */
};

/**
 * Look columns up; @items are put in the order of their modules.
 * Return: 0, also where some are not known; negative errno after a message.
 * Context: no other thread.
 */
int line_columns_look_up(struct store *store, struct line_column *items, uint32_t n);

#endif
