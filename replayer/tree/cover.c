/* SPDX-License-Identifier: Apache-2.0 */
/* One cover: see cover.h. What attempts write lies in the session's tmpfs: layers uN.G and wN.G, copies of files fN.G
 * of cover N, in its generation G. */
#include "cover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay_private.h"
#include "removal.h"

enum { PERMISSIONS = 07777 };

void cover_place(const struct overlay *o, const char *path, char out[static PATH_MAX]) {
    if (o->root_fd >= 0)
        snprintf(out, PATH_MAX, "/proc/self/fd/%d%s", o->root_fd, path);
    else
        snprintf(out, PATH_MAX, "%s/root%s", o->session,
                 strcmp(path, "/") == 0 ? "" : path);
}

static int make_layer(const struct overlay *o, const struct cover *c, size_t index,
                      char kind, char out[static PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/%c%zu.%u", o->session, kind, index, c->generation);
    if (mkdir(out, 0700) < 0)
        return -errno;
    if (kind == 'u') { /* the overlay's top folder looks like its upper layer */
        if (chown(out, c->status.st_uid, c->status.st_gid) < 0)
            errno = 0; /* an owner outside our user namespace: ours then */
        chmod(out, c->status.st_mode & PERMISSIONS);
    }
    return 0;
}

static int mount_overlay(const struct overlay *o, struct cover *c, size_t index) {
    char upper[PATH_MAX], work[PATH_MAX], place[PATH_MAX], plain[3 * PATH_MAX];
    char former[64] = "";
    int err = make_layer(o, c, index, 'u', upper);
    if (!err)
        err = make_layer(o, c, index, 'w', work);
    if (err)
        return err;
    cover_place(o, c->path, place);
    if (c->former >= 0)
        snprintf(former, sizeof former, "/proc/self/fd/%d:", c->former);
    snprintf(plain, sizeof plain, "lowerdir=%s/proc/self/fd/%d,upperdir=%s,workdir=%s",
             former, c->lower, upper, work);
    /* xino=off: files keep the inode numbers they really have (git's index compares
     * them); redirect_dir: a folder of the lower layer can be renamed, as it can really.
     */
    AUTO_FREE char *wanted = text_format(
        "%s,xino=off,%s", plain, o->user_namespace ? "userxattr" : "redirect_dir=on");
    if (mount("overlay", place, "overlay", c->flags, wanted) < 0 &&
        mount("overlay", place, "overlay", c->flags, plain) < 0)
        return -errno;
    return stat(upper, &c->unused) < 0 ? -errno : 0;
}

/* A bound mount has the flags of what it was bound from: see protect_real(). */
static int set_bound(const struct cover *c, const char *place) {
    int err = mounts_set_read_only(place, !c->writable, c->recursive && !c->writable);
    if (err != -ENOSYS)
        return err;
    if (c->writable)
        return 0;
    return mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | c->flags, NULL) < 0
               ? -errno
               : 0;
}

static int mount_bind(const struct overlay *o, const struct cover *c) {
    char from[64], place[PATH_MAX];
    snprintf(from, sizeof from, "/proc/self/fd/%d", c->lower);
    cover_place(o, c->path, place);
    unsigned long recursive = strcmp(c->path, o->session) == 0 ? 0 : MS_REC;
    if (mount(from, place, NULL, MS_BIND | recursive, NULL) < 0)
        return -errno;
    int err = set_bound(c, place);
    if (err)
        umount2(place, MNT_DETACH);
    return err;
}

static void name_copy(const struct overlay *o, const struct cover *c, size_t index,
                      char out[static PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s/f%zu.%u", o->session, index, c->generation);
}

static int copy_bytes(int from, int to) {
    for (char buffer[16384];;) {
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (ssize_t at = 0, put; at < n; at += put)
            if ((put = write(to, buffer + at, (size_t)(n - at))) < 0)
                return -errno;
    }
}

static int copy_file(struct cover *c, const char *path) {
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d", c->lower);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = out < 0 ? -errno : copy_bytes(in, out);
    if (!err) {
        const struct timespec times[2] = {c->status.st_atim, c->status.st_mtim};
        if (fchown(out, c->status.st_uid, c->status.st_gid) < 0)
            errno = 0; /* an owner outside our user namespace: ours then */
        fchmod(out, c->status.st_mode & PERMISSIONS);
        futimens(out, times);
        err = fstat(out, &c->unused) < 0 ? -errno : 0;
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return err;
}

/* The copy in use is bound again; a new one is made when there is none of this generation. */
static int mount_copy(const struct overlay *o, struct cover *c, size_t index) {
    char copy[PATH_MAX], place[PATH_MAX];
    name_copy(o, c, index, copy);
    int err = access(copy, F_OK) == 0 ? 0 : copy_file(c, copy);
    if (err) {
        unlink(copy);
        return err;
    }
    cover_place(o, c->path, place);
    return mount(copy, place, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int make_place(const struct overlay *o, const struct cover *c) {
    char place[PATH_MAX];
    cover_place(o, c->path, place);
    if (c->kind == COVER_LINK)
        return symlink(c->link, place) < 0 ? -errno : 0;
    if (!c->made && c->kind == COVER_FOLDER)
        return mount("dearth", place, "tmpfs", c->flags, "mode=755") < 0 ? -errno : 0;
    if (!c->made)
        return 0;
    if (S_ISDIR(c->status.st_mode)) {
        if (mkdir(place, 0700) < 0 && errno != EEXIST)
            return -errno;
        return 0;
    }
    int fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

int cover_apply(struct overlay *o, size_t index) {
    struct cover *c = &o->covers[index];
    int err = make_place(o, c);
    if (!err && c->kind == COVER_OVERLAY)
        err = mount_overlay(o, c, index);
    else if (!err && c->kind == COVER_BIND)
        err = mount_bind(o, c);
    else if (!err && c->kind == COVER_FILE)
        err = mount_copy(o, c, index);
    else if (!err && c->kind == COVER_REAL)
        mount_bind(o, c);
    if (err || strcmp(c->path, "/") != 0)
        return err;
    /* binding a tree that holds the session folder (/dev) must not bind the view too */
    char place[PATH_MAX];
    cover_place(o, "/", place);
    return mount(NULL, place, NULL, MS_UNBINDABLE, NULL) < 0 ? -errno : 0;
}

void cover_finish_folders(struct overlay *o) {
    char place[PATH_MAX];
    for (size_t i = o->n; i-- > 0;) {
        struct cover *c = &o->covers[i];
        if (c->kind != COVER_FOLDER)
            continue;
        cover_place(o, c->path, place);
        mode_t mode = c->status.st_mode & PERMISSIONS;
        /* another's folder must not become writable because it is ours in here */
        if (c->status.st_uid != geteuid() && !(mode & S_IWOTH))
            mode &= ~(mode_t)0222;
        chmod(place, mode);
        stat(place, &c->unused);
    }
}

/* Did an attempt change anything? tmpfs counts its entries in a folder's size, so that there is no
 * need to open it. */
static bool is_used(const char *upper, const struct cover *c) {
    struct stat status;
    return stat(upper, &status) < 0 || status.st_size != c->unused.st_size ||
           status.st_mode != c->unused.st_mode || status.st_uid != c->unused.st_uid ||
           (c->kind != COVER_OVERLAY &&
            (status.st_ctim.tv_sec != c->unused.st_ctim.tv_sec ||
             status.st_ctim.tv_nsec != c->unused.st_ctim.tv_nsec));
}

bool cover_is_used(const struct overlay *o, size_t index, char upper[static PATH_MAX]) {
    const struct cover *c = &o->covers[index];
    if (c->kind == COVER_OVERLAY)
        snprintf(upper, PATH_MAX, "%s/u%zu.%u", o->session, index, c->generation);
    else if (c->kind == COVER_FILE)
        name_copy(o, c, index, upper);
    else if (c->kind == COVER_FOLDER)
        cover_place(o, c->path, upper);
    else
        return false;
    return is_used(upper, c);
}

void cover_remove_layers(const struct overlay *o, size_t index) {
    char name[64];
    int session = open(o->session, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (session < 0)
        return;
    for (const char *kind = "uwf"; *kind; kind++) {
        snprintf(name, sizeof name, "%c%zu.%u", *kind, index,
                 o->covers[index].generation);
        if (removal_folder(session, name) == -ENOTDIR) /* a copy of a file */
            unlinkat(session, name, 0);
    }
    close(session);
}

int cover_renew(struct overlay *o, size_t index) {
    char place[PATH_MAX];
    cover_place(o, o->covers[index].path, place);
    if (umount2(place, MNT_DETACH) < 0)
        return -errno;
    cover_remove_layers(o, index);
    o->covers[index].generation++;
    return o->covers[index].kind == COVER_FILE
               ? mount_copy(o, &o->covers[index], index)
               : mount_overlay(o, &o->covers[index], index);
}

int cover_apply_again(struct overlay *o, size_t index) {
    const struct cover *c = &o->covers[index];
    struct stat status;
    int err = cover_apply(o, index);
    if (!err || !c->made || fstat(c->lower, &status) < 0 || status.st_nlink > 0)
        return err;
    char place[PATH_MAX];
    cover_place(o, c->path, place);
    remove(place);
    return 0;
}
