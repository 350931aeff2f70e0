/* SPDX-License-Identifier: Apache-2.0 */
/* The covers of a view: see covering.h. */
#include "covering.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cover.h"

/* Copies lie in memory, and are made again after every attempt that changes them. */
#define MAX_FILE_BYTES  (16ull << 20)
#define MAX_FILES_BYTES (64ull << 20)

struct cover *covering_add(struct overlay *o, enum cover_kind kind, const char *path,
                           bool made) {
    int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    const struct mount *m = mounts_of(&o->mounts, path);
    o->covers = text_grow(o->covers, o->n, sizeof *o->covers);
    o->covers[o->n] = (struct cover){.kind = kind,
                                     .path = text_dup(path),
                                     .lower = fd,
                                     .former = -1,
                                     .made = made,
                                     .leaf = true,
                                     .status = status,
                                     .flags = m ? m->flags : 0};
    return &o->covers[o->n++];
}

/* No files there but the kernel's own for this process, its terminals, its queues. */
static bool stays_writable(const struct mount *m) {
    return m && !m->read_only &&
           (strcmp(m->type, "proc") == 0 || strcmp(m->type, "devpts") == 0 ||
            strcmp(m->type, "mqueue") == 0);
}

/* Mounts inside @path that are not inside one another. */
static int cover_mounts_below(struct overlay *o, const char *path, bool only_real) {
    const char *inside = NULL;
    int err = 0;
    for (size_t i = 0; i < o->mounts.n && !err; i++) {
        const struct mount *m = &o->mounts.all[i];
        if (!mounts_is_below(m->path, path) ||
            (inside && mounts_is_below(m->path, inside)))
            continue;
        if (only_real && (m->pseudo || m->read_only) && !stays_writable(m))
            continue;
        inside = m->path;
        err = covering_tree(o, m->path, false);
    }
    return err;
}

static bool has_mounts_below(const struct overlay *o, const char *path) {
    for (size_t i = 0; i < o->mounts.n; i++)
        if (mounts_is_below(o->mounts.all[i].path, path))
            return true;
    return false;
}

static int cover_link(struct overlay *o, const char *path) {
    char to[PATH_MAX];
    ssize_t n = readlink(path, to, sizeof to - 1);
    if (n < 0)
        return 0;
    to[n] = 0;
    struct cover *c = covering_add(o, COVER_LINK, path, true);
    if (!c)
        return 0;
    c->link = text_dup(to);
    return cover_apply(o, o->n - 1);
}

static int cover_entries(struct overlay *o, const char *path) {
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    int err = 0;
    for (struct dirent *e; !err && (e = readdir(folder));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        AUTO_FREE char *child =
            text_format("%s/%s", strcmp(path, "/") == 0 ? "" : path, e->d_name);
        err = covering_tree(o, child, true);
    }
    closedir(folder);
    return err;
}

/* Could the program write there, or give itself the right to? By its own mount it could: it is
 * protect_real() that lets nobody. */
static bool is_writable(const char *path) {
    struct stat status;
    return access(path, W_OK) == 0 || errno == EROFS ||
           (stat(path, &status) == 0 && status.st_uid == geteuid());
}

static void note_read_only(struct overlay *o, const char *path) {
    if (!is_writable(path))
        return;
    text_addf(&o->read_only, "%s%s", o->read_only.n ? " " : "", path);
}

static void drop_last(struct overlay *o) {
    struct cover *c = &o->covers[--o->n];
    close(c->lower);
    free(c->path);
}

static int cover_bound(struct overlay *o, const char *path, bool made) {
    const struct mount *at = mounts_at(&o->mounts, path);
    struct cover *c = covering_add(o, COVER_BIND, path, made);
    if (!c)
        return 0;
    c->leaf = false;
    c->writable = stays_writable(at);
    c->recursive = strcmp(path, "/dev") != 0 && (!at || !at->devices);
    int err = cover_apply(o, o->n - 1);
    if (err) { /* it stays away: a place that nobody but its owner can reach */
        drop_last(o);
        return 0;
    }
    return cover_mounts_below(o, path, true);
}

/* A file that cannot be covered by an overlay, which takes a folder. */
static int cover_file(struct overlay *o, const char *path, bool made,
                      const struct stat *status) {
    uint64_t bytes = (uint64_t)status->st_size;
    if (!is_writable(path))
        return cover_bound(o, path, made);
    if (bytes <= MAX_FILE_BYTES && o->copied_bytes + bytes <= MAX_FILES_BYTES &&
        covering_add(o, COVER_FILE, path, made)) {
        if (cover_apply(o, o->n - 1) == 0) {
            o->copied_bytes += bytes;
            return 0;
        }
        drop_last(o);
    }
    note_read_only(o, path);
    return cover_bound(o, path, made);
}

/* As root: what is said here is said to the kernel, for the whole machine. */
static int cover_settings(struct overlay *o) {
    static const char *const settings[] = {
        "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus",
        "/proc/fs",  "/proc/acpi",          "/proc/scsi"};
    int err = 0;
    for (size_t i = 0; !err && geteuid() == 0 && i < sizeof settings / sizeof *settings;
         i++) {
        const struct mount *at = mounts_at(&o->mounts, settings[i]);
        if (!at || !at->read_only)
            err = cover_bound(o, settings[i], false);
    }
    return err;
}

/* Device nodes where an overlay does not do. */
static int cover_devices(struct overlay *o, bool made) {
    struct stat status;
    int err = cover_bound(o, "/dev", made);
    /* a folder in it and not a mount, as some containers have it: open to everybody */
    if (!err && !mounts_at(&o->mounts, "/dev/shm") && stat("/dev/shm", &status) == 0 &&
        S_ISDIR(status.st_mode))
        err = covering_tree(o, "/dev/shm", false);
    return err;
}

static int cover_folder(struct overlay *o, const char *path, bool made) {
    if (!covering_add(o, COVER_OVERLAY, path, made))
        return 0;
    size_t index = o->n - 1;
    bool parent = has_mounts_below(o, path);
    int err = cover_apply(o, index);
    if (!err) {
        o->covers[index].leaf = !parent;
        return parent ? cover_mounts_below(o, path, false) : 0;
    }
    if (parent) {
        o->covers[index].kind = COVER_FOLDER;
        err = cover_apply(o, index);
        return err ? err : cover_entries(o, path);
    }
    drop_last(o);
    note_read_only(o, path);
    return cover_bound(o, path, made);
}

int covering_tree(struct overlay *o, const char *path, bool made) {
    struct stat status;
    if (lstat(path, &status) < 0)
        return 0;
    if (S_ISLNK(status.st_mode))
        return cover_link(o, path);
    const struct mount *at = mounts_at(&o->mounts, path);
    if (o->user_namespace && strcmp(path, "/dev") == 0)
        return cover_devices(o, made);
    if (at && (at->pseudo || at->read_only)) {
        int err = cover_bound(o, path, made);
        return !err && strcmp(path, "/proc") == 0 ? cover_settings(o) : err;
    }
    if (S_ISDIR(status.st_mode))
        return cover_folder(o, path, made);
    if (S_ISREG(status.st_mode))
        return cover_file(o, path, made, &status);
    return cover_bound(o, path, made);
}

/* Is the place one where files are copied on write? */
static bool is_overlaid(const struct overlay *o, const char *path) {
    const struct cover *best = NULL;
    for (size_t i = 0; i < o->n; i++) {
        const struct cover *c = &o->covers[i];
        if (mounts_is_below(path, c->path) &&
            (!best || strlen(c->path) > strlen(best->path)))
            best = c;
    }
    return best && best->kind == COVER_OVERLAY;
}

/* What covers from @first on lie in cannot be renewed by itself any more. */
static void part_from(struct overlay *o, size_t first) {
    for (size_t i = first; i < o->n; i++)
        for (size_t j = 0; j < first; j++)
            if (mounts_is_below(o->covers[i].path, o->covers[j].path))
                o->covers[j].leaf = false;
}

static bool may_read(const char *path) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno != EACCES;
}

void covering_programs(struct overlay *o, char *const *programs) {
    size_t first = o->n;
    char path[PATH_MAX];
    struct stat status;
    for (; programs && *programs; programs++)
        if (!may_read(*programs) && realpath(*programs, path) && is_overlaid(o, path) &&
            stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
            covering_add(o, COVER_REAL, path, false))
            cover_apply(o, o->n - 1);
    part_from(o, first);
}

void covering_sockets(struct overlay *o) {
    enum { MAX_SOCKETS = 256 };
    FILE *f = fopen("/proc/net/unix", "re");
    char *line = NULL;
    size_t capacity = 0, first = o->n;
    while (f && o->n - first < MAX_SOCKETS && getline(&line, &capacity, f) > 0) {
        unsigned flags, type;
        int at = 0;
        struct stat status;
        line[strcspn(line, "\n")] = 0;
        /* "Num RefCount Protocol Flags Type St Inode Path" */
        if (sscanf(line, "%*s %*s %*s %x %x %*s %*s %n", &flags, &type, &at) != 2 ||
            !at || line[at] != '/')
            continue;
        bool serves = (flags & 0x10000) != 0 || type == 2; /* __SO_ACCEPTCON; datagrams */
        if (serves && is_overlaid(o, line + at) && lstat(line + at, &status) == 0 &&
            S_ISSOCK(status.st_mode) && covering_add(o, COVER_REAL, line + at, false))
            cover_apply(o, o->n - 1);
    }
    part_from(o, first);
    free(line);
    if (f)
        fclose(f);
}
