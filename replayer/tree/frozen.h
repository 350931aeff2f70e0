/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a view's upper layers hold at a moment, and making them hold it again: so that a copy of a running
 * program may write where its original will go on.
 */
#ifndef DEARTH_FROZEN_H
#define DEARTH_FROZEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct frozen;
struct overlay;

/* Who has a file that is gone would go on with that one, and not with the one that takes its place. */
enum frozen_hold {
    FROZEN_FREE, /* nobody has it */
    FROZEN_OPEN, /* by descriptors, which will be made to lead to the new one: frozen_made() */
    FROZEN_HELD, /* mapped, a working folder, somebody else's */
};
struct frozen_file {
    const struct frozen *frozen;
    uint64_t ino;
    const char *data;
    size_t n;
};
struct frozen_holders {
    void *context;
    /* @file: as the view shows it */
    enum frozen_hold (*hold)(void *context, const struct stat *file);
    /* Does everybody who has lower file @file open still read in it what it holds? */
    bool (*reads)(void *context, const struct frozen_file *file);
};

/* A file that was made anew while the old one was open. */
struct frozen_made {
    struct stat old; /* as the view showed it */
    int fd;          /* O_PATH of the new one */
};

/**
 * Note all of it, contents too.
 * Return: NULL when it could not be put back: too much of it, or something else than files, folders and
 * links. Context: nobody writes to the view, until frozen_restore() has come back.
 */
struct frozen *frozen_take(const struct overlay *o);
struct frozen *frozen_free(struct frozen *f);

/** And a file without a name. @fd: open for reading and writing; closed by frozen_free(). Return: as frozen_take(). */
bool frozen_add_nameless(struct frozen *f, int fd);

/**
 * Make the view hold what it held: in place, so that open descriptors lead to the same contents. Files
 * that were removed are made anew, under other inode numbers. Not put back: when files were last read, when
 * their status changed, the order of a folder's entries.
 * Return: whether that was done, and seen by reading all of it again.
 */
bool frozen_restore(const struct overlay *o, struct frozen *f,
                    const struct frozen_holders *holders);

/** Was there nothing to note? */
bool frozen_is_empty(const struct frozen *f);
/** Is it one of the files noted? @file: as the view shows it */
bool frozen_has(const struct frozen *f, const struct stat *file);

/** Contents of an open file of @n bytes, owned; NULL when it has others. */
char *frozen_contents(int fd, size_t n);

/** After that: files that were made anew and are open. @out: theirs, as long as @f. Return: how many. */
size_t frozen_made(const struct frozen *f, const struct frozen_made **out);

#endif
