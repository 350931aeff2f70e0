/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of the user's code that a site stands for.
 *
 *   malloc ◄ operator new ◄ std::vector::push_back (inlined) ◄ parse() main.cc:12 ◄ main
 *            allocator      library                            ▲ location
 *
 * Pure: frames in, a choice out. Which frames are allocators, wrappers and runtime libraries is the
 * catalogue's to say.
 */
#ifndef DEARTH_LOCATION_H
#define DEARTH_LOCATION_H

#include <stdint.h>

#include "catalogue.h"
#include "frames.h"
#include "key.h"

/* How a frame is taken. The location is the innermost of the highest kind there is. */
enum location_kind {
    LOCATION_ALLOCATOR, /* an allocator or a wrapper of one: never asked to answer for it
                         */
    LOCATION_LIBRARY,   /* libc, the loader, a language's own library: only if all else is
                           such, as while a program starts */
    LOCATION_USER,
};

/** Take one frame by the catalogue. */
enum location_kind location_kind(const struct catalogue *catalogue,
                                 const struct frame *frame);

/**
 * Choose among the frames of a stack: the innermost user's frame; without one the
 * innermost library frame; without that the outermost frame. In a stripped module, where
 * a wrapper has no name to be known by, a nameless frame counts as one if it is called by
 * a known allocator, or (up to two in a row) if it is very short and called from the same
 * module.
 * @kinds: one location_kind() per frame, innermost first
 * Return: an index; 0 when @n is 0.
 */
uint32_t location_pick(const struct frame *frames, const enum location_kind *kinds,
                       uint32_t n);

/** Append what makes two sites one location: "file:line (function)", else
 * "module!function+0x1d", else "module+0x12ab". */
void location_add_name(const struct frame *frame, struct text *out);

/**
 * Chain a frame's name onto the portable key of its callers. Outermost frame first;
 * starts from location_portable_start(). Offsets do not count; where the function is
 * unknown its module stands in (up to ".so").
 */
struct dearth_key location_portable_add(struct dearth_key callers,
                                        const struct frame *frame);
struct dearth_key location_portable_start(const char *op);
/** Finish: @ordinal tells sites of equal names apart, 0 = first. */
struct dearth_key location_portable_end(struct dearth_key chain, uint32_t ordinal);

/** Hash of what locations depend on: those made by other rules are made again. */
struct dearth_key location_rules_key(const struct catalogue *catalogue);

#endif
