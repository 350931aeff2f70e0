/* SPDX-License-Identifier: Apache-2.0 */
/* Damage to a block of memory, as the guard found it, and the words for it: in the database and
 * for people. */
#ifndef DEARTH_DAMAGE_H
#define DEARTH_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"

/* See schemas/shm.h, struct shm_damage. */
struct damage_seen {
    uint32_t kind;  /* enum shm_damage_kind; 0 = none */
    uint32_t where; /* enum shm_damage_where */
    uint64_t size;  /* of the block; 0 = unknown */
    int64_t offset; /* of the first damaged byte, from the start of the block */
    bool allocator_known;
    struct dearth_key allocator; /* site that allocated the block */
};

/** "overrun", "underrun", "after_free", "double_free", "bad_free"; NULL for none. */
const char *damage_name(uint32_t kind);
/** "free", "realloc", "eviction", "exit": when it was found; NULL for none. */
const char *damage_where_name(uint32_t where);
/** What was found, for people: "written 3 bytes behind a block of 10 bytes, found at free". */
void damage_describe(const struct damage_seen *damage, char *out, size_t n);
uint32_t damage_from_name(const char *name);       /* SHM_DAMAGE_NONE when unknown */
uint32_t damage_where_from_name(const char *name); /* 0 when unknown */

#endif
