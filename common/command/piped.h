/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe on standard input, for two runs.
 *
 *   writer ─► pipe ─► piped_take(): read to its end ─► file, for the first run
 *                └──► piped_give_back(): another pipe on descriptor 0 for the second
 *                                 ▲
 *                       a process that writes what was read, and passes on what had not come yet
 */
#ifndef DEARTH_PIPED_H
#define DEARTH_PIPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is valid: nothing was taken. */
struct piped {
    uint8_t *data;
    size_t n;
    bool whole; /* to the end */
    char *path; /* a private file with the same, NULL = none */
};

/** Read standard input: to its end, until nothing comes for some seconds, or up to a bound.
 * Return: 0 or a negative errno after a message: what was read is in @p all the same. */
int piped_take(struct piped *p);

/** Descriptor 0 becomes a pipe that carries what was taken, and what comes after it.
 * Return: 0 or a negative errno after a message. Context: single-threaded. */
int piped_give_back(const struct piped *p);

/** Free, and remove the file. Twice is safe. */
void piped_deinit(struct piped *p);

#endif
