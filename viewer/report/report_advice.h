/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding comes from, as far as it shows, and what mends that. */
#ifndef DEARTH_REPORT_ADVICE_H
#define DEARTH_REPORT_ADVICE_H

#include "report_data.h"

/** Append the reason, one sentence without an end. Return: whether there was anything to say. */
bool report_advice_add_reason(const struct report_finding *finding, struct text *out);
/** The same of what to do. */
bool report_advice_add_help(const struct report_finding *finding, struct text *out);

/** Did it end at a pointer that is NULL or close to it? */
bool report_advice_is_near_null(const struct report_finding *finding);

#endif
