/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt reads on its standard input: the same bytes as the recorded run. */
#ifndef DEARTH_FEED_H
#define DEARTH_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "runner.h"

struct feed {
    int fd;   /* our end of a pipe, non-blocking; -1 = there is none, or it is done */
    int from; /* what is written to it */
    char *buffer;
    size_t n, at;
    uint64_t written;  /* to the pipe */
    uint64_t pipe_ino; /* inode of the pipe, 0 = there was none */
};

/**
 * Open what @options say.
 * @target: what becomes descriptor 0 of the program, owned by the caller; -1 = ours
 * Return: 0 or -errno, no message.
 */
int feed_begin(struct feed *feed, const struct runner_options *options, int *target);
/**
 * The same for a copy of the program that has read all but @unread bytes of what @from wrote.
 * Return: 0 or -errno. Context: from->pipe_ino is not 0.
 */
int feed_fork(struct feed *feed, const struct feed *from,
              const struct runner_options *options, uint64_t unread, int *target);
/** Write what the pipe takes; closes it at the end, or when nobody reads any more. */
void feed_write(struct feed *feed);
/** Close everything; twice is safe. */
void feed_end(struct feed *feed);

#endif
