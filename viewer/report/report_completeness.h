/* SPDX-License-Identifier: Apache-2.0 */
/* How far a report can be relied on: losses, what recording cost, and notes. */
#ifndef DEARTH_REPORT_COMPLETENESS_H
#define DEARTH_REPORT_COMPLETENESS_H

#include "report_data.h"

struct report_completeness {
#define COMPLETENESS(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

/** Over all recordings. */
struct report_completeness report_completeness(const struct report_data *data);

/** Read notes, modules without unwind information, where stacks ended, refused snapshots. Return: 0, or negative
 * errno after a message. */
int report_completeness_load(struct report_data *data);
/** Add the notes that only a report can know. Context: all else is read. */
void report_completeness_derive(struct report_data *data);

/** Append "3 processes and 8 threads, 2.0 MiB of shared memory, ..." */
void report_completeness_add_recorded(const struct report_data *data, struct text *out);

/**
 * Many programs give the same note: is note @i the first that says so?
 * @others: how many more do
 */
bool report_completeness_first(const struct report_data *data, size_t i, size_t *others);

#endif
