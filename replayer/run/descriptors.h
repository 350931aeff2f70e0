/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a copy of a process needs so that it shares no open file with its original: a copy made by
 * clone() has the same descriptors, and with them the same offsets, pipes and sockets.
 */
#ifndef DEARTH_DESCRIPTORS_H
#define DEARTH_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm.h"

/* A pipe that the worker itself is at the other end of. */
struct descriptors_own {
    uint64_t ino; /* of the original's pipe; 0 = none */
    int fd;       /* what takes its place in the copy */
};

struct descriptors_request {
    pid_t pid;   /* the original, stopped */
    int pidfd;   /* of it */
    int skip[2]; /* descriptors of the protocol */
    bool alone;  /* no other process could hold the other end of a pipe or socket */
    struct descriptors_own own[3];
};

/* Filled in by descriptors_make(). `owned`: close it when it has been sent. */
struct descriptors {
    struct shm_copy_message message;
    int fd[SHM_COPY_DESCRIPTORS];
    bool owned[SHM_COPY_DESCRIPTORS];
};

/**
 * Make a private twin of every descriptor that needs one.
 * Return: SHM_REFUSED_NOT, or why that is not possible; release with descriptors_deinit() either way.
 */
enum shm_refusal descriptors_make(const struct descriptors_request *request,
                                  struct descriptors *out);
void descriptors_deinit(struct descriptors *descriptors);

#endif
