/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program prints, less what varies from run to run. Pure.
 *
 *   run 1     pid 71 at 12:00:59    a  b        each line in its place, words that vary
 *   run 2     pid 72 at 12:01:02    a  b   ──►  masked:  pid <digits> at <digits>:...
 *
 *   run 1     a  b  c  t=1                      lines that move, come and go: counted,
 *   run 2     b  a  c  t=2  t=3            ──►  a 1, b 1, c 1, "t=0" at least 1
 *
 * The second way is taken when the first does not hold, and a third after it that does not
 * count lines with numbers at all; none is trusted before each run (of three or more) is
 * accepted by what the others alone would make.
 */
#ifndef DEARTH_MASK_H
#define DEARTH_MASK_H

#include <stdbool.h>
#include <stdint.h>

struct mask;
struct text;

struct sample {
    const uint8_t *data;
    uint64_t n;
};

/**
 * Make a mask of what several runs printed.
 * @samples, @n: at least one; their data must outlive the mask
 * Return: mask_free(); NULL = they have too little in common to compare anything with.
 */
struct mask *mask_new(const struct sample *samples, uint32_t n);
struct mask *mask_free(struct mask *mask); /* NULL allowed; returns NULL */

/**
 * Could a run without a fault have printed this?
 * @why: the first difference, one phrase, appended when it is not so; may be NULL
 */
bool mask_accepts(const struct mask *mask, struct sample sample, struct text *why);

/**
 * Does a sample say anything that no run says? Lines that are missing do not count.
 * @samples, @n: what runs without a fault said; 0 allowed
 */
bool mask_says_more(const struct sample *samples, uint32_t n, struct sample sample);

#endif
