/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe on standard input, for two runs.
 *
 *   writer ─► pipe ─► reread_take(): copied, when the pipe has all of it, else read to its end ─► file, for the first run
 *                └──► reread_give_back(): another pipe on descriptor 0 for the second
 *                                 ▲
 *                       a process that writes what was read, and passes on what had not come yet
 */
#ifndef DEARTH_REREAD_H
#define DEARTH_REREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is valid: nothing was taken. */
struct reread {
    uint8_t *data;
    size_t n;
    bool whole; /* to the end */
    bool stays; /* it was copied: descriptor 0 still has it */
    char *path; /* a private file with the same, NULL = none */
};

/** Have standard input twice: by a look into the pipe when it has all that there will be, else read: to its end, until nothing comes for some seconds, or up to a bound.
 * Return: 0 or a negative errno after a message: what was read is in @p all the same. */
int reread_take(struct reread *p);

/** What was read is there again: descriptor 0 becomes a pipe that carries what was taken, and what comes after it.
 * Return: 0 or a negative errno after a message. Context: single-threaded. */
int reread_give_back(const struct reread *p);

/** Free, and remove the file. Twice is safe. */
void reread_deinit(struct reread *p);

#endif
