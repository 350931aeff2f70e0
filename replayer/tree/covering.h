/* SPDX-License-Identifier: Apache-2.0 */
/* Which covers an overlay's view consists of: each is mounted as it is found. */
#ifndef DEARTH_COVERING_H
#define DEARTH_COVERING_H

#include <stdbool.h>

#include "overlay_private.h"

/** Cover @path and everything below it. @made: its mount point is to be made.
 * Return: 0 or a negative errno, without a message. */
int covering_tree(struct overlay *o, const char *path, bool made);

/** An overlay gives a socket file another inode, which no service listens on: the sockets of
 * running services are bound through. Source: unix(7), net/unix/af_unix.c (unix_find_bsd). */
void covering_sockets(struct overlay *o);

/**
 * An overlay opens a file for reading before it is executed: a program that may be executed alone is
 * bound through, read-only.
 * @programs: paths, NULL-terminated; NULL = none. Source: fs/overlayfs/file.c (ovl_open_realfile).
 */
void covering_programs(struct overlay *o, char *const *programs);

/** Return: a new cover, not mounted yet, the last of the view's; NULL: nothing is there, errno says
 * why. */
struct cover *covering_add(struct overlay *o, enum cover_kind kind, const char *path,
                           bool made);

#endif
