/* SPDX-License-Identifier: Apache-2.0 */
/* The exception that std::terminate() was called for: see thrown.c. */
#ifndef DEARTH_THROWN_H
#define DEARTH_THROWN_H

#include <elfutils/libdwfl.h>
#include <sys/types.h>

struct observation;

/**
 * Fill in `crash.thrown` of @seen.
 * @sp: stack pointer of the thread that calls abort()
 * Context: @pid is stopped, its modules are those of @dwfl. Nothing of it is changed.
 */
void thrown_find(Dwfl *dwfl, pid_t pid, uint64_t sp, struct observation *seen);

#endif
