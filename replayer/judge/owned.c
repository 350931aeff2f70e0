/* SPDX-License-Identifier: Apache-2.0 */
/* What is owned, and walking over it: owned.h. */
#include "owned.h"

#include <stdlib.h>
#include <string.h>

void *owned_get(const struct owned *row, const void *base) {
    void *pointer;
    memcpy(&pointer, (const char *)base + row->at, sizeof pointer);
    return pointer;
}

void owned_set(const struct owned *row, void *base, void *pointer) {
    memcpy((char *)base + row->at, &pointer, sizeof pointer);
}

uint64_t owned_count(const struct owned *row, const void *base) {
    uint32_t narrow;
    uint64_t wide;
    const char *at = (const char *)base + row->count_at;
    if (row->count_bytes == sizeof wide)
        return memcpy(&wide, at, sizeof wide), wide;
    return memcpy(&narrow, at, sizeof narrow), narrow;
}

void owned_set_count(const struct owned *row, void *base, uint64_t n) {
    uint32_t narrow = (uint32_t)n;
    char *at = (char *)base + row->count_at;
    if (row->count_bytes == sizeof n)
        memcpy(at, &n, sizeof n);
    else
        memcpy(at, &narrow, sizeof narrow);
}

void owned_free_items(const struct owned *row, void *items, uint64_t n) {
    for (uint64_t i = 0; row->n_items && i < n; i++)
        owned_free(row->items, row->n_items, (char *)items + i * row->item_bytes);
    free(items);
}

void owned_free(const struct owned *rows, size_t n, void *base) {
    for (size_t i = 0; i < n; i++) {
        const struct owned *row = &rows[i];
        void *pointer = owned_get(row, base);
        if (row->kind == OWNED_ARRAY)
            owned_free_items(row, pointer, owned_count(row, base));
        else
            free(pointer);
        owned_set(row, base, NULL);
        if (row->kind != OWNED_TEXT)
            owned_set_count(row, base, 0);
    }
}
