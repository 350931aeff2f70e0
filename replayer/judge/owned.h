/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the members of a struct own, as a table, so that sending, receiving and freeing it are
 * written once and none of them can forget one.
 *
 *   struct observation ─► observation_owned[]   texts, bytes, arrays
 *                              └─ items ─► what each item of an array owns in turn
 *
 * tests/replayer/owned.sh compares the tables with the pointers in the structs.
 */
#ifndef DEARTH_OWNED_H
#define DEARTH_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum owned_kind {
    OWNED_TEXT,  /* a C string; NULL = none */
    OWNED_BYTES, /* counted by a member beside it; NULL = none, counted 0 */
    OWNED_ARRAY, /* of structs, counted likewise */
};

struct owned {
    enum owned_kind kind;
    bool required;             /* a text that is never NULL */
    size_t at;                 /* of the pointer, in its struct */
    size_t count_at;           /* of the counting member */
    size_t count_bytes;        /* 4 or 8 */
    size_t item_bytes;         /* of an array */
    uint64_t most;             /* items of an array; 0 = as many as memory holds */
    const struct owned *items; /* what each item owns */
    size_t n_items;            /* of these rows */
};

#define OWNED_AT(type, member) .at = offsetof(type, member)
#define OWNED_COUNT(type, member)                                                        \
    .count_at = offsetof(type, member), .count_bytes = sizeof(((type *)0)->member)

/** The pointer that a row names in the struct at @base. */
void *owned_get(const struct owned *row, const void *base);
void owned_set(const struct owned *row, void *base, void *pointer);

/** The counting member of bytes and arrays. */
uint64_t owned_count(const struct owned *row, const void *base);
void owned_set_count(const struct owned *row, void *base, uint64_t n);

/** Free what @n rows name in the struct at @base, and set it to nothing. */
void owned_free(const struct owned *rows, size_t n, void *base);

/** Free @n items of an array with what they own. NULL with 0 is allowed. */
void owned_free_items(const struct owned *row, void *items, uint64_t n);

extern const struct owned observation_owned[];
extern const size_t n_observation_owned;

#endif
