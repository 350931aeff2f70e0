/* SPDX-License-Identifier: Apache-2.0 */
/* What a program leaves besides files and memory, as /proc shows it: see remains.c. */
#ifndef DEARTH_REMAINS_H
#define DEARTH_REMAINS_H

#include <stdint.h>
#include <sys/types.h>

struct observation;
struct tracer;

/**
 * Who is there after the first process has ended: `end.n_left` and `end.left_exe` of @seen.
 * @parent: its stand-in parent, which is not counted; 0 = none
 */
void remains_processes(const struct tracer *tracer, pid_t parent,
                       struct observation *seen);

/** A system call of @tid's came back with @value. Context: @tid is stopped. */
void remains_opened(struct tracer *tracer, pid_t tid, uint64_t call, int64_t value);

/** @tid is about to end: what has its process open? Into `open` of the observation. Context: it is stopped. */
void remains_at_exit(struct tracer *tracer, pid_t tid);

/** Free what was seen of openings. */
void remains_forget(struct tracer *tracer);

#endif
