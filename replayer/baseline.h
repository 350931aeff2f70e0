/*
 * Baseline runs folded into one value that attempts are compared with. Pure.
 */
#ifndef DEARTH_BASELINE_H
#define DEARTH_BASELINE_H

#include "attempt.h"

/**
 * Fold runs without a fault: what differs between them is not held against an attempt.
 * Output that differs is still comparable when every run printed equally many lines and
 * all of it was kept: the lines that differ are masked then.
 * @runs, @n: at least one; must outlive @out (it points into runs[0])
 * @out: baseline_deinit()
 */
void baseline_fold(const struct observation *runs, uint32_t n, struct baseline *out);
void baseline_deinit(struct baseline *b);

/**
 * Did an execution print what the baseline prints?
 * Return: 1 yes, 0 no, -1 not comparable.
 */
int baseline_stdout_same(const struct baseline *b, const struct observation *seen);

/** The same for the files it wrote; -1 when not known or not stable. */
int baseline_files_same(const struct baseline *b, const struct observation *seen);

#endif
