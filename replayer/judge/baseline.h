/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baseline runs folded into one value that attempts are compared with. Pure.
 */
#ifndef DEARTH_BASELINE_H
#define DEARTH_BASELINE_H

#include "attempt.h"

/**
 * Fold runs without a fault: what differs between them is not held against an attempt.
 * Output that differs is compared through a mask (mask.h) when all of it was kept, files
 * by their names and forms of names (expected.h).
 * @runs, @n: at least one; must outlive @out (it points into runs[0])
 * @out: baseline_deinit()
 */
void baseline_fold(const struct observation *runs, uint32_t n, struct baseline *out);
void baseline_deinit(struct baseline *b);

/**
 * Did an execution print what the baseline prints?
 * @out: what differs is added to its differences
 * Return: 1 yes, 0 no, -1 not comparable.
 */
int baseline_stdout_same(const struct baseline *b, const struct observation *seen,
                         struct judgement *out);

/** The same for the files it wrote; -1 when not known. */
int baseline_files_same(const struct baseline *b, const struct observation *seen,
                        struct judgement *out);

/** Does it say something on stderr that no baseline run says? */
bool baseline_says_more(const struct baseline *b, const struct observation *seen);

#endif
