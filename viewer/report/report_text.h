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

#endif
