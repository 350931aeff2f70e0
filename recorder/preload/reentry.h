/* SPDX-License-Identifier: Apache-2.0 */
/* The re-entry flag: see reentry.c. */
#ifndef DEARTH_PRELOAD_REENTRY_H
#define DEARTH_PRELOAD_REENTRY_H

#include "thread.h"

enum reentry {
    REENTRY_NONE = 0,
    REENTRY_OURS, /* in our code: a hook entered now is a signal handler's; count it lost */
    REENTRY_REAL,    /* in the real function: its own inner calls are no events */
    REENTRY_PRIVATE, /* in dlopen() or libunwind for us: serve memory from boot.c */
};

/** Set the flag; the compiler may not move code of ours across (a signal would see it). */
static inline void reentry_set(enum reentry flag) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(volatile uint32_t *)&tls.reentry = flag;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** Take the flag for the hook whose frame is @frame. A handler that runs between the
 * stores leaves its own frame there, hence the second one. */
static inline void reentry_take(void *frame) {
    *(void *volatile *)&tls.reentry_frame = frame;
    reentry_set(REENTRY_OURS);
    *(void *volatile *)&tls.reentry_frame = frame;
}

/** Is the stack that held the flag gone (a signal handler jumped out)? Then reset it. */
bool reentry_is_stale(void *frame);

#endif
