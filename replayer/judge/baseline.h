/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baseline runs folded into one value that attempts are compared with. Pure.
 */
#ifndef DEARTH_BASELINE_H
#define DEARTH_BASELINE_H

#include "attempt.h"

struct text;

/**
 * Fold runs without a fault: what differs between them is not held against an attempt.
 * Output that differs is compared through a mask (mask.h) when all of it was kept, files
 * by their names and forms of names (expected.h).
 * @runs, @n: at least one; must outlive @out (it points into runs[0])
 * @catalogue: outlives @out; NULL = no harness is known
 * @out: baseline_deinit()
 */
void baseline_fold(const struct observation *runs, uint32_t n,
                   const struct catalogue *catalogue, struct baseline *out);
void baseline_deinit(struct baseline *b);

/**
 * Did an execution print what the baseline prints?
 * @out: what differs is added to its differences
 * Return: 1 yes, 0 no, -1 not comparable.
 */
int baseline_stdout_same(const struct baseline *b, const struct observation *seen,
                         struct judgement *out);

/** Where it is not the same: could it be by being held up? Times and the order of lines do not count. */
bool baseline_stdout_alike(const struct baseline *b, const struct observation *seen);

/** Append in words where attempts are compared with less than all that runs show; nothing when nowhere. */
void baseline_describe_masks(const struct baseline *b, struct text *out);

/** The same for the files it wrote; -1 when not known. */
int baseline_files_same(const struct baseline *b, const struct observation *seen,
                        struct judgement *out);

/** Does it say something on stderr that no baseline run says? */
bool baseline_says_more(const struct baseline *b, const struct observation *seen);

/** Does it say on stdout, in words that no baseline run says, that something went wrong? */
bool baseline_complains(const struct baseline *b, const struct observation *seen);

#endif
