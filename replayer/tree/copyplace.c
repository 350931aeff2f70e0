/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders for private copies: see copyplace.h.
 *
 * A copy is stale when its owner's lock can be had. That no process holds it is something that the kernel
 * knows; a process id may be used again, and is another one in another PID namespace. The marker names
 * the folder by its inode: what somebody copied from it, or made with such a name, is not ours, and
 * neither is what belongs to another user.
 */
#include "copyplace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "removal.h"
#include "text.h"

#define OWNER "owner"
#define TREE  "tree"

enum { OPENING = O_RDONLY | O_DIRECTORY | O_CLOEXEC, MARK_BYTES = 96 };

/* What the marker of a folder says. Return: 0 or -errno. */
static int mark_of(int folder, char out[static MARK_BYTES]) {
    struct stat st;
    if (fstat(folder, &st) < 0)
        return -errno;
    snprintf(out, MARK_BYTES, "dearth: a private copy, in folder %llx of device %llx\n",
             (unsigned long long)st.st_ino, (unsigned long long)st.st_dev);
    return 0;
}

/* --- what others left --- */

static bool is_mine(int fd, mode_t type, mode_t forbidden) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
           (st.st_mode & S_IFMT) == type && !(st.st_mode & forbidden) &&
           (type == S_IFDIR || st.st_nlink == 1);
}

/* Does the locked marker say that the folder is a copy of ours? It may just have been removed. */
static bool is_marked(int folder, int owner) {
    char wanted[MARK_BYTES], seen[MARK_BYTES];
    if (!is_mine(owner, S_IFREG, 077) || mark_of(folder, wanted) < 0)
        return false;
    ssize_t n = pread(owner, seen, sizeof seen, 0);
    return n == (ssize_t)strlen(wanted) && memcmp(seen, wanted, (size_t)n) == 0;
}

/* The marker goes last: what could not be removed is known for what it is. */
static int remove_marked(int parent, int folder, const char *name) {
    int err = removal_folder(folder, TREE);
    if (err && err != -ENOENT)
        return err;
    if (unlinkat(folder, OWNER, 0) < 0 || unlinkat(parent, name, AT_REMOVEDIR) < 0)
        return -errno;
    return 0;
}

static void say_left(const char *name, int err) {
    error_warn("%s: a private copy cannot be removed and is left: %s", name,
               err == -EXDEV ? "something is mounted in it" : strerror(-err));
}

static void remove_stale(int parent, const char *name) {
    int folder = openat(parent, name, OPENING | O_NOFOLLOW);
    if (folder < 0)
        return;
    int owner = is_mine(folder, S_IFDIR, 077)
                    ? openat(folder, OWNER, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                    : -1;
    if (owner >= 0 && flock(owner, LOCK_EX | LOCK_NB) == 0 && is_marked(folder, owner)) {
        int err = remove_marked(parent, folder, name);
        if (err)
            say_left(name, err);
    }
    if (owner >= 0)
        close(owner);
    close(folder);
}

static void remove_all_stale(int parent) {
    int copy = openat(parent, ".", OPENING);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d && copy >= 0)
        close(copy);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strncmp(e->d_name, COPYTREE_PREFIX, sizeof COPYTREE_PREFIX - 1) == 0)
            remove_stale(parent, e->d_name);
    if (d)
        closedir(d);
}

/* --- ours --- */

static int make_marker(struct copyplace *p) {
    char mark[MARK_BYTES];
    int err = mark_of(p->folder, mark);
    if (err)
        return err;
    p->owner = openat(p->folder, OWNER, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->owner < 0 || flock(p->owner, LOCK_EX) < 0)
        return -errno;
    ssize_t n = write(p->owner, mark, strlen(mark));
    return n < 0 ? -errno : n < (ssize_t)strlen(mark) ? -ENOSPC : 0;
}

static int make_tree(struct copyplace *p, const char *whole) {
    if (mkdirat(p->folder, TREE, 0700) < 0 ||
        (p->tree = openat(p->folder, TREE, OPENING | O_NOFOLLOW)) < 0)
        return -errno;
    p->path = text_format("%s/" TREE, whole);
    snprintf(p->tree_path, sizeof p->tree_path, "/proc/self/fd/%d", p->tree);
    return 0;
}

int copyplace_init(struct copyplace *p, const char *temporary, int pid) {
    p->parent = open(temporary, OPENING);
    if (p->parent < 0)
        return -errno;
    remove_all_stale(p->parent);
    AUTO_FREE char *whole =
        text_format("%s/" COPYTREE_PREFIX "%d-XXXXXX", temporary, pid);
    if (!mkdtemp(whole))
        return -errno;
    p->name = text_dup(strrchr(whole, '/') + 1);
    p->folder = openat(p->parent, p->name, OPENING | O_NOFOLLOW);
    int err = p->folder < 0 ? -errno : make_marker(p);
    return err ? err : make_tree(p, whole);
}

void copyplace_deinit(struct copyplace *p) {
    if (p->tree >= 0)
        close(p->tree);
    if (p->name) {
        int err = p->owner >= 0 ? remove_marked(p->parent, p->folder, p->name)
                  : unlinkat(p->parent, p->name, AT_REMOVEDIR) < 0 ? -errno
                                                                   : 0;
        if (err)
            say_left(p->name, err);
    }
    if (p->owner >= 0)
        close(p->owner);
    if (p->folder >= 0)
        close(p->folder);
    if (p->parent >= 0)
        close(p->parent);
    free(p->name);
    free(p->path);
    *p = COPYPLACE_NONE;
}
