/* SPDX-License-Identifier: Apache-2.0 */
/* One line for a finding: what happened, and where. */
#ifndef DEARTH_REPORT_HEADLINE_H
#define DEARTH_REPORT_HEADLINE_H

#include "report_data.h"

/** Append a one-line headline of a finding, "crashed: SIGSEGV in strlen (libc.so.6)". Return: 0, or
 * negative errno after a message. */
int report_headline_add(const struct report_data *data,
                        const struct report_finding *finding, struct text *out);

/** Was its damage found by a look at all blocks, at exit or when a freed one was let go? The stack of its end is that
 * look's then. */
bool report_headline_found_later(const struct report_finding *finding);

/** Index of the innermost frame that is neither libc's way to end a program nor our library's. */
uint32_t report_headline_skip(const struct frames *frames);

#endif
