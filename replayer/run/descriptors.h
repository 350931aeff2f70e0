/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a copy of a process needs so that it shares no open file with its original: a copy made by
 * clone() has the same descriptors, and with them the same offsets, pipes and sockets.
 */
#ifndef DEARTH_DESCRIPTORS_H
#define DEARTH_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "frozen.h"
#include "shm.h"

/* A pipe that the worker itself is at the other end of. */
struct descriptors_own {
    uint64_t ino; /* of the original's pipe; 0 = none */
    int fd;       /* what takes its place in the copy */
};

/* A process of the tree that waits to read from a pipe: nothing is in there. */
struct descriptors_reader {
    pid_t tid;
    uint64_t ino;
    uint64_t read; /* bytes that it has read in all */
};
#define DESCRIPTORS_READERS 4u

struct scratch;

struct descriptors_request {
    pid_t pid;   /* the original, stopped */
    int pidfd;   /* of it */
    int skip[2]; /* descriptors of the protocol */
    bool alone;  /* no other process could hold the other end of a pipe or socket */
    bool quiet;  /* all others of the tree wait, for their children or as readers */
    struct frozen_holders
        holders; /* who of them has a file open; asked when they are quiet */
    const struct scratch *scratch;
    struct frozen *frozen; /* its files without names are added */
    struct descriptors_own own[3];
    const struct descriptors_reader *readers; /* [n_readers] */
    uint32_t n_readers;
    int relay; /* what takes the place of the one pipe to a reader */
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

/** Does the process have @file open, mapped, or as its working folder? */
enum frozen_hold descriptors_hold(pid_t pid, const struct stat *file);

/** Does the process read the contents of @file in all descriptors of that file? */
bool descriptors_read(pid_t pid, const struct frozen_file *file);

/**
 * Make what takes the place of descriptors whose files were made anew, for the original itself.
 * Return: as descriptors_make().
 */
enum shm_refusal descriptors_renew(const struct descriptors_request *request,
                                   struct descriptors *out);

#endif
