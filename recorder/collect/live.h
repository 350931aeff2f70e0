/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks of one process: pairs every free with its allocation and keeps the sums per
 * site. Pure: events in, numbers out; no clock, no file, no shared memory.
 *
 *   struct shm_event (merged over threads, see shm.h I1)
 *        │  live_apply
 *        ├─► blocks   address ─► event number, size, site, thread, time
 *        ├─► stats    per site: counts, bytes, peak, lifetimes ...
 *        ├─► sum      over all processes: live bytes now, their peak and its time
 *        └─► struct chunk_event: one a call, with the reference to the allocation it ends
 *
 * Invariants (live_check() counts them afresh)
 *   sum over sites of live_blocks (live_bytes) = blocks (bytes) in the map and in pending
 *     reallocs = totals.live_blocks (live_bytes)
 *   events = allocations + frees + failed + asked + unknown
 *
 * Of a sample (shm_header.sample_bytes) each call that was seen counts for as many as it stands for, and its
 * block with it until it ends (weight.h): all numbers but `events` and `samples` are estimates, and the last
 * invariant does not hold.
 */
#ifndef DEARTH_LIVE_H
#define DEARTH_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "chunk.h"
#include "shm.h"

struct live;

/* Columns of site_stat; see schemas/store.sql. What most calls touch comes first. */
struct live_stat {
    uint64_t count, failed, failable, outside; /* outside: failable calls in no region */
    uint64_t bytes, min_size,
        max_size; /* sizes of successful calls; of failed ones if all failed */
    uint64_t last_ns;
    uint64_t frees; /* of its blocks, by free() or realloc() */
    uint64_t live_blocks, live_bytes, peak_blocks, peak_bytes;
    uint64_t temporary, lifetime_ns, cross_thread_frees;
    uint64_t first_ns;
    uint64_t never;        /* calls in a never-region */
    uint64_t samples;      /* of a sample: successful calls that were seen, else 0 */
    uint32_t first_thread; /* serial */
};

struct live_totals {
    uint64_t events;      /* calls that were seen */
    uint64_t allocations; /* successful; a realloc is one */
    uint64_t frees;       /* calls of free() */
    uint64_t failed;
    uint64_t asked; /* calls of dearth_should_fail() that said no */
    uint64_t bytes; /* requested by `allocations` */
    uint64_t live_blocks, live_bytes;
    uint64_t unknown,
        unknown_bytes; /* live_end_blocks(): calls that nobody saw, and bytes of their blocks */
    uint64_t inherited; /* frees and reallocs of blocks that were not seen being made */
    uint64_t replaced;  /* blocks allocated at an address that was still live */
};

/* Shared by all processes of a recording. */
struct live_sum {
    uint64_t bytes, peak_bytes, peak_ns;
};

/* One record of a ring, with what the collector knows about it. */
struct live_input {
    const struct shm_event *event;
    uint64_t time_ns; /* since the start of the recording */
    uint32_t thread;  /* serial */
    uint32_t ring;    /* < SHM_MAX_RINGS */
    uint32_t site;    /* index from 1, dense; 0 = unknown or none */
};

/** @sum: outlives it. @sample_bytes: as shm_header's; 0 = every call is seen */
struct live *live_new(struct live_sum *sum, uint64_t sample_bytes);
struct live *live_free(struct live *live); /* NULL allowed */

/**
 * Take the next record.
 * @out: the call, when it is over; its `site` is left 0 for the caller to fill in
 * Return: 1 = @out is filled in, 0 = nothing yet (the first half of a realloc, a thread).
 */
int live_apply(struct live *live, const struct live_input *in, struct chunk_event *out);

/** Records from @records on are taken soon, @n of them: bring near what they need. Of what they say nothing is believed. */
void live_ahead(const struct live *live, const struct shm_event *records, uint32_t n);

/** The process has left its memory (exit, exec): its blocks leave the sum. */
void live_leave(struct live *live);

/**
 * What became of its blocks is not known: nothing was recorded for a while. Each ends at @now_ns, by
 * an event SHM_EV_FREE of SHM_OP_NONE, which is no call of the program and counts as none.
 * @each: is given that event; its `site` is 0. What it returns but 0 ends the matter, and is returned
 * Return: 0, or what @each did.
 */
int live_end_blocks(struct live *live, uint64_t now_ns,
                    int (*each)(void *context, const struct chunk_event *event),
                    void *context);

/** Nothing more comes from the process: halves of reallocs are undone, its blocks leave
 * the sum. */
void live_end(struct live *live);

const struct live_totals *live_totals(const struct live *live);

/** A realloc of ring @ring is under way. @index, @begin_ns: its old block's event, and
 * when it began, out. Return: whether, and of a block that is known. */
bool live_pending(const struct live *live, uint32_t ring, uint64_t *index,
                  uint64_t *begin_ns);

/* --- taking up again what another collector began (recover.c) --- */

/** The sums as they were; the live bytes join the sum over all processes. Blocks and sites
 * come by the two below. */
void live_restore(struct live *live, const struct live_totals *totals);
void live_restore_site(struct live *live, uint32_t site, const struct live_stat *stat);
/** A block that was live. @in: address, size, time, site and thread are used;
 * @index: number of the event that made it; @ring: of the realloc under way that takes it,
 * UINT32_MAX = none; @begin_ns: of that. */
void live_restore_block(struct live *live, const struct live_input *in, uint64_t index,
                        uint32_t ring, uint64_t begin_ns);

/** Sums of site @index (from 1; 0 = unknown site). Return: NULL when never seen. */
const struct live_stat *live_stat(const struct live *live, uint32_t index);

/** Count the invariants afresh. Return: whether they hold. */
bool live_check(const struct live *live);

#endif
