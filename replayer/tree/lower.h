/* SPDX-License-Identifier: Apache-2.0 */
/* What an overlay's upper layer lies on: one folder of it, or none. */
#ifndef DEARTH_LOWER_H
#define DEARTH_LOWER_H

#include <stdbool.h>
#include <sys/stat.h>

/* Descriptors of a folder, -1 = there is none. */
struct lower {
    int former; /* of a layer over the real one: files as they were before (before.h) */
    int real;
};

/** Is there a file @name? @status: of it, not of what it links to; out. */
bool lower_status(struct lower lower, const char *name, struct stat *status);
/** The layer that lower_status() speaks of: a descriptor of @lower, not a new one; -1 = none. */
int lower_layer(struct lower lower, const char *name);
/** The folder @name in it; lower_close() it. */
struct lower lower_open(struct lower lower, const char *name);
void lower_close(struct lower lower);

/** Does an upper layer's entry say that a file is gone? */
bool lower_is_whiteout(const struct stat *status);
/** Does overlayfs keep @mark ("opaque", "redirect") with a folder? @path: of it, or a link to it in /proc */
bool lower_has_mark(const char *path, const char *mark);

#endif
