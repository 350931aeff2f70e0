/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a pipe: see piped.h. */
#include "piped.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "text.h"

static int open_pipe(uint32_t pid) {
    AUTO_FREE char *path = text_format("/proc/%u/fd/0", pid);
    struct statfs fs;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != PIPEFS_MAGIC)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* @size: of the pipe: buffers are copied, not bytes, so that the copy needs as many. Return: @n bytes, or NULL. */
static char *copy(int fd, int size, size_t n) {
    int ends[2];
    size_t at = 0;
    char *data = NULL;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return NULL;
    if ((fcntl(ends[1], F_GETPIPE_SZ) >= size ||
         fcntl(ends[1], F_SETPIPE_SZ, size) >= size) &&
        tee(fd, ends[1], n + 1, SPLICE_F_NONBLOCK) == (ssize_t)n) {
        data = text_alloc(n + 1);
        for (ssize_t k; at < n && (k = read(ends[0], data + at, n - at)) > 0;)
            at += (size_t)k;
        if (at < n) {
            free(data);
            data = NULL;
        }
    }
    close(ends[0]);
    close(ends[1]);
    return data;
}

static enum piped look(int fd, size_t most, char **data, size_t *n) {
    struct pollfd end = {.fd = fd, .events = POLLIN};
    bool whole = poll(&end, 1, 0) >= 0 && (end.revents & POLLHUP);
    int held = 0, size = fcntl(fd, F_GETPIPE_SZ);
    if (size < 0 || ioctl(fd, FIONREAD, &held) < 0 || held < 0 || (size_t)held > most)
        return PIPED_UNKNOWN;
    if (!whole) /* a full one stays so until it is read */
        return held + PIPE_BUF > size ? PIPED_UNKNOWN : PIPED_WRITTEN;
    *data = held ? copy(fd, size, (size_t)held) : text_alloc(1);
    *n = *data ? (size_t)held : 0;
    return *data ? PIPED_WHOLE : PIPED_UNKNOWN;
}

enum piped piped_look(uint32_t pid, size_t most, char **data, size_t *n) {
    *data = NULL;
    *n = 0;
    int fd = open_pipe(pid);
    if (fd < 0)
        return PIPED_UNKNOWN;
    enum piped seen = look(fd, most, data, n);
    close(fd);
    return seen;
}
