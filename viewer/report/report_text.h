/* SPDX-License-Identifier: Apache-2.0 */
/* A report for people, on a terminal or in a CI log. Pure: the same values give the same
 * text. */
#ifndef DEARTH_REPORT_TEXT_H
#define DEARTH_REPORT_TEXT_H

#include "report_data.h"

struct report_text_options {
    uint32_t max_frames;   /* of each stack; 0 = all */
    uint32_t max_findings; /* groups of bugs and warnings shown in full; 0 = all */
    uint32_t max_members;  /* listed of each group; 0 = all */
    uint32_t max_untested; /* locations listed; 0 = all */
};

/**
 * Append the report.
 * Names and the program's stderr are escaped as text.h says, so that they cannot send sequences to
 * the reader's terminal nor forge lines. Return: 0, or negative errno
 * after a message (a stack could not be read).
 */
int report_text(const struct report_data *data, const struct report_text_options *options,
                struct text *out);

/** Append a one-line headline of a finding, "crashed: SIGSEGV in strlen (libc.so.6)". */
int report_add_headline(const struct report_data *data,
                        const struct report_finding *finding, struct text *out);

/** Sum up what a finding's attempt leaked. */
void report_count_leaks(const struct report_finding *finding, int64_t *blocks,
                        int64_t *bytes);

/** Append "malloc in f (f.c:3)"; of a pair "malloc in g, after the failure of malloc in f". */
void report_add_failed(const struct report_finding *finding, struct text *out);

/** Append "1 bug, 2 warnings"; "nothing" when there is no finding. */
void report_add_severities(const struct report_data *data, struct text *out);

#endif
