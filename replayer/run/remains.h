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

struct remains_call {
    uint64_t number;
    const uint64_t *arguments; /* six */
    int64_t value;             /* no error */
};
/** A system call of @tid's came back: has it opened, locked or made something? Context: @tid is stopped. */
void remains_called(struct tracer *tracer, pid_t tid, const struct remains_call *call);

/** @tid is about to end: what does its process hold? Into `open` of the observation. Context: it is stopped. */
void remains_at_exit(struct tracer *tracer, pid_t tid);

/** Free what was seen of openings. */
void remains_forget(struct tracer *tracer);

#endif
