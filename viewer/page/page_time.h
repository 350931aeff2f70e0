/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a recording's memory was asked for and given back: one walk over its events, folded into bins of time.
 *
 *   0 ──── peak_bins equal bins ────► peak ──── the others, equal too ────► end
 *
 * A boundary lies exactly at the recording's peak: what bins before it add up to is what was live then. Times in
 * chunks are rounded down (common/events/chunk.h), so on which side of it the last events lie is told by what
 * the peak is: the largest sum of their process.
 *
 * Cells hang on rows, a site in a process, or several; a bin in which a row did nothing has none.
 */
#ifndef DEARTH_PAGE_TIME_H
#define DEARTH_PAGE_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define PAGE_TIME_BINS 256u

/* A site in a process, and its row, which it may share with others. The caller makes them, in the order of
 * processes. */
struct page_time_site {
    int64_t process_id, site_id;
    uint32_t row;
};

struct page_time_cell {
    uint32_t next; /* the row's cell of an earlier bin + 1; 0 = none */
    uint32_t bin;
    int64_t live;          /* bytes by which it grew: asked for less given back */
    uint64_t bytes, count; /* asked for; calls, successful or not */
};

struct page_time {
    int64_t recording_id;
    uint64_t peak_ns, peak_bytes; /* a peak behind the last event is taken there */
    struct page_time_site *sites; /* the caller's */
    uint32_t n_sites, n_rows;
    uint64_t n_processes; /* > 1: `high`, `low` are of 64 moments of each bin */
    /* out */
    uint64_t end_ns;
    uint32_t peak_bins;
    uint32_t *heads; /* by row: its newest cell + 1; 0 = none */
    struct page_time_cell *cells;
    uint32_t n_cells;
    int64_t high[PAGE_TIME_BINS], low[PAGE_TIME_BINS]; /* bytes live */
};

/**
 * Fill the part that is marked `out`.
 * Return: 0, or negative errno after a message.
 */
int page_time_load(struct store *store, struct page_time *time);
void page_time_deinit(struct page_time *time); /* frees what is out; twice is safe */

#endif
