/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where no overlay can be had, the working directory is copied once per worker; after an
 * attempt every entry's inode number, size, mode and change time are compared with those
 * noted at the time of copying (nothing can set a change time), and the copy is made anew
 * when one differs.
 */
#include "copytree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"
#include "written.h"

struct copytree_entry {
    char *name; /* below the folder */
    struct stat status;
};

/* Copies themselves are left out too: the folder may be the one that they are made in. */
static int no_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
           strncmp(entry->d_name, COPYTREE_PREFIX, sizeof COPYTREE_PREFIX - 1) != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int copy_contents(int from, int to) {
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    AUTO_FREE char *buffer = NULL;
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
        if (n == 0)
            return 0;
        if (n < 0)
            break;
    }
    buffer =
        text_alloc(1 << 16); /* file systems that cannot: by hand from where it stands */
    for (ssize_t n; (n = read(from, buffer, 1 << 16)) != 0;) {
        if (n < 0 || write(to, buffer, (size_t)n) != n)
            return n < 0 ? -errno : -ENOSPC;
    }
    return 0;
}

static int copy_file(const char *from, const char *to, mode_t mode) {
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return errno == EACCES ? 0 : -errno; /* the program could not read it either */
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode | 0200);
    int err = out < 0 ? -errno : copy_contents(in, out);
    if (out >= 0)
        close(out);
    close(in);
    return err;
}

static int copy_link(const char *from, const char *to) {
    char target[PATH_MAX];
    ssize_t n = readlink(from, target, sizeof target - 1);
    if (n < 0)
        return -errno;
    target[n] = 0;
    return symlink(target, to) < 0 ? -errno : 0;
}

static void copy_attributes(const char *to, const struct stat *status) {
    const struct timespec times[2] = {status->st_atim, status->st_mtim};
    if (lchown(to, status->st_uid, status->st_gid) < 0)
        errno = 0; /* not ours to give away */
    if (!S_ISLNK(status->st_mode))
        chmod(to, status->st_mode & 07777);
    utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_folder(struct copytree *tree, const char *from, const char *to);

static int copy_entry(struct copytree *tree, const char *from, const char *to) {
    struct stat status;
    if (lstat(from, &status) < 0)
        return -errno;
    int err = 0;
    if (S_ISREG(status.st_mode)) {
        tree->bytes += (uint64_t)status.st_size;
        if (tree->bytes > COPYTREE_MAX_BYTES)
            return -EFBIG;
        err = copy_file(from, to, status.st_mode & 07777);
    } else if (S_ISDIR(status.st_mode)) {
        if (mkdir(to, 0700) < 0)
            return -errno;
        err = copy_folder(tree, from, to);
    } else if (S_ISLNK(status.st_mode)) {
        err = copy_link(from, to);
    } else if (S_ISFIFO(status.st_mode)) {
        err = mkfifo(to, 0600) < 0 ? -errno : 0;
    } else {
        return 0;
    }
    if (!err)
        copy_attributes(to, &status);
    return err;
}

static int copy_folder(struct copytree *tree, const char *from, const char *to) {
    struct dirent **names;
    int err = 0, n = scandir(from, &names, no_dots, by_bytes);
    if (n < 0)
        return errno == EACCES ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        AUTO_FREE char *a = text_format("%s/%s", from, names[i]->d_name);
        AUTO_FREE char *b = text_format("%s/%s", to, names[i]->d_name);
        if (!err)
            err = ++tree->n > COPYTREE_MAX_FILES ? -EFBIG : copy_entry(tree, a, b);
        free(names[i]);
    }
    free(names);
    return err;
}

/* --- what it looks like --- */

static void note_folder(struct copytree *tree, const char *path, size_t root_n) {
    struct dirent **names;
    int n = scandir(path, &names, no_dots, by_bytes);
    for (int i = 0; i < n; i++) {
        AUTO_FREE char *child = text_format("%s/%s", path, names[i]->d_name);
        struct copytree_entry entry = {0};
        free(names[i]);
        if (lstat(child, &entry.status) < 0)
            continue;
        tree->entries = text_grow(tree->entries, tree->n, sizeof *tree->entries);
        entry.name = text_dup(child + root_n + 1);
        tree->entries[tree->n++] = entry;
        if (S_ISDIR(entry.status.st_mode))
            note_folder(tree, child, root_n);
    }
    if (n >= 0)
        free(names);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct copytree_entry *)a)->name,
                  ((const struct copytree_entry *)b)->name);
}

static void note(struct copytree *tree, const char *path) {
    note_folder(tree, path, strlen(path));
    if (tree->n)
        qsort(tree->entries, tree->n, sizeof *tree->entries, by_name);
}

void copytree_note(struct copytree *tree, const char *to) {
    copytree_deinit(tree);
    note(tree, to);
}

int copytree_make(struct copytree *tree, const char *from, const char *to) {
    copytree_deinit(tree);
    int err = copy_folder(tree, from, to);
    tree->n = 0;
    if (!err)
        note(tree, to);
    return err;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
           a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Folders change with their entries: they say something only by their mode. */
static bool is_same_folder(const struct stat *a, const struct stat *b) {
    return S_ISDIR(a->st_mode) && a->st_mode == b->st_mode;
}

bool copytree_changed(const struct copytree *tree, const char *to, const char *shown,
                      struct written *written) {
    struct copytree now = {0};
    bool changed = false;
    note(&now, to);
    for (uint32_t i = 0, j = 0; i < tree->n || j < now.n;) {
        const struct copytree_entry *was = i < tree->n ? &tree->entries[i] : NULL;
        const struct copytree_entry *is = j < now.n ? &now.entries[j] : NULL;
        int order = !was ? 1 : !is ? -1 : strcmp(was->name, is->name);
        i += order <= 0;
        j += order >= 0;
        if (order == 0 && is_same(&was->status, &is->status))
            continue;
        changed = true;
        AUTO_FREE char *name =
            text_format("%s/%s", shown, order < 0 ? was->name : is->name);
        AUTO_FREE char *path = text_format("%s/%s", to, order < 0 ? was->name : is->name);
        if (order < 0)
            written_add_gone(written, name);
        else if (order > 0 || !is_same_folder(&was->status, &is->status))
            written_add(written, path, name, order == 0);
    }
    copytree_deinit(&now);
    return changed;
}

void copytree_deinit(struct copytree *tree) {
    for (uint32_t i = 0; i < tree->n; i++)
        free(tree->entries[i].name);
    free(tree->entries);
    *tree = (struct copytree){0};
}
