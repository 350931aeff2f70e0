/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks of a program that measures itself. */
#ifndef DEARTH_CLOCK_H
#define DEARTH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/** Nanoseconds since some moment before the program; never goes back. */
static inline uint64_t clock_mono_ns(void) {
    return clock_read_ns(CLOCK_MONOTONIC);
}

/** Nanoseconds since 1970, as the system has it. */
static inline uint64_t clock_unix_ns(void) {
    return clock_read_ns(CLOCK_REALTIME);
}

#endif
