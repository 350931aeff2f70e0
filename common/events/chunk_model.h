/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer and the reader of chunks share: the model that predicts values from what both
 * have seen so far. The rules are told in chunk.h; private to chunk.c and chunk_read.c.
 *
 * Invariant: after event i, the model of the writer and that of the reader are equal.
 */
#ifndef DEARTH_CHUNK_MODEL_H
#define DEARTH_CHUNK_MODEL_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "shm.h"

enum { DICTIONARY, CODES, TIMES, THREADS, SITES, SIZES, BLOCKS, N_COLUMNS };

/* The most bytes one event can need in each column (dictionary: code 12, site 10). */
static const uint8_t most_bytes[N_COLUMNS] = {22, 3, 10, 10, 3, 10, 22};
#define DICTIONARY_EXTRA 16u

#define MAGIC          "DCH1"
#define SHIFT_MAX      10
#define LANES          128u
#define FREE_LISTS     1024u
#define FREE_DEPTH     16u
#define NEAR           8u /* tokens 0..7 */
#define TOKEN_YOUNGER  8u
#define TOKEN_OLDER    9u
#define TOKEN_DISTANCE 10u
#define TOKEN_FAR      11u
#define TOKEN_NONE     12u

/* --- the model --- */

struct live { /* by event index; links are index + 1, 0 = none */
    uint64_t address, size;
    uint32_t younger, older;
    uint32_t thread;
    uint32_t alive;
};

struct free_list {
    uint64_t blocks[FREE_DEPTH];
};

struct model {
    uint32_t capacity;   /* events that the three arrays have room for */
    uint64_t *last_size; /* by site index */
    uint32_t *successor;
    struct live *live;
    uint32_t last_site;
    uint32_t youngest;       /* index + 1 */
    uint32_t younger, older; /* of the one that ended last */
    uint64_t far;            /* what the last TOKEN_FAR named */
    uint64_t far_address;    /* of the last FREE or REALLOC_FAIL that stored one */
    uint64_t expected[LANES];
    struct free_list lists[FREE_LISTS];
    uint8_t tops[FREE_LISTS], held[FREE_LISTS];
};

/* Room for @capacity events, what is there is kept. Return: false when memory is short. */
static inline bool model_reserve(struct model *m, uint32_t capacity) {
    uint64_t *sizes = realloc(m->last_size, capacity * sizeof *sizes);
    if (sizes)
        m->last_size = sizes;
    uint32_t *successors = realloc(m->successor, capacity * sizeof *successors);
    if (successors)
        m->successor = successors;
    struct live *live = realloc(m->live, capacity * sizeof *live);
    if (live)
        m->live = live;
    if (!sizes || !successors || !live)
        return false;
    uint32_t more = capacity - m->capacity;
    memset(sizes + m->capacity, 0, more * sizeof *sizes);
    memset(successors + m->capacity, 0, more * sizeof *successors);
    m->capacity = capacity;
    return true;
}

static inline void model_deinit(struct model *m) {
    free(m->last_size);
    free(m->successor);
    free(m->live);
}

static inline void model_reset(struct model *m, uint32_t n_events) {
    memset(m->last_size, 0, n_events * sizeof *m->last_size);
    memset(m->successor, 0, n_events * sizeof *m->successor);
    memset(m->expected, 0, sizeof m->expected);
    memset(m->held, 0, sizeof m->held);
    m->last_site = m->youngest = m->younger = m->older = 0;
    m->far = m->far_address = 0;
}

static inline void live_add(struct model *m, uint32_t i, const struct chunk_event *e) {
    m->live[i] = (struct live){.address = e->address,
                               .size = e->size,
                               .older = m->youngest,
                               .thread = e->thread,
                               .alive = 1};
    if (m->youngest)
        m->live[m->youngest - 1].younger = i + 1;
    m->youngest = i + 1;
}

static inline void live_remove(struct model *m, uint32_t i) {
    struct live *l = &m->live[i];
    if (l->younger)
        m->live[l->younger - 1].older = l->older;
    else
        m->youngest = l->older;
    if (l->older)
        m->live[l->older - 1].younger = l->younger;
    l->alive = 0;
    m->younger = l->younger;
    m->older = l->older;
}

/* The n-th youngest. Return: index + 1, 0 when there are fewer. */
static inline uint32_t live_nth(const struct model *m, uint32_t n) {
    uint32_t at = m->youngest;
    while (at && n--)
        at = m->live[at - 1].older;
    return at;
}

static inline uint32_t list_of(uint64_t size, uint32_t thread) {
    return ((uint32_t)((size + 23) / 16) * 0x9e3779b1u + thread * 0x85ebca6bu) >> 22;
}

static inline void list_push(struct model *m, const struct live *l) {
    uint32_t i = list_of(l->size, l->thread);
    m->tops[i] = (uint8_t)((m->tops[i] + 1) % FREE_DEPTH);
    m->lists[i].blocks[m->tops[i]] = l->address;
    if (m->held[i] < FREE_DEPTH)
        m->held[i]++;
}

static inline bool list_top(const struct model *m, uint32_t i, uint64_t *address) {
    *address = m->lists[i].blocks[m->tops[i]];
    return m->held[i] > 0;
}

static inline void list_pop(struct model *m, uint32_t i) {
    m->tops[i] = (uint8_t)((m->tops[i] + FREE_DEPTH - 1) % FREE_DEPTH);
    m->held[i]--;
}

static inline uint64_t *lane_of(struct model *m, const struct chunk_event *e) {
    if (e->kind == SHM_EV_FREE || e->kind == SHM_EV_REALLOC_FAIL)
        return &m->far_address;
    return &m->expected[2 * (e->thread % 64) + (e->size >= 128u * 1024)];
}

static inline uint64_t block_end(uint64_t address, uint64_t size) {
    uint64_t n = (size + 8 + 15) & ~15ull;
    return address + (n < 32 ? 32 : n);
}

/* --- what kinds carry --- */

static inline bool has_site(uint8_t kind) {
    return kind != SHM_EV_FREE;
}

static inline bool has_block(uint8_t kind) {
    return kind != SHM_EV_FAIL && kind != SHM_EV_INJECTED && kind != SHM_EV_ASKED;
}

static inline bool known_kind(uint8_t kind) {
    return kind == SHM_EV_ALLOC || kind == SHM_EV_FAIL || kind == SHM_EV_INJECTED ||
           kind == SHM_EV_FREE || kind == SHM_EV_REALLOC_END ||
           kind == SHM_EV_REALLOC_FAIL || kind == SHM_EV_ASKED;
}

/* What an event does to the blocks once its reference and address are known.
 * @old: index + 1 of the allocation of this chunk that it refers to by tokens 0..10 */
static inline void model_apply(struct model *m, uint32_t i, const struct chunk_event *e,
                               uint32_t old) {
    if (old && e->kind != SHM_EV_REALLOC_FAIL) {
        const struct live *l = &m->live[old - 1];
        if (e->kind == SHM_EV_FREE || l->address != e->address)
            list_push(m, l);
        live_remove(m, old - 1);
    }
    if (e->kind != SHM_EV_FREE && e->kind != SHM_EV_REALLOC_FAIL) {
        *lane_of(m, e) = block_end(e->address, e->size);
        live_add(m, i, e);
    } else if (!old) {
        m->far_address = e->address;
    }
}

#endif
