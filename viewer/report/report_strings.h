/* SPDX-License-Identifier: Apache-2.0 */
/* A report's strings, each kept once, so that equal ones have one address. */
#ifndef DEARTH_REPORT_STRINGS_H
#define DEARTH_REPORT_STRINGS_H

#include <stddef.h>

struct report_data;

/* Set of strings, open addressing, a power of two slots; owns them. */
struct report_strings {
    char **slots;
    size_t n, capacity;
};

/** The report's copy of @s, which lives as long as it does; NULL gives NULL. */
const char *report_strings_keep(struct report_data *data, const char *s);
void report_strings_deinit(struct report_strings *strings);

#endif
