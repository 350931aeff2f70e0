/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of numbers, packed: see page_columns.h. */
#include "page_columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "error.h"

#define STEP (1u << 16) /* bytes out of zlib at a time */

void page_columns_deinit(struct page_columns *columns) {
    for (size_t i = 0; i < columns->n; i++) {
        free(columns->items[i].name);
        text_deinit(&columns->items[i].bytes);
    }
    free(columns->items);
    *columns = (struct page_columns){0};
}

size_t page_columns_new(struct page_columns *columns, const char *name,
                        enum page_column_kind kind) {
    columns->items = text_grow(columns->items, columns->n, sizeof *columns->items);
    columns->items[columns->n] =
        (struct page_column){.name = text_dup(name), .kind = kind};
    return columns->n++;
}

void page_columns_put(struct page_columns *columns, size_t column, int64_t value) {
    struct page_column *c = &columns->items[column];
    uint64_t v = (uint64_t)value;
    if (c->kind == PAGE_COLUMN_SIGNED)
        v = v << 1 ^ (value < 0 ? UINT64_MAX : 0);
    text_add_varint(&c->bytes, v);
    c->n++;
}

void page_columns_put_bytes(struct page_columns *columns, size_t column,
                            const void *bytes, size_t n) {
    struct page_column *c = &columns->items[column];
    text_add_n(&c->bytes, bytes, n);
    c->n += n;
}

void page_columns_head(const struct page_columns *columns, struct json *json) {
    json_open(json, "columns", '[');
    for (size_t i = 0; i < columns->n; i++) {
        json_open(json, NULL, '[');
        json_text(json, NULL, columns->items[i].name);
        json_int(json, NULL, (int64_t)columns->items[i].n);
        json_int(json, NULL, columns->items[i].kind);
        json_close(json, ']');
    }
    json_close(json, ']');
}

/* --- zlib and base64 --- */

/* Three bytes are four characters; what is left waits for the next part. */
struct packer {
    z_stream z;
    struct text *out;
    uint8_t waiting[3];
    size_t n_waiting;
};

static void add_group(struct packer *p, size_t n) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t v = (uint32_t)p->waiting[0] << 16 |
                 (uint32_t)(n > 1 ? p->waiting[1] : 0) << 8 | (n > 2 ? p->waiting[2] : 0);
    const char group[4] = {digits[v >> 18], digits[v >> 12 & 63],
                           n > 1 ? digits[v >> 6 & 63] : '=',
                           n > 2 ? digits[v & 63] : '='};
    text_add_n(p->out, group, sizeof group);
    p->n_waiting = 0;
}

static int pack(struct packer *p, const char *data, size_t n, int flush) {
    uint8_t part[STEP];
    do {
        size_t now = n < 1u << 30 ? n : 1u << 30;
        p->z.next_in = (uint8_t *)(uintptr_t)data;
        p->z.avail_in = (uInt)now;
        do {
            p->z.next_out = part;
            p->z.avail_out = sizeof part;
            if (deflate(&p->z, n == now ? flush : Z_NO_FLUSH) == Z_STREAM_ERROR)
                return error_print(-EIO, "zlib could not compress the page's values");
            for (size_t i = 0; i < sizeof part - p->z.avail_out; i++) {
                p->waiting[p->n_waiting++] = part[i];
                if (p->n_waiting == 3)
                    add_group(p, 3);
            }
        } while (!p->z.avail_out);
        data += now;
        n -= now;
    } while (n);
    return 0;
}

int page_columns_pack(struct page_columns *columns, const struct text *head,
                      struct text *out) {
    AUTO_TEXT struct text length = {0};
    struct packer p = {.out = out};
    if (deflateInit(&p.z, Z_DEFAULT_COMPRESSION) != Z_OK)
        return error_print(-EIO, "zlib could not be started");
    text_add_varint(&length, head->n);
    int r = pack(&p, length.data, length.n, Z_NO_FLUSH);
    if (r == 0)
        r = pack(&p, head->data, head->n, Z_NO_FLUSH);
    for (size_t i = 0; r == 0 && i < columns->n; i++) {
        struct text *bytes = &columns->items[i].bytes;
        if (bytes->n)
            r = pack(&p, bytes->data, bytes->n, Z_NO_FLUSH);
        text_deinit(bytes);
    }
    if (r == 0)
        r = pack(&p, "", 0, Z_FINISH);
    deflateEnd(&p.z);
    if (r == 0 && p.n_waiting)
        add_group(&p, p.n_waiting);
    page_columns_deinit(columns);
    return r;
}
