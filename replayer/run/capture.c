/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a target's output: see capture.h. Run by the worker, between its waits. */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* .flags < 0: it cannot be looked at. Source: fcntl(2), fchmod(2). */
static struct capture_marks read_marks(int writer) {
    struct stat status;
    struct capture_marks marks = {.flags = -1};
    if (fstat(writer, &status) == 0)
        marks = (struct capture_marks){.flags = fcntl(writer, F_GETFL),
                                       .bytes = fcntl(writer, F_GETPIPE_SZ),
                                       .mode = status.st_mode,
                                       .uid = status.st_uid,
                                       .gid = status.st_gid};
    return marks;
}

static int make_pipe(struct capture *c, int *target_fd) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    c->fd = ends[0];
    c->writer = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    c->made = read_marks(ends[1]);
    *target_fd = ends[1];
    return 0;
}

/* Return: as make_pipe(). */
static int take_kept(struct capture *c, int *target_fd) {
    *target_fd = fcntl(c->writer, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    c->kept = *target_fd < 0;
    if (!c->kept)
        return 0;
    capture_close(c);
    return make_pipe(c, target_fd);
}

int capture_begin(struct capture *c, uint64_t head_cap, uint64_t tail_cap,
                  int *target_fd) {
    int err = c->kept ? take_kept(c, target_fd) : make_pipe(c, target_fd);
    if (err)
        return err;
    if (c->tail_cap < tail_cap)
        c->tail = text_realloc(c->tail, tail_cap);
    c->total = c->head_n = 0;
    c->head_cap = head_cap;
    c->tail_cap = tail_cap;
    memset(c->digest.block, 0, 16);
    c->digest.n = c->digest.total = 0;
    return 0;
}

static void keep_head(struct capture *c, const uint8_t *data, size_t n) {
    if (!n || c->head_n == c->head_cap) /* nothing was read yet: @data is NULL */
        return;
    if (n > c->head_cap - c->head_n)
        n = c->head_cap - c->head_n;
    if (c->head_n + n > c->head_capacity) {
        c->head_capacity = (c->head_n + n) * 2;
        c->head = text_realloc(c->head, c->head_capacity);
    }
    memcpy(c->head + c->head_n, data, n);
    c->head_n += n;
}

int capture_fork(struct capture *c, struct capture *from, int *target_fd) {
    capture_read(from, UINT64_MAX);
    int err = capture_begin(c, from->head_cap, from->tail_cap, target_fd);
    if (err)
        return err;
    c->total = from->total;
    memcpy(c->digest.block, from->digest.block, 16 + from->digest.n);
    c->digest.n = from->digest.n;
    c->digest.total = from->digest.total;
    if (from->tail_cap)
        memcpy(c->tail, from->tail, from->tail_cap);
    keep_head(c, from->head, from->head_n);
    return 0;
}

static void keep_tail(struct capture *c, const uint8_t *data, size_t n) {
    if (!c->tail_cap)
        return;
    uint64_t at = c->total;
    if (n > c->tail_cap) {
        at += n - c->tail_cap;
        data += n - c->tail_cap;
        n = c->tail_cap;
    }
    for (size_t i = 0; i < n; i++)
        c->tail[(at + i) % c->tail_cap] = data[i];
}

void capture_read(struct capture *c, uint64_t limit) {
    static uint8_t buffer[65536]; /* what a pipe holds */
    uint64_t before = c->total;
    while (c->fd >= 0 && c->total - before < limit) {
        ssize_t n = read(c->fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            capture_close(c);
            return;
        }
        digest_add(&c->digest, buffer, (size_t)n);
        keep_head(c, buffer, (size_t)n);
        keep_tail(c, buffer, (size_t)n);
        c->total += (uint64_t)n;
    }
}

void capture_close(struct capture *c) {
    if (c->fd >= 0 && c->writer >= 0)
        close(c->writer);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = c->writer = -1;
    c->kept = false;
}

void capture_keep(struct capture *c) {
    struct capture_marks now = read_marks(c->writer);
    c->kept = c->fd >= 0 && now.flags >= 0 && memcmp(&now, &c->made, sizeof now) == 0;
    if (!c->kept)
        capture_close(c);
}

void capture_deinit(struct capture *c) {
    capture_close(c);
    free(c->head);
    free(c->tail);
    *c = (struct capture){.fd = -1, .writer = -1};
}

char *capture_take_tail(const struct capture *c, uint64_t *n) {
    *n = c->total < c->tail_cap ? c->total : c->tail_cap;
    if (*n == 0)
        return NULL;
    char *copy = text_alloc(*n + 1);
    for (uint64_t i = 0; i < *n; i++)
        copy[i] = (char)c->tail[(c->total - *n + i) % c->tail_cap];
    return copy;
}
