/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a session share.
 *
 *   session.c         its life: made, attached to, reset, grown, read, removed
 *   session_folder.c  where it lies, and the preload library
 *   session_clock.c   its clock
 *   session_damage.c  what targets may have written over
 */
#ifndef DEARTH_SESSION_PRIVATE_H
#define DEARTH_SESSION_PRIVATE_H

#include "session.h"

#define SMALLEST_ARENA (8ull << 20)
#define SESSION_ORPHAN                                                                   \
    "orphan" /* in the folder of a killed recording: made when that was found */

struct session_state {
    uint64_t bytes;      /* what the header says too, but a target can scribble on that */
    uint64_t file_bytes; /* of the arena file: behind `bytes` lie proofs (shm_proof) */
    bool has_proofs;
    uint32_t ready;
    uint32_t next_seen, processes_seen; /* blocks_next and n_processes never go back */
    uint32_t detached;                  /* as we have set it */
    uint32_t damaged;                   /* how often something was found written over */
    uint32_t damaged_seen; /* shm_header.damaged when it was last looked at */
    uint32_t damaged_kept; /* `damaged` at the last reset */
    int directory_fd;
    bool unlinked; /* the file has no name any more */
    struct mapping *mapping;
    uint32_t step;          /* blocks to add next time */
    uint32_t added;         /* the last time, or at first */
    uint32_t wanted_seen;   /* blocks_wanted when it was last looked at */
    uint64_t start_mono_ns; /* CLOCK_MONOTONIC at start_ticks */
    char *link_path;        /* preload.so in the folder, NULL = none */
    char *library_path;     /* what it points to */
    struct shm_header own;  /* what dearth alone writes of it: see session_damage.c */
};

/** Take what the arena says now for what dearth wants it to say. */
void session_keep(struct session *session);
/** Put that back. Return: whether something else was there. */
bool session_restore(struct session *session);
/** Survive accesses to an arena that was cut off. */
void session_watch_file(struct session *session);
void session_unwatch_file(struct session *session);
/** Make the file anew if somebody has removed it. Return: 0, 1 = was made, -EIO. */
int session_rebuild(struct session *session);
/** Are the blocks from @from on zero, at a sample? */
bool session_fresh_is_clean(const struct session *session, uint32_t from);
void session_draw_nonce(struct session *session);
void session_forget_proofs(struct session *session);

/** The clock that targets are to read: enum shm_clock. */
uint32_t session_choose_clock(void);
/** Write into @id of @bytes which boot of the machine this is; empty when unknown. */
void session_read_boot_id(char *id, size_t bytes);

/**
 * Make the folder and the arena file in the first place with room; remove what killed ones
 * left there. Return: 0 or -errno after a message.
 */
int session_choose_folder(struct session *session, const struct session_options *options,
                          uint32_t ready);
/** Allocate blocks [from, to) on disk. Return: 0 or -errno, nothing printed. */
int session_allocate(int fd, uint32_t from, uint32_t to);
/** Allocate the first @ready blocks, and that of proofs. Return: likewise. */
int session_allocate_all(const struct session_state *state, int fd, uint32_t ready);
/** Write the path of the preload library into the arena. Return: 0 or -errno after a message. */
int session_name_library(struct session *session);

#endif
