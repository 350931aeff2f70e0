/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps of events: see stamp.c. */
#ifndef DEARTH_PRELOAD_STAMP_H
#define DEARTH_PRELOAD_STAMP_H

#include "local.h"

/* In preload.clock, beside enum shm_clock: no clock may be read, see there. */
#define STAMP_ROUNDS 3u

/** The moment, in the unit of shm_header.clock. */
uint64_t stamp_now_slow(void);

static inline bool stamp_is_by_counter(void) {
    return ARCH_CLOCK != SHM_CLOCK_MONOTONIC_NS &&
           likely(load_relaxed(&preload.clock) == ARCH_CLOCK);
}

static inline uint64_t stamp_now(void) {
    return stamp_is_by_counter() ? arch_counter() : stamp_now_slow();
}

/**
 * The moment, not earlier than the completion of every load before it.
 * A block that another thread freed, or allocated, was obtained by a load; were the stamp taken
 * ahead of it (the processor may), the collector could see the malloc before the free, or the free
 * before the malloc (shm.h, I1). A thread that is alone has its ring's order: where no load passes an
 * earlier one, the count of threads is no older than what it obtained.
 */
static inline uint64_t stamp_after_loads(void) {
    if (ARCH_LOADS_IN_ORDER && likely(load_relaxed(&local->counts.n_rings) <= 1))
        return stamp_now();
    arch_wait_for_loads();
    if (stamp_is_by_counter()) {
        uint64_t now = arch_counter();
        if (stamp_is_by_counter())
            return now; /* else another thread has just left that clock: see stamp.c */
    }
    return stamp_now_slow();
}

/**
 * Stamp events without reading a clock from here on, in this process and those that it forks.
 * Return: whether it did so before. Context: the clock may still be read; re-entry flag held.
 */
bool stamp_leave_clock(void);
/** Take back a stamp_leave_clock() that said true: nothing was forbidden. */
void stamp_return_to_clock(void);
/** Leave the clock if this process was born without. Context: it registers; re-entry flag held. */
void stamp_check_clock(void);
/** ns, by a clock that ticks in milliseconds, for which only memory is read. */
uint64_t stamp_coarse_ns(void);

#endif
