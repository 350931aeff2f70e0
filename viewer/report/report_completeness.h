/* SPDX-License-Identifier: Apache-2.0 */
/* How far a report can be relied on: losses, and what recording cost. */
#ifndef DEARTH_REPORT_COMPLETENESS_H
#define DEARTH_REPORT_COMPLETENESS_H

#include "report_data.h"

/* Sums over the recordings; what a recording does not know counts 0. */
struct report_completeness {
    uint64_t events_lost, stacks_lost, stacks_truncated, stacks_incomplete;
    uint64_t unwind_fallbacks, waited_ns;
    uint64_t processes, processes_lost, rings_damaged, threads;
    uint64_t own_bytes; /* the largest */
};

struct report_completeness report_completeness(const struct report_data *data);

/** Append "3 processes and 8 threads, 2.0 MiB of shared memory, ..." */
void report_add_recorded(const struct report_data *data, struct text *out);

#endif
