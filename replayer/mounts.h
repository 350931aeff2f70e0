/* The mount table of this process: what is visible, and what kind of thing it is. */
#ifndef DEARTH_MOUNTS_H
#define DEARTH_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

struct mount {
    int id;
    char *path; /* absolute, unescaped */
    char *type; /* "ext4" */
    bool read_only;
    bool pseudo;         /* no files of anybody: proc, sysfs, cgroups ... and devices */
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
/** Is @path below @folder (and not it)? */
bool mounts_is_below(const char *path, const char *folder);

#endif
