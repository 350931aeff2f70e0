/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of a report's sites, each frame once: sites have most of their callers in common, and written out
 * at each they were four fifths of a report of 100,000 sites.
 *
 *   untested[].stack, sites[].stack ─► stacks[] = [frame, ...] ─► frames[]
 *
 * Numbered in the order in which they are first asked for, which does not depend on the database's ids.
 */
#ifndef DEARTH_REPORT_STACKS_H
#define DEARTH_REPORT_STACKS_H

#include <stdint.h>

#include "frames.h"
#include "idmap.h"

struct report_out;

struct report_stacks {  /* zero is valid */
    struct idmap index; /* row of `stack` -> index in `ids` */
    int64_t *ids;
    size_t n;
    struct idmap first;   /* row of `frame` -> index of its innermost in `frames` */
    struct frame *frames; /* strings are the report's */
    size_t n_frames;
};
void report_stacks_deinit(struct report_stacks *stacks);
#define AUTO_REPORT_STACKS __attribute__((cleanup(report_stacks_deinit)))

/** The index of a stack in the report. @stack_id: row of `stack`, not 0 */
int64_t report_stacks_refer(struct report_stacks *stacks, int64_t stack_id);

/** Write `stacks` and `frames`: all that was referred to. Return: 0 or negative errno after a message. */
int report_stacks_write(struct report_stacks *stacks, struct report_out *out);

#endif
