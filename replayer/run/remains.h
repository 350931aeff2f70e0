/* SPDX-License-Identifier: Apache-2.0 */
/* What a program leaves besides files and memory, as /proc shows it: see remains.c. */
#ifndef DEARTH_REMAINS_H
#define DEARTH_REMAINS_H

#include <sys/types.h>

struct observation;
struct tracer;

/**
 * Who is there after the first process has ended: `end.n_left` and `end.left_exe` of @seen.
 * @parent: its stand-in parent, which is not counted; 0 = none
 */
void remains_processes(const struct tracer *tracer, pid_t parent,
                       struct observation *seen);

#endif
