/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that runs without a fault write, less what varies from run to run. Pure.
 *
 *   run 1  /t/out  /t/tmpAb3xQz        /t/out        same bytes every time: compared
 *   run 2  /t/out  /t/tmpK09aaa   ──►  /t/tmp*       one each time, its name varies
 *   run 3  /t/out  /t/tmpzzTq1w
 *
 * Contents that vary are compared through a mask (mask.h) where they were kept whole, else
 * not at all. A folder in which runs leave files with names of no common form is open:
 * more files in it are no difference.
 */
#ifndef DEARTH_EXPECTED_H
#define DEARTH_EXPECTED_H

#include "attempt.h"
#include "mask.h"

struct expected;

/** @runs, @n: at least one; must outlive the result. Return: expected_free(). */
struct expected *expected_new(const struct observation *runs, uint32_t n);
struct expected *
expected_free(struct expected *expected); /* NULL allowed; returns NULL */

/**
 * Compare what an attempt wrote.
 * @out: the first @max differences
 * Return: how many there are.
 */
uint32_t expected_compare(const struct expected *expected,
                          const struct written_file *files, uint32_t n,
                          struct difference *out, uint32_t max);

/** Append in words which files are compared with less than all that runs show. */
void expected_describe_masks(const struct expected *expected, struct text *out);

/** Say how @is differs from @was: truncated, empty, or from which line on. */
void expected_describe(struct sample was, uint64_t was_bytes, struct sample is,
                       uint64_t is_bytes, struct difference *out);

#endif
