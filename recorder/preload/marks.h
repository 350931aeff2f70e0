/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says by dearth.h: see marks.c. */
#ifndef DEARTH_PRELOAD_MARKS_H
#define DEARTH_PRELOAD_MARKS_H

#include "thread.h"

/** Does the program forbid it here, by dearth.h? */
static inline bool marks_forbid(void) {
    return unlikely(tls.never) || (unlikely(preload.flags & SHM_MARKED) && !tls.inside);
}

/** The same for an event: bits of its `aux`. */
static inline uint16_t marks_aux(void) {
    return likely(!tls.marks) ? 0
                              : (uint16_t)((tls.never ? SHM_AUX_NEVER : 0) |
                                           (tls.inside ? SHM_AUX_INSIDE : 0));
}

#endif
