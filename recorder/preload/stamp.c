/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock where the processor's counter may not be read: after PR_SET_TSC(PR_TSC_SIGSEGV), and in
 * seccomp's strict mode, which forbids it too. The vDSO's clocks read it as well, and a system call may
 * be what the program has forbidden itself. What is left is memory: the moment at which the collector's
 * last round began, and a count.
 *
 *   counter, or the kernel's clock
 *        │  stamp_leave_clock(), before the program is forbidden
 *        ▼
 *   STAMP_TURNING   the same clock, but no stamp without raising `newest` to it
 *        │  `newest` is above every stamp that was given out without
 *        ▼
 *   STAMP_ROUNDS    newest = max(newest, round_ticks) + 1
 *
 * For the whole process, though only threads are forbidden: one clock orders the calls of all of them.
 *
 * Invariant (shm.h, I1): a stamp is above every stamp whose event the caller can know of, and above the
 * beginning of every round that began before. So the round that meets a block's next allocation has met
 * its free, and it comes first. As times, stamps are late by as much as rounds are apart.
 *
 * Who runs it: any thread, any signal handler; nothing waits.
 */
#include <sys/prctl.h>

#include "arena.h"
#include "preload.h"
#include "process.h"
#include "stamp.h"
#include "sys.h"

#define STAMP_TURNING 4u
/* A counter read by a thread that is ahead of its own second look at preload.clock: some 100 ns. */
#define AHEAD         500u

static uint32_t before; /* enum shm_clock, of STAMP_TURNING */
static uint64_t newest; /* stamp given out by this process */
static uint64_t
    counted; /* ns: stands in for a clock where not even the coarse one is memory */

/* A stamp above all others, and not below @at_least. */
static uint64_t raise_to(uint64_t at_least) {
    for (;;) {
        uint64_t old = load_relaxed(&newest);
        uint64_t stamp = (at_least > old ? at_least : old) + 1;
        if (cas(&newest, old, stamp))
            return stamp;
    }
}

static uint64_t kernel_ns(void) {
    struct timespec t;
    if (!process_clock(CLOCK_MONOTONIC, &t))
        return arena_now_ns();
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t read_clock(uint32_t clock) {
    return clock == SHM_CLOCK_MONOTONIC_NS ? kernel_ns() : arch_counter();
}

uint64_t stamp_now_slow(void) {
    uint32_t clock = load_acquire(&preload.clock);
    if (clock <= SHM_CLOCK_CNTVCT) {
        uint64_t now = read_clock(clock);
        if (likely(load_acquire(&preload.clock) == clock))
            return now;
        clock = load_acquire(&preload.clock); /* another thread is leaving it */
    }
    if (clock == STAMP_TURNING)
        return raise_to(read_clock(before));
    return raise_to(load_acquire(&preload.arena->round_ticks));
}

bool stamp_leave_clock(void) {
    uint32_t clock = load_acquire(&preload.clock);
    if (clock > SHM_CLOCK_CNTVCT)
        return false;
    store_relaxed(&before, clock);
    if (!cas(&preload.clock, clock, STAMP_TURNING))
        return false;
    raise_to(read_clock(clock) + AHEAD);
    store_release(&preload.clock, STAMP_ROUNDS);
    return true;
}

void stamp_return_to_clock(void) {
    store_release(&preload.clock, before);
}

/* Processes that were born with it: a thread, or an instruction, of whoever started them forbade it. */
void stamp_check_clock(void) {
    int mode = 0;
    if (sys_is_sandboxed || load_relaxed(&preload.clock) > SHM_CLOCK_CNTVCT ||
        sys_call(SYS_prctl, PR_GET_TSC, (long)&mode, 0, 0, 0, 0) < 0 ||
        mode != PR_TSC_SIGSEGV)
        return;
    store_relaxed(&before, load_relaxed(&preload.clock));
    store_release(&preload.clock, STAMP_ROUNDS);
}

uint64_t stamp_coarse_ns(void) {
    struct timespec t;
    const uint64_t a_sleep = 500000;
    if (!process_clock(CLOCK_MONOTONIC_COARSE, &t))
        return add_relaxed(&counted, a_sleep);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
