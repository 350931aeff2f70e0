/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking down what a view holds: see frozen.h.
 *
 *   u3.0/                   upper layer of cover 3           cover 3, ""            folder
 *    ├── out                                                 cover 3, "out"         file, "text..."
 *    ├── old   0:0                                           cover 3, "old"         gone
 *    └── sub/  ── link ─► x                                  cover 3, "sub", "sub/link"
 *
 * Read in the layers, where nothing else lies; changed through the view alone, which knows of a change in a
 * layer only when it is made so.
 */
#include "frozen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cover.h"
#include "file_mark.h"
#include "frozen_private.h"
#include "text.h"

/* Read three times for each copy: 16 MiB take a few milliseconds, less than a program that wrote them. */
#define MOST_BYTES   (16u << 20)
#define MOST_ENTRIES 4096u
#define MOST_DEPTH   64
#define MOST_MARKS   4096 /* bytes of names, and of a value */

void frozen_entry_deinit(struct frozen_entry *e) {
    free(e->path);
    free(e->data);
    free(e->marks);
    *e = (struct frozen_entry){0};
}

struct frozen *frozen_free(struct frozen *f) {
    if (!f)
        return NULL;
    for (size_t i = 0; i < f->n; i++)
        frozen_entry_deinit(&f->entries[i]);
    for (size_t i = 0; i < f->n_nameless; i++) {
        close(f->nameless[i].fd);
        free(f->nameless[i].data);
    }
    for (size_t i = 0; i < f->n_made; i++)
        close(f->made[i].fd);
    free(f->entries);
    free(f->nameless);
    free(f->made);
    free(f);
    return NULL;
}

int frozen_compare(const struct frozen_entry *a, const struct frozen_entry *b) {
    return a->cover != b->cover ? (a->cover > b->cover) - (a->cover < b->cover)
                                : strcmp(a->path, b->path);
}

static int compare(const void *a, const void *b) {
    return frozen_compare(a, b);
}

bool frozen_place(const struct overlay *o, const struct frozen_entry *e, char *out,
                  size_t n) {
    char folder[PATH_MAX];
    cover_place(o, o->covers[e->cover].path, folder);
    int length = snprintf(out, n, "%s%s%s", folder, *e->path ? "/" : "", e->path);
    return length > 0 && (size_t)length < n;
}

/* --- one file --- */

/* Overlayfs's name for a mark of its own; NULL = it is a mark of the file's. */
static const char *own_mark(const char *name) {
    return strncmp(name, "trusted.overlay.", 16) == 0 ? name + 16
           : strncmp(name, "user.overlay.", 13) == 0  ? name + 13
                                                      : NULL;
}

/* Its own are overlayfs's to keep; but two of a folder say what is seen in it. */
static bool is_bookkeeping(const char *name) {
    const char *own = own_mark(name);
    return own && strcmp(own, "opaque") != 0 && strcmp(own, "redirect") != 0;
}

/* What the layer has is not the file's contents: those are in the lower one still. */
static bool is_hollow(const char *name) {
    const char *own = own_mark(name);
    return own && strcmp(own, "metacopy") == 0;
}

static bool read_marks(const char *path, struct frozen_entry *e) {
    char names[MOST_MARKS], value[MOST_MARKS];
    ssize_t n = llistxattr(path, names, sizeof names);
    if (n < 0)
        return errno == ENOTSUP;
    AUTO_TEXT struct text t = {0};
    for (const char *name = names; name < names + n; name += strlen(name) + 1) {
        if (is_hollow(name))
            return false;
        if (is_bookkeeping(name))
            continue;
        ssize_t bytes = lgetxattr(path, name, value, sizeof value);
        if (bytes < 0)
            return false;
        text_addf(&t, "%s %zd ", name, bytes);
        text_add_n(&t, value, (size_t)bytes);
    }
    e->n_marks = t.n;
    e->marks = text_take(&t);
    return true;
}

char *frozen_contents(int fd, size_t n) {
    char *data = text_alloc(n + 1);
    size_t done = 0;
    for (ssize_t got; done <= n; done += (size_t)got)
        if ((got = pread(fd, data + done, n + 1 - done, (off_t)done)) <= 0)
            break;
    if (done == n)
        return data;
    free(data);
    return NULL;
}

/* @status is known. Return: whether it is something that can be put back. */
static bool read_file(int folder, const char *name, struct frozen_entry *e) {
    e->n = (size_t)e->status.st_size;
    if (S_ISLNK(e->status.st_mode)) {
        e->data = text_alloc(e->n + 1);
        return readlinkat(folder, name, e->data, e->n + 1) == (ssize_t)e->n;
    }
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    e->data = frozen_contents(fd, e->n);
    close(fd);
    return e->data;
}

/* @path: of it, in its layer. */
static bool read_entry(int folder, const char *name, const char *path,
                       struct frozen_entry *e) {
    if (S_ISDIR(e->status.st_mode))
        return read_marks(path, e);
    if (lower_is_whiteout(&e->status))
        return true;
    if (!S_ISREG(e->status.st_mode) && !S_ISLNK(e->status.st_mode))
        return false;
    return (uint64_t)e->status.st_size <= MOST_BYTES && read_marks(path, e) &&
           read_file(folder, name, e);
}

/* --- an upper layer --- */

struct taking {
    const struct overlay *o;
    struct frozen *f;
    size_t cover;
    char path
        [PATH_MAX]; /* of what is looked at, in its layer; from @below on, below that */
    size_t below;
};

static bool walk(struct taking *t, int folder, int depth);

static bool add(struct taking *t, int parent, const char *name, int depth) {
    struct frozen *f = t->f;
    struct frozen_entry e = {.cover = t->cover};
    char shown[PATH_MAX];
    if (f->n == MOST_ENTRIES || depth > MOST_DEPTH ||
        fstatat(parent, name, &e.status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    const char *below = t->path + t->below;
    e.path = text_dup(below + (*below == '/'));
    bool known = read_entry(parent, name, t->path, &e);
    f->bytes += e.n;
    bool folder = S_ISDIR(e.status.st_mode);
    if (known && (folder || S_ISREG(e.status.st_mode)))
        known =
            frozen_place(t->o, &e, shown, sizeof shown) && lstat(shown, &e.shown) == 0;
    f->entries = text_grow(f->entries, f->n, sizeof *f->entries);
    f->entries[f->n++] = e;
    if (!known || f->bytes > MOST_BYTES || !folder)
        return known && f->bytes <= MOST_BYTES;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && walk(t, fd, depth + 1);
}

/* @folder: closed here. */
static bool walk(struct taking *t, int folder, int depth) {
    size_t n = strlen(t->path);
    DIR *d = fdopendir(folder);
    if (!d) {
        close(folder);
        return false;
    }
    bool known = true;
    for (struct dirent *e; known && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int length = snprintf(t->path + n, sizeof t->path - n, "/%s", e->d_name);
        known = length > 0 && (size_t)length < sizeof t->path - n &&
                add(t, folder, e->d_name, depth);
        t->path[n] = 0;
    }
    closedir(d);
    return known;
}

static bool take_cover(const struct overlay *o, struct frozen *f, size_t index) {
    struct taking t = {.o = o, .f = f, .cover = index};
    if (!cover_is_used(o, index, t.path))
        return true;
    if (o->covers[index].kind != COVER_OVERLAY)
        return false;
    t.below = strlen(t.path);
    return add(&t, AT_FDCWD, t.path, 0);
}

struct frozen *frozen_take(const struct overlay *o) {
    struct frozen *f = text_alloc(sizeof *f);
    bool known = true;
    *f = (struct frozen){0};
    for (size_t i = 0; i < o->n && known; i++)
        known = take_cover(o, f, i);
    if (!known)
        return frozen_free(f);
    if (f->n)
        qsort(f->entries, f->n, sizeof *f->entries, compare);
    return f;
}

bool frozen_add_nameless(struct frozen *f, int fd) {
    struct frozen_nameless nameless = {.fd = fd};
    bool known = fstat(fd, &nameless.status) == 0 && S_ISREG(nameless.status.st_mode) &&
                 nameless.status.st_nlink == 0 &&
                 (uint64_t)nameless.status.st_size <= MOST_BYTES - f->bytes;
    if (known)
        nameless.data = frozen_contents(fd, (size_t)nameless.status.st_size);
    if (!nameless.data) {
        close(fd);
        return false;
    }
    f->bytes += (uint64_t)nameless.status.st_size;
    f->nameless = text_grow(f->nameless, f->n_nameless, sizeof *f->nameless);
    f->nameless[f->n_nameless++] = nameless;
    return true;
}

bool frozen_is_empty(const struct frozen *f) {
    return f->n == 0 && f->n_nameless == 0;
}

bool frozen_has(const struct frozen *f, const struct stat *file) {
    bool has = false;
    for (size_t i = 0; i < f->n && !has; i++)
        has = file_mark_is_one(&f->entries[i].shown, file);
    for (size_t i = 0; i < f->n_nameless && !has; i++)
        has = file_mark_is_one(&f->nameless[i].status, file);
    return has;
}

/* --- below it --- */

int frozen_lower(const struct overlay *o, const struct frozen_entry *of,
                 struct frozen_entry *out) {
    const struct cover *c = &o->covers[of->cover];
    struct lower at = {c->former, c->lower};
    bool top = true;
    AUTO_FREE char *path = text_dup(of->path);
    *out = (struct frozen_entry){.cover = of->cover, .path = text_dup(of->path)};
    if (!*path) { /* it looks as the one below, but for its times */
        out->status = c->unused;
        return 1;
    }
    char *name = path;
    for (char *slash; (slash = strchr(name, '/')); name = slash + 1) {
        *slash = 0;
        struct lower in = lower_open(at, name);
        if (!top)
            lower_close(at);
        at = in;
        top = false;
    }
    int found = lower_status(at, name, &out->status);
    if (found) {
        char shown[PATH_MAX];
        int layer = lower_layer(at, name);
        snprintf(shown, sizeof shown, "/proc/self/fd/%d/%s", layer, name);
        found = read_entry(layer, name, shown, out) ? 1 : -1;
    }
    if (!top)
        lower_close(at);
    return found;
}
