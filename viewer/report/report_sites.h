/* SPDX-License-Identifier: Apache-2.0 */
/* Reading sites and what was tried at them: the first half of a report. */
#ifndef DEARTH_REPORT_SITES_H
#define DEARTH_REPORT_SITES_H

#include "report_data.h"

/** Fill @data's locations and sites, in the order of their rows. Return: 0, or negative errno after a
 * message. Context: the chosen recordings are known (report_data.c). */
int report_sites_load(struct report_data *data);

/** Order sites by key, and list those that are not tested by location. Context: they are tallied. */
void report_sites_sort(struct report_data *data);

/** The location of this row. Return: NULL when there is none. */
struct report_location *report_sites_location(struct report_data *data, int64_t id);

#endif
