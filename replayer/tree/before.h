/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as they were before something ran: what a run changes, noted before it does so for good.
 *
 *   a run in a private tree ─► what it wrote ── before_take() ──► struct before
 *       (written.h)            the real files as they still are ─┘      │
 *   another private tree, later  ◄──────────── before_put() ────────────┘
 *
 *   path         mode     content
 *   /tmp/made    0        -                 nothing of that name was there
 *   /tmp/log     0100644  "line 1\n"        it was changed, or removed
 *   /tmp/link    0120777  "where/to"
 *
 * All of it or nothing: a tree of which one part is from before and another from after is one that
 * no run ever met.
 */
#ifndef DEARTH_BEFORE_H
#define DEARTH_BEFORE_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"

#define BEFORE_MAX_BYTES (64ull << 20) /* of contents, in memory and in the database */
#define BEFORE_MAX_FILES 20000u

struct before_file {
    char *path;    /* absolute, no link in it but perhaps the last */
    uint32_t mode; /* st_mode; 0 = nothing of that name */
    uint32_t uid, gid;
    int64_t modified_ns; /* since the epoch */
    uint8_t *data;       /* of a file; of a link, where it leads; owned, NULL = none */
    uint64_t n;
};

/* Zero is valid: nothing was changed. */
struct before {
    struct before_file *files; /* by path: a folder comes before what is in it */
    uint32_t n;
    uint64_t bytes; /* of contents */
};

void before_deinit(struct before *before);

/** Add a row. Return: it; its path is a copy. Context: by path. */
struct before_file *before_add(struct before *before, const char *path);

/**
 * Note the real files that @files name, as they are now.
 * @files: what a run in a private tree wrote, by path
 * @why: why not, a part of a sentence, out when it fails; owned by the caller
 * Return: 0; -EFBIG past the limits above, another negative errno when one cannot be read: @before is
 * empty then. No message.
 */
int before_take(struct before *before, const struct written_file *files, uint32_t n,
                char **why);

/**
 * Make a private tree so: what is there now is removed, what was there is made again.
 * @root: descriptor of the tree
 * @below: the folder that it stands for, "/" = all; what is not below it is left out
 * @failed: the first path that could not be made so, out; "" = none. The others are.
 * Return: how many were, and lie below @below. Context: the tree is nobody's but ours.
 */
uint32_t before_put(const struct before *before, int root, const char *below,
                    char *failed, size_t failed_n);

#endif
