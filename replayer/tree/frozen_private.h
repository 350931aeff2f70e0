/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a frozen view share.
 *
 *   frozen.c          taking: an upper layer, a file of a lower one
 *   frozen_restore.c  putting back
 */
#ifndef DEARTH_FROZEN_PRIVATE_H
#define DEARTH_FROZEN_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "frozen.h"
#include "lower.h"
#include "overlay_private.h"

struct frozen_entry {
    size_t cover;
    char *path;         /* below the cover's folder, "" = that folder */
    struct stat status; /* in its layer */
    struct stat shown;  /* in the view; of files and folders */
    char *data;         /* contents of a file, target of a link */
    size_t n;
    char *
        marks; /* extended attributes that are not overlayfs's own bookkeeping: names and values */
    size_t n_marks;
};

struct frozen_nameless {
    int fd;
    struct stat status;
    char *data;
};

struct frozen {
    struct frozen_entry *entries; /* by cover and path: a folder before what is in it */
    size_t n;
    struct frozen_nameless *nameless;
    size_t n_nameless;
    struct frozen_made *made;
    size_t n_made;
    uint64_t bytes;
};

/** Where the entry is in the view. Return: false when that is too long. */
bool frozen_place(const struct overlay *o, const struct frozen_entry *e, char *out,
                  size_t n);

/** The entry of the lower layers in the place of @of. Return: 1, 0 there is none, or -1 when it cannot be told
 * or put back. @out: frozen_entry_deinit() it */
int frozen_lower(const struct overlay *o, const struct frozen_entry *of,
                 struct frozen_entry *out);
void frozen_entry_deinit(struct frozen_entry *e);

int frozen_compare(const struct frozen_entry *a, const struct frozen_entry *b);

#endif
