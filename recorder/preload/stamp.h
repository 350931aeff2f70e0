/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps of events: see stamp.c. */
#ifndef DEARTH_PRELOAD_STAMP_H
#define DEARTH_PRELOAD_STAMP_H

#include "local.h"

/* In preload.clock, beside enum shm_clock: no clock may be read, see there. */
#define STAMP_ROUNDS 3u

/** The processor's counter, where enum shm_clock has one. */
static inline uint64_t stamp_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    return 0;
#endif
}

/** The moment, in the unit of shm_header.clock. */
uint64_t stamp_now_slow(void);
static inline uint64_t stamp_now(void) {
#if defined(__x86_64__)
    if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_TSC))
        return stamp_counter();
#elif defined(__aarch64__)
    if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_CNTVCT))
        return stamp_counter();
#endif
    return stamp_now_slow();
}

/**
 * The moment, not earlier than the completion of every load before it.
 * A block that another thread freed, or allocated, was obtained by a load; were the stamp taken
 * ahead of it (the processor may), the collector could see the malloc before the free, or the free
 * before the malloc (shm.h, I1). A thread that is alone has its ring's order.
 */
static inline uint64_t stamp_after_loads(void) {
#if defined(__x86_64__)
    if (unlikely(load_relaxed(&local->counts.n_rings) > 1)) {
        __builtin_ia32_lfence(); /* no load passes an earlier one here: the count is no older */
        if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_TSC)) {
            uint64_t now = stamp_counter();
            if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_TSC))
                return now; /* else another thread has just left that clock: see stamp.c */
        }
        return stamp_now_slow();
    }
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
    return stamp_now();
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
