/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of places that are the same across builds: exactly, for identities, and as people count them, for
 * whom one function is one place, whichever line of it, and whichever variant of it the processor got. Pure.
 */
#ifndef DEARTH_PLACE_H
#define DEARTH_PLACE_H

#include <stdbool.h>

#include "frames.h"

/** Append "module!function" (basename without version digits, function without its arguments), else "module+0x12ab". */
void place_add_exact(const struct frame *frame, struct text *out);

/**
 * Append a frame's function: as place_add_exact() but for the parameters of its last part alone, and
 * without what tells variants of one function apart: "libc!strcmp" for __strcmp_evex and __strcmp_avx2,
 * "prog!parse" for parse.part.0 and parse.cold. Without a name its offset.
 */
void place_add(const struct frame *frame, struct text *out);

/**
 * Is it the function to blame of a finding's place ("crashed|SIGSEGV|prog!parse|libc!strcmp")?
 * @place: NULL = of none
 */
bool place_is(const char *place, const struct frame *frame);

#endif
