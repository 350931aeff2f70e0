/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt wrote: one entry for each file that its private tree shows and the tree
 * it started from did not.
 *
 *   path          mode     size  digest   kept (the first bytes)
 *   /tmp/out      0100644    20  ...      "first line\nsecond..."
 *   /tmp/victim   0           -  -        -                        gone
 */
#ifndef DEARTH_WRITTEN_H
#define DEARTH_WRITTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"
#include "lower.h"

/* Of each file; more is known by its digest alone. */
#define WRITTEN_KEPT_BYTES 65536u
/* Of all files of one run: what a worker hands over stays small. */
#define WRITTEN_KEPT_ALL   (1u << 20)

/* Zero is valid and empty. */
struct written {
    struct written_file *files;
    uint32_t n;
    uint64_t kept_bytes;
};

/**
 * Add what lies below the folder @path of an overlay's upper layer: what is there only
 * because the layer needs it (folders that were there before with the same mode, files
 * opened for writing and left as they were, links made again) is left out.
 * @shown: how the program calls the folder
 */
void written_add_layer(struct written *written, const char *path, const char *shown,
                       struct lower lower);
/** Add one file, link, folder or device. @existed: it was there before */
void written_add(struct written *written, const char *path, const char *shown,
                 bool existed);
/** Add a file that is gone. */
void written_add_gone(struct written *written, const char *shown);

/** Order by path, as comparisons want it. */
void written_sort(struct written_file *files, uint32_t n);

/** One digest over all of it, in the order of the list; all zero when it is empty. */
void written_digest(const struct written_file *files, uint32_t n, uint8_t out[static 16]);

#endif
