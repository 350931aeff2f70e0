/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt printed on one descriptor: a digest of all, the beginning, the end. */
#ifndef DEARTH_CAPTURE_H
#define DEARTH_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "digest.h"

/* Zero is valid; one per descriptor and worker, used again for every attempt. */
struct capture {
    int fd;     /* our end of the pipe, non-blocking; -1 = closed, as is the other */
    int writer; /* the other end, too: that the program closes its own wakes nobody */
    bool kept;  /* both ends wait for the next copy: capture_keep() */
    struct capture_marks {
        int flags, bytes; /* F_GETFL of the writing end; what the pipe holds */
        mode_t mode;
        uid_t uid;
        gid_t gid;
    } made; /* what programs can change of it, as it was made */
    uint64_t total;
    struct digest digest;
    uint8_t *head; /* the first head_n <= head_cap bytes */
    uint64_t head_n, head_cap, head_capacity;
    uint8_t *tail; /* ring of tail_cap bytes */
    uint64_t tail_cap;
};

/**
 * Make a pipe and be ready to read it.
 * @target_fd: the program's end, out; owned by the caller
 * Return: 0 or -errno.
 */
int capture_begin(struct capture *capture, uint64_t head_cap, uint64_t tail_cap,
                  int *target_fd);
/**
 * Go on from what @from has seen so far, with a pipe of our own: for a copy of the program.
 * @from is drained first; it stays as it is.
 * @target_fd: as above. Return: 0 or -errno.
 */
int capture_fork(struct capture *capture, struct capture *from, int *target_fd);
/** Read what there is, but no more than about @limit bytes. */
void capture_read(struct capture *capture, uint64_t limit);
void capture_close(struct capture *capture);
/**
 * The same as capture_close(), but that the pipe is used again by the next capture_fork() into @capture, where it is as it was
 * made. Making and closing pipes is a tenth of what a copy costs its worker.
 * Context: it has been read to its end, and all who had an end of it are gone.
 */
void capture_keep(struct capture *capture);
void capture_deinit(struct capture *capture);

/** The kept tail in order. Return: a malloc()ed copy (NULL when empty), its length in @n.
 */
char *capture_take_tail(const struct capture *capture, uint64_t *n);

#endif
