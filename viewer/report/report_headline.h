/* SPDX-License-Identifier: Apache-2.0 */
/* One line for a finding: what happened, and where. */
#ifndef DEARTH_REPORT_HEADLINE_H
#define DEARTH_REPORT_HEADLINE_H

#include "report_data.h"

/** Append a one-line headline of a finding, "crashed: SIGSEGV in strlen (libc.so.6)". Return: 0, or
 * negative errno after a message. */
int report_headline_add(const struct report_data *data,
                        const struct report_finding *finding, struct text *out);

/** Index of the innermost frame that is neither libc's way to end a program nor our library's. */
uint32_t report_headline_skip(const struct frames *frames);

#endif
