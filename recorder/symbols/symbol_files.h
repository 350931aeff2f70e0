/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files the names of a module come from, or would if they were there. As long as all of them are
 * what they were, looking the names up again gives the same.
 *
 *   the module itself; .build-id/xx/yyyy.debug; its .gnu_debuglink beside it, in .debug/ and below
 *   /usr/lib/debug; the file that libdwfl took; the one that it shares with others (dwz)
 */
#ifndef DEARTH_SYMBOL_FILES_H
#define DEARTH_SYMBOL_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "file_mark.h"

struct symbol_file {
    char *path;
    struct file_mark mark;
};

struct symbol_files { /* zero is valid and empty */
    struct symbol_file *items;
    uint32_t n;
};
#define SYMBOL_FILES_MAX 64u

void symbol_files_deinit(struct symbol_files *files); /* twice is safe */

/** Add @path as it is now, once; with more than SYMBOL_FILES_MAX nothing is added. */
void symbol_files_add(struct symbol_files *files, const char *path);

/** Add what libdwfl may find debug information of @path in; @link: its .gnu_debuglink, NULL = none. */
void symbol_files_add_places(struct symbol_files *files, const char *path,
                             const char *link);

/** Add the debug file of a build-id, as distributions install it. */
void symbol_files_add_build_id(struct symbol_files *files, const uint8_t *id,
                               uint32_t bytes);

/** Return: is @file what it was when it was added? */
bool symbol_files_same(const struct symbol_file *file);

/** Is one of them file_mark_fresh()? */
bool symbol_files_fresh(const struct symbol_files *files);

#endif
