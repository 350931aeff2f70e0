/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing folders: see removal.h.
 *
 *   folder ─► each entry ─► file, link, device: unlinkat()
 *                        └► folder: opened without following links, on the same mount? ─► into it
 *
 * Everything goes by descriptors: a path could lead elsewhere from one call to the next. A bind mount has
 * the device number of the file system that it shows, so that mounts are told apart by their ids. Folders
 * too deep for the descriptors that we have are moved up to the top and met there again.
 */
#include "removal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DEPTH = 32, OPENING = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

struct removal {
    int top; /* descriptor */
    int mount;
    unsigned moved; /* folders to the top */
    int err;        /* the first, negative */
};

static void note(struct removal *r, int err) {
    if (!r->err)
        r->err = err;
}

/* Id of the mount that an open file lies on, or -errno. Source: proc(5), /proc/PID/fdinfo */
static int mount_of(int fd) {
    char path[64], line[128];
    int id = -ENOENT;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(path, "re");
    if (!f)
        return -errno;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "mnt_id: %d", &id) == 1)
            break;
    fclose(f);
    return id;
}

/* Open a folder for reading and removing, made accessible if need be. Return: descriptor or -errno. */
static int open_folder(const struct removal *r, int parent, const char *name) {
    char path[64];
    struct stat st;
    int place = openat(parent, name, OPENING | O_PATH);
    if (place < 0)
        return -errno;
    int err = 0, fd = -1, mount = mount_of(place);
    if (mount < 0 || mount != r->mount)
        err = mount < 0 ? mount : -EXDEV;
    else if (fstat(place, &st) < 0)
        err = -errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    if (!err && (st.st_mode & S_IRWXU) != S_IRWXU) /* made so by the program */
        chmod(path, S_IRWXU);
    if (!err && (fd = open(path, OPENING & ~O_NOFOLLOW)) < 0)
        err = -errno;
    close(place);
    return err ? err : fd;
}

static bool remove_content(struct removal *r, int fd, int depth);

/* Return: whether it is at the top now. */
static bool move_up(struct removal *r, int parent, const char *name) {
    char up[32];
    do
        snprintf(up, sizeof up, ".dearth-deep-%u", r->moved++);
    while (faccessat(r->top, up, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    return renameat(parent, name, r->top, up) == 0;
}

/* Return: whether something was removed. */
static bool remove_entry(struct removal *r, int parent, const char *name, int depth) {
    bool some = false;
    if (unlinkat(parent, name, 0) == 0)
        return true;
    if (errno == EISDIR || errno == EPERM) { /* EPERM: what POSIX says of a folder */
        int fd = open_folder(r, parent, name);
        if (fd < 0) {
            note(r, fd);
            return false;
        }
        if (depth < MOST_DEPTH)
            some = remove_content(r, fd, depth + 1);
        close(fd);
        if (depth < MOST_DEPTH ? unlinkat(parent, name, AT_REMOVEDIR) == 0
                               : move_up(r, parent, name))
            return true;
    }
    if (errno != ENOENT)
        note(r, errno == EBUSY ? -EXDEV : -errno);
    return some;
}

/* Entries of an open folder. Reading on while entries go may pass over some: until nothing more does. */
static bool remove_content(struct removal *r, int fd, int depth) {
    bool any = false, some;
    int copy = openat(fd, ".", OPENING);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        note(r, -errno);
        if (copy >= 0)
            close(copy);
        return false;
    }
    do {
        int before = r->err;
        some = false;
        for (struct dirent *e; (e = readdir(d));)
            if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                some |= remove_entry(r, fd, e->d_name, depth);
        any |= some;
        if (some && r->err == -ENOTEMPTY)
            r->err = before;
        rewinddir(d);
    } while (some);
    closedir(d);
    return any;
}

int removal_empty(int folder) {
    struct removal r = {.mount = mount_of(folder)};
    r.top = r.mount < 0 ? r.mount : open_folder(&r, folder, ".");
    if (r.top < 0)
        return r.top;
    remove_content(&r, r.top, 0);
    close(r.top);
    return r.err;
}

int removal_folder(int parent, const char *name) {
    struct removal r = {.mount = mount_of(parent)};
    r.top = r.mount < 0 ? r.mount : open_folder(&r, parent, name);
    if (r.top < 0)
        return r.top;
    remove_content(&r, r.top, 0);
    close(r.top);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
        note(&r, errno == EBUSY ? -EXDEV : -errno);
    return r.err;
}
