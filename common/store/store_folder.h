/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of databases: many writers at once, each into a file of its own, read as one.
 *
 *   record, check -o DIR/ ─► DIR/TIME-PID.db, new each time
 *   report, view, stats, sql, replay, ... DIR/ ─► DIR/joined.db: the others merged, as `dearth merge` does
 *
 * joined.db stays, so that numbers of findings and recordings in it stay valid; what is new or has changed
 * in the folder is added to it by the next command.
 */
#ifndef DEARTH_STORE_FOLDER_H
#define DEARTH_STORE_FOLDER_H

#include <stdbool.h>

#define STORE_FOLDER_JOINED "joined.db"

/** Is that a folder, or (by the slash at its end) meant to be one? */
bool store_folder_is(const char *path);

/**
 * A name for a new database in a folder, which is made (0700) when it is not there.
 * @file: free() it
 * Return: 0, or negative errno after a message.
 */
int store_folder_new_file(const char *folder, char **file);

/**
 * Add to the join what is new in the folder.
 * @file: the joined database; free() it
 * Return: 0, or negative errno after a message.
 */
int store_folder_join(const char *folder, char **file);

/** Who joins: the merge lies above this room. */
typedef int store_folder_joiner(const char *folder, char **file);
void store_folder_set_joiner(store_folder_joiner *joiner);

#endif
