/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program that has not begun will read from the pipe on its standard input, without taking it: tee(2).
 *
 *   writers ─► pipe ─► the program: waits at its start
 *                └─ /proc/PID/fd/0, tee() ─► our pipe ─► read()
 *
 * Invariant: what is kept is all that there will be: nobody can write any more (POLLHUP), and as many bytes were
 * copied as the pipe holds (FIONREAD). The pipe, its size and its offsets stay as they are; for the time of a look it has
 * one reader more.
 */
#ifndef DEARTH_PIPED_H
#define DEARTH_PIPED_H

#include <stddef.h>
#include <stdint.h>

enum piped {
    PIPED_WHOLE,   /* all of it is in @data */
    PIPED_WRITTEN, /* somebody may write more: look again */
    PIPED_UNKNOWN /* it will not be known: its writers wait until it is read, it is larger than @most, or it has a name */
};

/**
 * Look at descriptor 0 of @pid, a pipe that it has for reading alone, as a stream.
 * @most: bytes that are wanted
 * @data, @n: of PIPED_WHOLE: what is in it, owned by the caller; else NULL, 0
 * Source: tee(2), pipe(7); a FIFO opened by its name has POLLHUP only after a writer has come since (fs/pipe.c)
 * Context: any thread; never waits.
 */
enum piped piped_look(uint32_t pid, size_t most, char **data, size_t *n);

#endif
