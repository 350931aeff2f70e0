/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program says itself, by schemas/dearth.h: where failures are wanted, where never.
 *
 *   dearth_begin()       tls.inside + 1, header->marked     dearth_end()       - 1
 *   dearth_never_begin() tls.never + 1                      dearth_never_end() - 1
 *
 * Two counters of the calling thread; hooks look at them. The recording that saw `marked` makes
 * its replays set SHM_MARKED, so that nothing fails before the first dearth_begin() either.
 */
#include "marks.h"
#include "preload.h"
#include "process.h"
#include "thread.h"

EXPORT void dearth_begin(void);
EXPORT void dearth_end(void);
EXPORT void dearth_never_begin(void);
EXPORT void dearth_never_end(void);

static void up(uint16_t *depth) {
    if (*depth < UINT16_MAX)
        ++*depth;
}

static void down(uint16_t *depth) {
    if (*depth)
        --*depth;
}

void dearth_begin(void) {
    uint16_t depth = tls.inside;
    process_start(); /* a constructor may come before ours */
    up(&depth);
    tls.inside = depth;
    if (preload.arena && !load_relaxed(&preload.arena->marked))
        store_relaxed(&preload.arena->marked, 1);
}

void dearth_end(void) {
    uint16_t depth = tls.inside;
    down(&depth);
    tls.inside = depth;
}

void dearth_never_begin(void) {
    uint16_t depth = tls.never;
    up(&depth);
    tls.never = depth;
}

void dearth_never_end(void) {
    uint16_t depth = tls.never;
    down(&depth);
    tls.never = depth;
}
