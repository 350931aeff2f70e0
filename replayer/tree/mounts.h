/* SPDX-License-Identifier: Apache-2.0 */
/* The mount table of this process: what is visible, and what kind of thing it is. */
#ifndef DEARTH_MOUNTS_H
#define DEARTH_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

struct mount {
    int id;
    char *path;      /* absolute, unescaped */
    char *root;      /* the folder of the file system that is mounted there, unescaped */
    char device[24]; /* of the file system, "8:1" */
    char *type;      /* "ext4" */
    bool read_only;
    bool pseudo;         /* no files of anybody: proc, sysfs, cgroups ... */
    bool devices;        /* the folder of device nodes */
    unsigned long flags; /* MS_NOSUID | MS_NODEV | MS_NOEXEC as mounted */
};

struct mounts {
    struct mount *all; /* sorted by path: a mount comes after the one it lies on */
    size_t n;
};

/** Read /proc/self/mountinfo; mounts hidden by others are left out. Return: 0 or -errno.
 */
int mounts_read(struct mounts *out);
void mounts_deinit(struct mounts *mounts);

/** The mount at exactly @path, NULL. */
const struct mount *mounts_at(const struct mounts *mounts, const char *path);
/** The mount that @path lies in. */
const struct mount *mounts_of(const struct mounts *mounts, const char *path);
/**
 * Another way to the same folder, through another mount of the same file system.
 * @path: the folder; @m: the other mount
 * Return: that way, owned by the caller; NULL when @m has none, or is the mount that @path is in.
 */
char *mounts_other_way(const struct mounts *mounts, const struct mount *m,
                       const char *path);
/**
 * Let nobody (@read_only), or somebody again, write through the mount at @place; with @recursive
 * through those in it too. Return: 0, or a negative errno: -ENOSYS before Linux 5.12.
 */
int mounts_set_read_only(const char *place, bool read_only, bool recursive);
/** Is @path below @folder (and not it)? */
bool mounts_is_below(const char *path, const char *folder);

#endif
