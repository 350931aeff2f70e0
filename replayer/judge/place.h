/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places as people count them: one function is one place, whichever line of it, and whichever variant of
 * it the processor got. Pure.
 */
#ifndef DEARTH_PLACE_H
#define DEARTH_PLACE_H

#include "frames.h"

/**
 * Append a frame's function: as attribution_place() but for the parameters of its last part alone, and
 * without what tells variants of one function apart: "libc!strcmp" for __strcmp_evex and __strcmp_avx2,
 * "prog!parse" for parse.part.0 and parse.cold. Without a name its offset.
 */
void place_add(const struct frame *frame, struct text *out);

#endif
