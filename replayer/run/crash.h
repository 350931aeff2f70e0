/* SPDX-License-Identifier: Apache-2.0 */
/* Look into a stopped thread: registers, unwinding, module and function of each frame. */
#ifndef DEARTH_CRASH_H
#define DEARTH_CRASH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct observation;

/**
 * Store the stack of @tid in @seen->crash_frames, its process in crash_pid and crash_exe;
 * what was there before is freed. Context: @tid is in a ptrace stop and traced by the
 * caller. Nothing of the target is changed. Return: number of frames, 0 when nothing
 * could be read.
 */
unsigned crash_capture(pid_t tid, struct observation *seen);

/**
 * From here on, until it is called with false, what crashes is a copy of one stopped process: files that it has mapped are
 * no others while that is there, and are looked at once, until crash_files_written().
 */
void crash_pin_files(bool pinned);
/** There is another original, or a copy has written files: look at those of modules at the next crash. */
void crash_files_written(void);

/** Where @tid stands, alone. Return: whether it could be read. Context: as above. */
bool crash_pc(pid_t tid, uint64_t *pc);

#endif
