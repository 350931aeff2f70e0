/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a private tree: see written.h. Times are left out: they always differ. Run by the
 * worker, after everything that could write is dead. */
#include "written.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "digest.h"
#include "text.h"

static struct written_file *append(struct written *w, const char *shown) {
    w->files = text_grow(w->files, w->n, sizeof *w->files);
    struct written_file *f = &w->files[w->n++];
    *f = (struct written_file){.path = text_dup(shown)};
    return f;
}

void written_add_gone(struct written *w, const char *shown) {
    append(w, shown)->existed = true;
}

/* --- contents --- */

static void keep(struct written *w, struct written_file *f, const char *data, size_t n) {
    if (f->n_kept + n > WRITTEN_KEPT_BYTES || w->kept_bytes + n > WRITTEN_KEPT_ALL)
        n = 0; /* whole buffers only: the first that does not fit ends it */
    if (!n)
        return;
    f->kept = text_realloc(f->kept, f->n_kept + n);
    memcpy(f->kept + f->n_kept, data, n);
    f->n_kept += n;
    w->kept_bytes += n;
}

static void read_contents(struct written *w, struct written_file *f, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    struct digest sum = {0};
    AUTO_FREE char *buffer = text_alloc(WRITTEN_KEPT_BYTES);
    for (ssize_t n; (n = read(fd, buffer, WRITTEN_KEPT_BYTES)) > 0;) {
        digest_add(&sum, buffer, (size_t)n);
        if (f->n_kept + (uint64_t)n == sum.total)
            keep(w, f, buffer, (size_t)n);
    }
    digest_end(&sum, f->digest);
    close(fd);
}

static void read_target(struct written *w, struct written_file *f, const char *path) {
    char target[PATH_MAX];
    struct digest sum = {0};
    ssize_t n = readlink(path, target, sizeof target);
    if (n <= 0)
        return;
    digest_add(&sum, target, (size_t)n);
    digest_end(&sum, f->digest);
    keep(w, f, target, (size_t)n);
}

static void read_device(struct written_file *f, const struct stat *status) {
    struct digest sum = {0};
    char numbers[32];
    int n = snprintf(numbers, sizeof numbers, "%u:%u", major(status->st_rdev),
                     minor(status->st_rdev));
    digest_add(&sum, numbers, (size_t)n);
    digest_end(&sum, f->digest);
}

void written_add(struct written *w, const char *path, const char *shown, bool existed) {
    struct stat status;
    if (lstat(path, &status) < 0)
        return;
    struct written_file *f = append(w, shown);
    f->mode = status.st_mode;
    f->existed = existed;
    if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode))
        f->size = (uint64_t)status.st_size;
    if (S_ISREG(status.st_mode))
        read_contents(w, f, path);
    else if (S_ISLNK(status.st_mode))
        read_target(w, f, path);
    else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        read_device(f, &status);
}

/* --- an overlay's upper layer --- */

static bool same_contents(const char *path, struct lower lower, const char *name) {
    int below = lower_layer(lower, name);
    int a = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int b = openat(below, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    AUTO_FREE char *buffer = text_alloc(2 * WRITTEN_KEPT_BYTES);
    bool same = a >= 0 && b >= 0;
    for (ssize_t n = 1; same && n > 0;) {
        n = read(a, buffer, WRITTEN_KEPT_BYTES);
        ssize_t m = read(b, buffer + WRITTEN_KEPT_BYTES, WRITTEN_KEPT_BYTES);
        same = n >= 0 && n == m &&
               memcmp(buffer, buffer + WRITTEN_KEPT_BYTES, (size_t)n) == 0;
    }
    if (a >= 0)
        close(a);
    if (b >= 0)
        close(b);
    return same;
}

static bool same_target(const char *path, struct lower lower, const char *name) {
    char here[PATH_MAX], below[PATH_MAX];
    ssize_t n = readlink(path, here, sizeof here);
    return n > 0 &&
           readlinkat(lower_layer(lower, name), name, below, sizeof below) == n &&
           memcmp(here, below, (size_t)n) == 0;
}

/* Copied up, or made again, and then nothing was changed that anyone would see. */
static bool is_unchanged(const char *path, const struct stat *status, struct lower lower,
                         const char *name) {
    struct stat below;
    if (!lower_status(lower, name, &below) || below.st_mode != status->st_mode ||
        below.st_uid != status->st_uid || below.st_gid != status->st_gid)
        return false;
    if (S_ISDIR(status->st_mode))
        return !lower_has_mark(path, "opaque") && !lower_has_mark(path, "redirect");
    if (S_ISLNK(status->st_mode))
        return same_target(path, lower, name);
    return S_ISREG(status->st_mode) && below.st_size == status->st_size &&
           same_contents(path, lower, name);
}

static void add_entry(struct written *w, const char *path, const char *shown,
                      struct lower lower, const char *name) {
    struct stat status, below;
    if (lstat(path, &status) < 0)
        return;
    if (lower_is_whiteout(&status)) {
        written_add_gone(w, shown);
        return;
    }
    bool existed = lower_status(lower, name, &below);
    /* the kernel marks a folder that is new as well, which has nothing below it to hide */
    bool hides =
        S_ISDIR(status.st_mode) &&
        ((existed && lower_has_mark(path, "opaque")) || lower_has_mark(path, "redirect"));
    uint32_t n = w->n;
    if (!is_unchanged(path, &status, lower, name))
        written_add(w, path, shown, existed);
    if (w->n > n)
        w->files[n].hides = hides;
    if (!S_ISDIR(status.st_mode))
        return;
    struct lower in = hides ? (struct lower){-1, -1} : lower_open(lower, name);
    written_add_layer(w, path, shown, in);
    lower_close(in);
}

static int no_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

void written_add_layer(struct written *w, const char *path, const char *shown,
                       struct lower lower) {
    struct dirent **names;
    int n = scandir(path, &names, no_dots, NULL);
    for (int i = 0; i < n; i++) {
        AUTO_FREE char *child = text_format("%s/%s", path, names[i]->d_name);
        AUTO_FREE char *child_shown =
            text_format("%s/%s", strcmp(shown, "/") == 0 ? "" : shown, names[i]->d_name);
        add_entry(w, child, child_shown, lower, names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* --- the list --- */

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct written_file *)a)->path,
                  ((const struct written_file *)b)->path);
}

void written_sort(struct written_file *files, uint32_t n) {
    if (n)
        qsort(files, n, sizeof *files, by_path);
}

void written_digest(const struct written_file *files, uint32_t n,
                    uint8_t out[static 16]) {
    struct digest sum = {0};
    memset(out, 0, 16);
    if (!n)
        return;
    for (uint32_t i = 0; i < n; i++) {
        digest_add(&sum, files[i].path, strlen(files[i].path) + 1);
        digest_add(&sum, &files[i].mode, sizeof files[i].mode);
        digest_add(&sum, &files[i].size, sizeof files[i].size);
        digest_add(&sum, files[i].digest, sizeof files[i].digest);
    }
    digest_end(&sum, out);
}
