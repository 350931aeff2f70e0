/*
 * What the files of a session share.
 *
 *   session.c         its life: made, attached to, reset, grown, read, removed
 *   session_folder.c  where it lies, and the preload library
 *   session_clock.c   its clock
 */
#ifndef DEARTH_SESSION_PRIVATE_H
#define DEARTH_SESSION_PRIVATE_H

#include "session.h"

#define SMALLEST_ARENA (8ull << 20)
#define SESSION_ORPHAN                                                                   \
    "orphan" /* in the folder of a killed recording: made when that was found */

struct session_state {
    uint64_t bytes; /* what the header says too, but a target can scribble on that */
    uint32_t ready;
    uint32_t step;          /* blocks to add next time */
    uint32_t wanted_seen;   /* blocks_wanted when it was last looked at */
    uint64_t start_mono_ns; /* CLOCK_MONOTONIC at start_ticks */
    char *link_path;        /* preload.so in the folder, NULL = none */
};

/** The clock that targets are to read: enum shm_clock. */
uint32_t session_choose_clock(void);
/** Write into @id of @bytes which boot of the machine this is; empty when unknown. */
void session_read_boot_id(char *id, size_t bytes);

/**
 * Make the folder and the arena file in the first place with room; remove what killed ones
 * left there. Return: 0 or -errno after a message.
 */
int session_choose_folder(struct session *session, const struct session_options *options,
                          uint64_t bytes, uint32_t ready);
/** Allocate blocks [from, to) on disk. Return: 0 or -errno, nothing printed. */
int session_allocate(int fd, uint32_t from, uint32_t to);
/** Write the path of the preload library into the arena. Return: 0 or -errno after a message. */
int session_name_library(struct session *session);

#endif
