/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Former files: see before.h.
 *
 * They are put back by descriptors, folder by folder and without following links: whatever names a
 * database holds, and whatever has become of them meanwhile, nothing but the private tree is written to.
 */
#include "before.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts.h"
#include "output.h"
#include "removal.h"
#include "text.h"

enum { PERMISSIONS = 07777, GIGA = 1000000000 };

void before_deinit(struct before *b) {
    for (uint32_t i = 0; i < b->n; i++) {
        free(b->files[i].path);
        free(b->files[i].data);
    }
    free(b->files);
    *b = (struct before){0};
}

struct before_file *before_add(struct before *b, const char *path) {
    b->files = text_grow(b->files, b->n, sizeof *b->files);
    struct before_file *f = &b->files[b->n++];
    *f = (struct before_file){.path = text_dup(path)};
    return f;
}

/* --- noting them --- */

static int read_contents(struct before *b, struct before_file *f, uint64_t size) {
    struct stat st;
    if (b->bytes + size > BEFORE_MAX_BYTES)
        return -EFBIG;
    int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EAGAIN;
    f->data = size ? text_alloc(size) : NULL;
    while (!err && f->n < size) {
        ssize_t n = read(fd, f->data + f->n, size - f->n);
        if (n <= 0)
            err = n < 0 ? -errno : -EAGAIN; /* somebody else is at it */
        else
            f->n += (uint64_t)n;
    }
    close(fd);
    b->bytes += f->n;
    return err;
}

static int read_target(struct before *b, struct before_file *f) {
    char target[PATH_MAX];
    ssize_t n = readlink(f->path, target, sizeof target);
    if (n <= 0)
        return n < 0 ? -errno : -EAGAIN;
    f->data = text_alloc((size_t)n);
    memcpy(f->data, target, (size_t)n);
    f->n = (uint64_t)n;
    b->bytes += f->n;
    return 0;
}

/* Return: 0 or a negative errno. @mode: what it is, 0 = nothing; out */
static int take_one(struct before *b, const char *path, mode_t *mode) {
    struct stat st;
    struct before_file *f = before_add(b, path);
    *mode = 0;
    if (b->n > BEFORE_MAX_FILES)
        return -EFBIG;
    if (lstat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    *mode = f->mode = st.st_mode;
    f->uid = st.st_uid;
    f->gid = st.st_gid;
    f->modified_ns = (int64_t)st.st_mtim.tv_sec * GIGA + st.st_mtim.tv_nsec;
    if (S_ISREG(st.st_mode))
        return read_contents(b, f, (uint64_t)st.st_size);
    if (S_ISLNK(st.st_mode))
        return read_target(b, f);
    return S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode) ? -ENODEV : 0;
}

static int no_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* A folder that is going to be gone, with all that is in it. */
static int take_tree(struct before *b, const char *path, mode_t *mode) {
    mode_t inner;
    struct dirent **names;
    int err = take_one(b, path, mode);
    if (err || !S_ISDIR(*mode))
        return err;
    int n = scandir(path, &names, no_dots, NULL);
    if (n < 0)
        return -errno;
    for (int i = 0; i < n; i++) {
        AUTO_FREE char *child = text_format("%s/%s", path, names[i]->d_name);
        err = err ? err : take_tree(b, child, &inner);
        free(names[i]);
    }
    free(names);
    return err;
}

/* Is what the next one names known by the one before it: it was not there, or its folder is taken
 * whole? */
static bool is_known(const char *whole, const char *path) {
    return whole && (strcmp(whole, path) == 0 || mounts_is_below(path, whole));
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct before_file *)a)->path,
                  ((const struct before_file *)b)->path);
}

static void drop_doubles(struct before *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (n && strcmp(b->files[n - 1].path, b->files[i].path) == 0) {
            free(b->files[i].path);
            free(b->files[i].data);
        } else {
            b->files[n++] = b->files[i];
        }
    }
    b->n = n;
}

static char *say_why(const char *path, int err) {
    if (err == -EFBIG)
        return text_format("what it held is more than %u MiB or %u files, with %s",
                           (unsigned)(BEFORE_MAX_BYTES >> 20), BEFORE_MAX_FILES, path);
    if (err == -ENODEV)
        return text_format("%s is a device", path);
    return text_format("%s cannot be read: %s", path,
                       err == -EAGAIN ? "it is being changed" : strerror(-err));
}

int before_take(struct before *b, const struct written_file *files, uint32_t n,
                char **why) {
    const char *whole = NULL;
    int err = 0;
    *why = NULL;
    for (uint32_t i = 0; i < n && !err; i++) {
        const struct written_file *f = &files[i];
        mode_t mode = 0;
        if (is_known(whole, f->path))
            continue;
        bool folder_goes = !S_ISDIR(f->mode) || f->hides;
        err = folder_goes ? take_tree(b, f->path, &mode) : take_one(b, f->path, &mode);
        if (!mode || (folder_goes && S_ISDIR(mode)))
            whole = f->path;
        if (err)
            *why = say_why(b->n ? b->files[b->n - 1].path : f->path, err);
    }
    if (err)
        before_deinit(b);
    else if (b->n)
        qsort(b->files, b->n, sizeof *b->files, by_path);
    drop_doubles(b);
    return err;
}

/* --- putting them back --- */

/* One step down: a real folder, made where there is none. Return: descriptor or -errno. */
static int enter(int folder, const char *name, bool make) {
    enum { OPENING = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    int fd = openat(folder, name, OPENING);
    if (fd < 0 && errno == ENOENT && make && mkdirat(folder, name, 0755) == 0)
        fd = openat(folder, name, OPENING);
    return fd < 0 ? -errno : fd;
}

/* The folder that @path, relative to @root, lies in; @name: its last part, out.
 * Return: descriptor, or -errno: -ENOENT with !@make when it is not there. */
static int open_parent(int root, const char *path, bool make, const char **name) {
    int fd = fcntl(root, F_DUPFD_CLOEXEC, 3);
    for (;;) {
        char part[NAME_MAX + 1];
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");
        if (n == 0 || n > NAME_MAX || fd < 0)
            break;
        memcpy(part, path, n);
        part[n] = 0;
        if (strcmp(part, "..") == 0 || strcmp(part, ".") == 0)
            break;
        if (!path[n]) {
            *name = path;
            return fd;
        }
        int in = enter(fd, part, make);
        close(fd);
        fd = in;
        path += n;
    }
    if (fd < 0)
        return fd;
    close(fd);
    return -EINVAL;
}

static int remove_any(int parent, const char *name) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    int err = removal_folder(parent, name);
    return err == -ENOENT ? 0 : err;
}

/* In place where that is allowed: the folder may not be ours to make files in. */
static int put_file(int parent, const char *name, const struct before_file *f) {
    int fd =
        openat(parent, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    int err = fd >= 0 ? 0 : remove_any(parent, name);
    if (!err && fd < 0)
        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (err || fd < 0)
        return err ? err : -errno;
    err = output_put(fd, f->data, f->n) < f->n ? -errno : 0;
    close(fd);
    return err;
}

static int put_folder(int parent, const char *name) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return 0;
    int err = remove_any(parent, name);
    return err ? err : mkdirat(parent, name, 0700) < 0 ? -errno : 0;
}

static int put_other(int parent, const char *name, const struct before_file *f) {
    int err = remove_any(parent, name);
    if (err)
        return err;
    if (S_ISLNK(f->mode)) {
        AUTO_FREE char *target =
            text_format("%.*s", (int)f->n, f->data ? (const char *)f->data : "");
        return symlinkat(target, parent, name) < 0 ? -errno : 0;
    }
    if (!S_ISFIFO(f->mode) && !S_ISSOCK(f->mode))
        return -ENODEV;
    return mknodat(parent, name, (f->mode & S_IFMT) | 0600, 0) < 0 ? -errno : 0;
}

static void put_attributes(int parent, const char *name, const struct before_file *f) {
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = f->modified_ns / GIGA, .tv_nsec = f->modified_ns % GIGA}};
    if (fchownat(parent, name, f->uid, f->gid, AT_SYMLINK_NOFOLLOW) < 0)
        errno = 0; /* not ours to give away */
    if (!S_ISLNK(f->mode))
        fchmodat(parent, name, f->mode & PERMISSIONS, 0);
    utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW);
}

static int put_one(int root, const char *path, const struct before_file *f) {
    const char *name;
    int parent = open_parent(root, path, f->mode != 0, &name);
    if (parent < 0) /* nothing was there, and nothing is */
        return !f->mode && (parent == -ENOENT || parent == -ENOTDIR) ? 0 : parent;
    int err = !f->mode           ? remove_any(parent, name)
              : S_ISREG(f->mode) ? put_file(parent, name, f)
              : S_ISDIR(f->mode) ? put_folder(parent, name)
                                 : put_other(parent, name, f);
    if (!err && f->mode && !S_ISDIR(f->mode))
        put_attributes(parent, name, f);
    close(parent);
    return err;
}

/* When everything in them is made. */
static void finish_folder(int root, const char *path, const struct before_file *f) {
    const char *name;
    int parent = S_ISDIR(f->mode) ? open_parent(root, path, false, &name) : -1;
    if (parent < 0)
        return;
    put_attributes(parent, name, f);
    close(parent);
}

uint32_t before_put(const struct before *b, int root, const char *below, char *failed,
                    size_t failed_n) {
    size_t skip = strcmp(below, "/") == 0 ? 0 : strlen(below);
    uint32_t n = 0;
    *failed = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct before_file *f = &b->files[i];
        if (skip && !mounts_is_below(f->path, below))
            continue;
        if (put_one(root, f->path + skip, f) == 0)
            n++;
        else if (!*failed)
            snprintf(failed, failed_n, "%s", f->path);
    }
    for (uint32_t i = b->n; i-- > 0;)
        if (!skip || mounts_is_below(b->files[i].path, below))
            finish_folder(root, b->files[i].path + skip, &b->files[i]);
    return n;
}
