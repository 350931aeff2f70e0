/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that names come from, held open from when they are first seen: a program that unpacks itself,
 * runs and cleans up, or that is replaced while it runs, has names all the same.
 *
 *   a program starts ─ opens the arena ─ inotify ─► the thread: /proc/PID/exe, the path of each module
 *   afterwards ─ keeper_find(path) ─► descriptors ─ the one of the right build-id ─► symbols.c
 *
 * The target is not touched: nothing in it waits, no file system that it may want to unmount is kept busy,
 * no folder that it wants to remove is kept from it (NFS, FUSE), and what it removes takes an eighth
 * of the free room at most. What could not be held is looked for under its path, as ever.
 */
#ifndef DEARTH_KEEPER_H
#define DEARTH_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

struct keeper;
struct session;

#define KEEPER_MOST 256u /* files that are held; what comes later is not */

/**
 * Begin to hold what @session's processes run, from a thread of its own: between two rounds of the
 * collector a program may have come and gone. @session lives until keeper_stop().
 * @first: program that will be started, held before it is: it may remove itself at once
 * Return: never NULL; where the system does not let it see enough it holds nothing.
 */
struct keeper *keeper_new(const struct session *session, const char *first);

/** Look once more, and hold nothing new from here on: the thread has ended. NULL allowed. */
void keeper_stop(struct keeper *keeper);

/** What is held stays so, until dearth ends: replays after the recording meet the same files. NULL
 * allowed. Return: NULL. */
struct keeper *keeper_free(struct keeper *keeper);

/**
 * What was held of @path, as it was recorded. Context: no keeper is at work.
 * @fds: out, not to be closed; @most of them fit
 * Return: how many; more than one when the file was replaced.
 */
uint32_t keeper_find(const char *path, int *fds, uint32_t most);

#endif
