/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program prints, less what varies from run to run. Pure.
 *
 *   run 1     pid 71 at 12:00:59    a  b        noise (noise.h) is taken out; each line in its
 *   run 2     pid 72 at 12:01:02    a  b   ──►  place, words that vary: pid <digits> at 00:00:00
 *
 *   run 1     a  b  c  71: n=3                  lines that move, come and go: counted, without the
 *   run 2     b  a  c  72: n=3             ──►  numbers that vary (groups.h): a 1, b 1, c 1, "*: n=3" 1
 *
 * The second way is taken when the first does not hold, and a third after it that does not look
 * at any number of a line in which one varies, nor counts such lines; none is trusted before each
 * run (of three or more) is accepted by what the others alone would make. A test harness's
 * lines (the catalogue tells) are compared in any order, apart from the rest, which is not.
 */
#ifndef DEARTH_MASK_H
#define DEARTH_MASK_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

struct catalogue;
struct mask;
struct text;

struct sample {
    const uint8_t *data;
    uint64_t n;
    uint64_t unix_ns; /* when its run began; 0 = unknown */
};

/**
 * Make a mask of what several runs printed.
 * @samples, @n: at least one
 * @catalogue: knows a harness's lines; outlives the mask; NULL = there are none
 * Return: mask_free(); NULL = they are all the same and free of noise, or they have too little in
 * common to compare anything with.
 */
struct mask *mask_new(const struct sample *samples, uint32_t n,
                      const struct catalogue *catalogue);
struct mask *mask_free(struct mask *mask); /* NULL allowed; returns NULL */

/**
 * Could a run without a fault have printed this?
 * @why: the first difference, one phrase, appended when it is not so; may be NULL
 */
bool mask_accepts(const struct mask *mask, struct sample sample, struct text *why);

/**
 * Is a sample what runs printed, but for its times, its decimal numbers and the order of its lines? For a
 * run that nothing was done to but that it was held up.
 */
bool mask_alike(const struct sample *samples, uint32_t n,
                const struct catalogue *catalogue, struct sample sample);

/** Append in words what is not looked at, or in another order; nothing when that is nothing. */
void mask_describe(const struct mask *mask, struct text *out);

/**
 * Does a sample say anything that no run says? Lines that are missing do not count.
 * @samples, @n: what runs without a fault said; 0 allowed
 */
bool mask_says_more(const struct sample *samples, uint32_t n, struct sample sample);

/** The lines that it says more, of those that matter (NULL: all do), each with its '\n'; free their items. */
struct spans mask_more(const struct sample *samples, uint32_t n, struct sample sample,
                       bool (*matters)(struct span line));

#endif
