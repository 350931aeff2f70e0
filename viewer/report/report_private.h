/* SPDX-License-Identifier: Apache-2.0 */
/* What a report keeps for itself: for those who read it out of the database. */
#ifndef DEARTH_REPORT_PRIVATE_H
#define DEARTH_REPORT_PRIVATE_H

#include "report_data.h"
#include "report_strings.h"

struct report_private {
    struct report_strings strings;
    struct frames_reader *reader;
};

#endif
