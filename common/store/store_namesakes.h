/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules of one name that are not the same: two programs `test` in two folders, two plugins. Findings are named after
 * modules without their folders, so that they have one name on every machine; where that is not enough, folders are
 * added, as few as tell them apart.
 *
 *   /p/base/test, /p/net/test ─► "base", "net"       two builds of one path, a copy: no namesakes
 */
#ifndef DEARTH_STORE_NAMESAKES_H
#define DEARTH_STORE_NAMESAKES_H

#include <stdbool.h>
#include <stddef.h>

/** Stands in the identity of a finding before the folders that tell its modules from their namesakes. */
#define FINDING_WITHIN "|in "

struct store;

struct store_namesake {
    char *name;   /* without folders, and without what follows ".so" */
    char *path;   /* whole */
    char *build;  /* a copy elsewhere has the same, and is not told apart */
    char *folder; /* that tells it apart, such as "base" or "unit/base" */
};

/* Those alone that have any; by name, path. Zero is valid and empty. */
struct store_namesakes {
    struct store_namesake *items;
    size_t n;
};

/** Read them. @out: store_namesakes_deinit(), also after a failure. Return: 0 or negative errno after a message. */
int store_namesakes_load(struct store *store, struct store_namesakes *out);
void store_namesakes_deinit(struct store_namesakes *namesakes); /* twice is safe */

/** Return: what tells @path (NULL: none) apart, NULL = it has no namesake; as long as @namesakes. */
const char *store_namesakes_folder(const struct store_namesakes *namesakes,
                                   const char *path);

/** Does @path, which another machine may have had, end as @mine does, and as none of its namesakes does more? */
bool store_namesakes_is_nearest(const struct store_namesakes *namesakes, const char *mine,
                                const char *path);

/** Are these of one name? */
bool store_namesakes_is_one(const char *path, const char *other);

/** Do the last parts of @path read @folder and then the name? */
bool store_namesakes_is_in(const char *path, const char *folder);

#endif
