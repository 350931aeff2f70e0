/* SPDX-License-Identifier: Apache-2.0 */
/* Between report_data.c (reading) and report_words.c (phrases); nobody else's. */
#ifndef DEARTH_REPORT_PRIVATE_H
#define DEARTH_REPORT_PRIVATE_H

#include "report_data.h"

/* Set of strings, open addressing, a power of two slots; owns them. */
struct report_strings {
    char **slots;
    size_t n, capacity;
};

struct report_private {
    struct report_strings strings;
    struct frames_reader *reader;
};

/** The report's copy of @s; NULL gives NULL. */
const char *report_keep(struct report_data *data, const char *s);

#endif
