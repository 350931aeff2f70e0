/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading single events: chunks of a recording are chosen by what the caller looks for,
 * decoded one at a time, and handed out as events or as allocations that know when they
 * were freed.
 *
 *   event_chunk rows ──choose──► decode ──► events[]            (event_reader_chunk)
 *        (times, sizes, process)    │
 *                                   └──► pending: number → allocation not yet freed
 *                                             └──► struct allocation (event_reader_next)
 *
 * An allocation whose end is wanted is handed out when its end is met, at the latest
 * after the last chunk of its process, so that memory grows with the blocks that live at
 * one time and not with the recording. Order is therefore by end then, else by time.
 *
 * Prints nothing and never ends the program: it also runs inside other people's SQLite
 * (allocation_table.c). Messages are left in `message`.
 */
#ifndef DEARTH_EVENT_READER_H
#define DEARTH_EVENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"

struct sqlite3;

/* A set of ids; n = 0 with `any` false is the empty set. Sorted by event_reader_new(). */
struct event_ids {
    int64_t *items;
    size_t n;
    bool given; /* false = every id */
};

struct event_filter {
    int64_t recording_id, process_id, chunk_id; /* 0 = any */
    struct event_ids threads, sites;            /* row ids of thread, site */
    struct event_ids not_chunks;                /* chunks left out (damaged ones) */
    uint32_t ops;                               /* bit (1 << enum shm_op); 0 = any */
    uint64_t min_ns, max_ns;                    /* inclusive; when the call was made */
    uint64_t min_size, max_size;                /* inclusive */
    uint64_t min_number, max_number; /* inclusive; of the event within its process */
    bool allocations_only;           /* frees are left out of events */
    bool ends;                       /* tell when allocations ended */
    bool ahead;        /* for event_reader_chunk() alone: decode in threads of our own */
    bool no_addresses; /* with `ahead`: address is 0 everywhere, which is faster */
};
#define EVENT_FILTER_ALL                                                                 \
    { .max_ns = UINT64_MAX, .max_size = UINT64_MAX, .max_number = UINT64_MAX }

/* One allocating call. */
struct allocation {
    struct chunk_event event;
    uint64_t number; /* of the event within its process */
    int64_t recording_id, process_id, chunk_id;
    int64_t thread_id; /* row of `thread`; 0 = not known */
    uint64_t ended_ns; /* if `ended` */
    int64_t ended_by;  /* row of `thread` */
    bool ended;        /* freed, or moved by realloc */
    bool moved;        /* by realloc */
};

struct event_reader;

/**
 * Choose the chunks.
 * @db: a database with dearth's tables
 * @filter: copied; its arrays are taken over and freed with the reader, also on failure
 * @message: out, on failure: malloc()ed sentence for the user
 * Return: 0, or -ENOMEM, -EIO.
 */
int event_reader_new(struct sqlite3 *db, const struct event_filter *filter,
                     struct event_reader **out, char **message);
struct event_reader *event_reader_free(struct event_reader *reader);

/**
 * The next event that passes the filter; frees too unless allocations_only. With `ends`:
 * only allocations.
 * @out: `ended` is told with `ends` alone
 * Return: 1, 0 after the last, -EBADMSG for a damaged chunk (the message names it and how
 * to leave it out), -ENOMEM, -EIO.
 */
int event_reader_next(struct event_reader *reader, struct allocation *out);

/**
 * The next chosen chunk, whole: no filter on its events.
 * @events, @n, @first: the decoded events; valid until the next call
 * @chunk: recording_id, process_id, chunk_id are set
 * Return: as event_reader_next().
 */
int event_reader_chunk(struct event_reader *reader, const struct chunk_event **events,
                       uint32_t *n, uint64_t *first, struct allocation *chunk);

/** Row of `thread` for @serial in the process of the current chunk; 0 = not known. */
int64_t event_reader_thread(const struct event_reader *reader, uint32_t serial);

/** Last failure in words; owned by the reader. */
const char *event_reader_message(const struct event_reader *reader);
/** Chunks decoded so far: what a constraint saved can be seen (and tested). */
uint64_t event_reader_decoded(const struct event_reader *reader);

/** Names of enum shm_event_kind: "alloc", "fail", "injected", "free", "realloc",
 * "realloc_fail". */
const char *event_kind_name(uint8_t kind);
/** Asks for memory (all kinds but FREE). */
bool event_allocates(uint8_t kind);

#endif
