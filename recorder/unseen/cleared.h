/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that have no allocator in them, remembered from run to run: most programs use the same libraries.
 *
 *   $XDG_CACHE_HOME/dearth/cleared      head ─ keys of files as they were (file_mark.h), the oldest first
 *
 * Only that there is nothing is remembered: what has something is looked at each time. Nothing in the file is
 * believed: its sum is right, it is of this dearth, and it is the user's alone; else all is looked at.
 */
#ifndef DEARTH_CLEARED_H
#define DEARTH_CLEARED_H

#include <stdbool.h>

struct cleared;

/** Open what is remembered. Return: never NULL, perhaps empty; cleared_free(). */
struct cleared *cleared_new(void);

/** Keep what was added, and free it all. Return: NULL. */
struct cleared *cleared_free(struct cleared *cleared);

/** Is the file @path, as it is now, known to have no allocator? */
bool cleared_has(struct cleared *cleared, const char *path);

/** The file that was asked for last has none, if it still is as it was then. */
void cleared_add(struct cleared *cleared, const char *path);

#endif
