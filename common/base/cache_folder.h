/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found out once, kept in the user's folder for the next run: $XDG_CACHE_HOME/dearth, or
 * $HOME/.cache/dearth.
 *
 * A file is written whole beside its place and then put there, so that whoever reads finds one whole version, and
 * of several writers the last one stays. Folder and files are the user's alone, or they are not there. Without a
 * folder, and with DEARTH_SYMBOL_CACHE=off, nothing is kept, and nothing is an error here.
 */
#ifndef DEARTH_CACHE_FOLDER_H
#define DEARTH_CACHE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#define CACHE_FOLDER_HALF  ".half" /* ends the name of a file that is being written */
#define CACHE_FOLDER_DAY_S 86400   /* a file that is used is marked as such so often */

/** Open the folder, made where it is not. Return: a descriptor, to be closed; -1 = there is none. */
int cache_folder_open(void);

/**
 * Read a file of it, which is then marked as used.
 * @least, @most: bytes that it may have
 * Return: its @bytes, owned by the caller; NULL when there is none such.
 */
char *cache_folder_read(int folder, const char *name, size_t least, size_t most,
                        size_t *bytes);

/** Write a file of it. Return: is it there? */
bool cache_folder_write(int folder, const char *name, const void *data, size_t n);

#endif
