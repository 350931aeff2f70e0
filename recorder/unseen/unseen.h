/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which allocators did a recorded program have that the library does not see?
 *
 *   struct shm_bindings ─ who served whose malloc() ──────────┐
 *     └─ files that were loaded ─► allocators in them ────────┤─► not recorded, or only partly
 *   database ─ stacks that went through an allocator ─────────┘
 *
 * allocator.c  entry functions of allocators in a file      allocator_reach.c  do they come to malloc()?
 * cleared.c    files that have none, from run to run
 */
#ifndef DEARTH_UNSEEN_H
#define DEARTH_UNSEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct store;

/* An allocator that a module used past the library. */
struct unseen {
    const char *kind; /* of the note: unseen_name(), "pooled_allocator" or "own_memory" */
    char *module;     /* path of the module whose calls are missing */
    char *text;       /* a sentence for people */
    bool partly;      /* it has its memory from malloc(): that much is recorded */
    bool only_said;   /* nothing that the C library's functions gave is missing */
};
struct unseen_list {
    struct unseen *items;
    size_t n;
};

/**
 * Find them, once everything of the recording is in the database.
 * @session: its shared memory, still mapped
 * @out: owned by the caller; unseen_deinit()
 * Return: 0 or negative errno after a message.
 */
int unseen_find(struct store *store, int64_t recording_id, const struct session *session,
                struct unseen_list *out);
void unseen_deinit(struct unseen_list *list);

#endif
