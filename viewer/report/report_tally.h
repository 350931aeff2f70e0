/* SPDX-License-Identifier: Apache-2.0 */
/* How much is tested, by sites and by locations. */
#ifndef DEARTH_REPORT_TALLY_H
#define DEARTH_REPORT_TALLY_H

#include "report_data.h"

/** Decide why each site is untested, and count; coverage is report_tally_void()'s. Context: all about the sites is
 * read. */
void report_tally_sites(struct report_data *data);

/** Reckon the coverage of what was counted, which says nothing when @is_void. */
void report_tally_void(struct report_data *data, bool is_void);

#endif
