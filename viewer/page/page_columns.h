/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page has in large numbers, in columns: all numbers of one kind after each other, as varints, so
 * that what is alike lies together when it is compressed.
 *
 *   values = varint bytes of `head`, head (JSON), then the columns in the order of `columns` in the head
 *   page   = base64(zlib(values)), which every browser can undo
 *
 *   columns: [[name, n, kind], ...]    kind 0: n varints; 1: n zigzag varints; 2: n bytes
 */
#ifndef DEARTH_PAGE_COLUMNS_H
#define DEARTH_PAGE_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "text.h"

enum page_column_kind {
    PAGE_COLUMN_NATURAL,
    PAGE_COLUMN_SIGNED,
    PAGE_COLUMN_BYTES,
};

/* Zero is valid and empty. */
struct page_columns {
    struct page_column {
        char *name;
        enum page_column_kind kind;
        uint64_t n;
        struct text bytes;
    } * items;
    size_t n;
};

void page_columns_deinit(struct page_columns *columns); /* twice is safe */
/** Begin a column. @name: copied. Return: its index, in the order in which they are made. */
size_t page_columns_new(struct page_columns *columns, const char *name,
                        enum page_column_kind kind);
/** Add a number to a column that is one of numbers. */
void page_columns_put(struct page_columns *columns, size_t column, int64_t value);
/** Add bytes to a column of bytes. */
void page_columns_put_bytes(struct page_columns *columns, size_t column,
                            const void *bytes, size_t n);
/** Write `columns` of the head. */
void page_columns_head(const struct page_columns *columns, struct json *json);

/**
 * Append head and columns as the page holds them. @columns is empty afterwards.
 * Return: 0, or -EIO after a message (zlib failed).
 */
int page_columns_pack(struct page_columns *columns, const struct text *head,
                      struct text *out);

#endif
