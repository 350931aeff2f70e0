/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input of an attempt: see feed.h. Run by the worker, between its waits. */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define FEED_BYTES 65536 /* what a pipe holds */

/* Takes @fd over, also when it fails. */
static int open_pipe(struct feed *feed, int fd, int *target) {
    int ends[2];
    struct stat status;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    if (fstat(ends[0], &status) == 0)
        feed->pipe_ino = status.st_ino;
    feed->from = fd;
    feed->fd = ends[1];
    *target = ends[0];
    return 0;
}

int feed_begin(struct feed *feed, const struct runner_options *options, int *target) {
    *feed = (struct feed){.fd = -1, .from = -1};
    *target = -1;
    if (!options->stdin_path && options->keep_stdio)
        return 0;
    const char *path = options->stdin_path ? options->stdin_path : "/dev/null";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (options->stdin_path)
        lseek(fd, (off_t)options->stdin_offset,
              SEEK_SET); /* a device stays where it is */
    if (!options->stdin_path || !options->stdin_is_pipe) {
        *target = fd;
        return 0;
    }
    return open_pipe(feed, fd, target);
}

int feed_fork(struct feed *feed, const struct feed *from,
              const struct runner_options *options, uint64_t unread, int *target) {
    *feed = (struct feed){.fd = -1, .from = -1};
    *target = -1;
    int fd = open(options->stdin_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (lseek(fd, (off_t)(options->stdin_offset + from->written - unread), SEEK_SET) <
        0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return open_pipe(feed, fd, target);
}

void feed_end(struct feed *feed) {
    if (feed->fd >= 0)
        close(feed->fd);
    if (feed->from >= 0)
        close(feed->from);
    free(feed->buffer);
    feed->fd = feed->from = -1;
    feed->buffer = NULL;
    feed->n = feed->at = 0;
}

void feed_write(struct feed *feed) {
    if (!feed->buffer)
        feed->buffer = text_alloc(FEED_BYTES);
    while (feed->fd >= 0) {
        if (feed->at == feed->n) {
            ssize_t got = read(feed->from, feed->buffer, FEED_BYTES);
            if (got <= 0) {
                feed_end(feed);
                return;
            }
            feed->n = (size_t)got;
            feed->at = 0;
        }
        ssize_t put = write(feed->fd, feed->buffer + feed->at, feed->n - feed->at);
        if (put < 0 && errno == EAGAIN)
            return;
        if (put < 0) { /* EPIPE: nobody reads any more */
            feed_end(feed);
            return;
        }
        feed->at += (size_t)put;
        feed->written += (uint64_t)put;
    }
}
