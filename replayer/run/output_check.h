/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --output-check: the user's own comparison of what an attempt printed and wrote, in place
 * of ours. A shell command, run in the attempt's private tree after the attempt, without
 * dearth's library:
 *
 *   standard input           what the attempt printed (up to OUTPUT_CHECK_BYTES)
 *   DEARTH_STDOUT            the same, as a file
 *   DEARTH_BASELINE_STDOUT   what a run without a fault printed, as a file
 *   DEARTH_STDERR            the end of its stderr, as a file
 *   DEARTH_STATUS            its exit status
 *   DEARTH_TREE              the folder it ran in, as the attempt left it; also the
 *                            command's own folder
 *
 * Exit status 0: as usual; 1: it differs; anything else: the command does not work.
 */
#ifndef DEARTH_OUTPUT_CHECK_H
#define DEARTH_OUTPUT_CHECK_H

#include "runner.h"

struct execution;

#define OUTPUT_CHECK_BYTES    (64u << 20)
/* Of a command; more than any comparison takes on a busy machine. */
#define OUTPUT_CHECK_LIMIT_NS 60000000000u

/** Is an attempt that was seen to end like this one to compare by @options' command: the
 * fault fired, its status is the baseline's? */
bool output_check_wants(const struct runner_options *options,
                        const struct observation *seen);

/**
 * Run the command of @x->options when this attempt is one to compare (see above). Sets output_checked and output_check in @seen.
 * Context: the worker, when every process of the attempt is dead and its tree not yet
 * renewed. A command that does not work is said here, once.
 * Return: true when it ran, so that the tree may have been changed.
 */
bool output_check_run(const struct execution *x, struct observation *seen);

#endif
