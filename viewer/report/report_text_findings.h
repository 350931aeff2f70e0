/* SPDX-License-Identifier: Apache-2.0 */
/* What broke, for people. */
#ifndef DEARTH_REPORT_TEXT_FINDINGS_H
#define DEARTH_REPORT_TEXT_FINDINGS_H

#include "report_text.h"

/** Append the findings, grouped. Return: 0, or negative errno after a message. */
int report_text_findings(const struct report_data *data,
                         const struct report_text_options *options, struct text *out);

/** Append one, whole. Return: as above. */
int report_text_finding(const struct report_data *data,
                        const struct report_finding *finding,
                        const struct report_text_options *options, struct text *out);

#endif
