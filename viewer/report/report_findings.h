/* SPDX-License-Identifier: Apache-2.0 */
/* Reading findings: the second half of a report. */
#ifndef DEARTH_REPORT_FINDINGS_H
#define DEARTH_REPORT_FINDINGS_H

#include "report_data.h"

/** Fill @data's findings, the worst first, and count them. Return: 0, or negative errno after a message.
 * Context: its locations are read. */
int report_findings_load(struct report_data *data);
/** Free what they own, and them. */
void report_findings_free(struct report_data *data);

#endif
