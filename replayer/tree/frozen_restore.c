/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a view back: see frozen.h.
 *
 *   then, now ─► renamed? ───────► renamed back                     the same inode under another name
 *            ─► not wanted? ─────► removed                          last in a folder first
 *            ─► gone, other? ────► made anew; written over, in place
 *            ─► folders' modes and times                            last, since the above changes them
 *            ─► now again: is it then?
 *
 * What an entry is to be:   then has it ──► so
 *                           else a lower layer ──► so: the copy in the upper one shows what it hides
 *                           else ──► not there
 *
 * An entry more in the upper layer that is as the lower one's is nothing that anybody sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frozen_private.h"
#include "text.h"

enum { PERMISSIONS = 07777, MOST_RENAMES = 16 };

struct restoration {
    const struct overlay *o;
    struct frozen *then;
    struct frozen *now;
    const struct frozen_holders *holders;
};

static struct frozen_entry *find(const struct frozen *f, const struct frozen_entry *of) {
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = frozen_compare(&f->entries[middle], of);
        if (order == 0)
            return &f->entries[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

static bool same_bytes(const char *a, size_t n, const char *b, size_t m) {
    return n == m && (n == 0 || memcmp(a, b, n) == 0);
}

static bool same_type(const struct frozen_entry *a, const struct frozen_entry *b) {
    return (a->status.st_mode & S_IFMT) == (b->status.st_mode & S_IFMT);
}

static bool same_times(const struct stat *a, const struct stat *b) {
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool same_owner(const struct stat *a, const struct stat *b) {
    return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

/* But for the inode, which is for who has it open. */
static bool same(const struct frozen_entry *a, const struct frozen_entry *b) {
    if (!same_type(a, b) || !same_bytes(a->marks, a->n_marks, b->marks, b->n_marks))
        return false;
    if (lower_is_whiteout(&a->status))
        return true;
    return same_owner(&a->status, &b->status) && same_times(&a->status, &b->status) &&
           same_bytes(a->data, a->n, b->data, b->n);
}

/* --- what an entry is to be --- */

/* Return: 1, 0 it is not to be there, or -1. @kept: frozen_entry_deinit() it */
static int wanted(const struct restoration *r, const struct frozen_entry *now,
                  const struct frozen_entry **out, struct frozen_entry *kept) {
    *kept = (struct frozen_entry){0};
    *out = find(r->then, now);
    if (*out)
        return lower_is_whiteout(&(*out)->status) ? 0 : 1;
    *out = kept;
    return frozen_lower(r->o, now, kept);
}

static bool is_there(const struct frozen_entry *e) {
    return e && !lower_is_whiteout(&e->status);
}

/* --- names --- */

static const struct frozen_entry *find_inode(const struct frozen *f,
                                             const struct frozen_entry *like) {
    for (size_t i = 0; i < f->n; i++)
        if (f->entries[i].cover == like->cover &&
            f->entries[i].status.st_ino == like->status.st_ino &&
            same_type(&f->entries[i], like))
            return &f->entries[i];
    return NULL;
}

/* One of them. Return: 1, 0 there is none, or -1. */
static int rename_back(const struct restoration *r) {
    char from[PATH_MAX], to[PATH_MAX];
    for (size_t i = 0; i < r->then->n; i++) {
        const struct frozen_entry *then = &r->then->entries[i], *now = find(r->now, then);
        if (!is_there(then) || (now && now->status.st_ino == then->status.st_ino))
            continue;
        const struct frozen_entry *moved = find_inode(r->now, then);
        if (!moved)
            continue;
        return frozen_place(r->o, moved, from, sizeof from) &&
                       frozen_place(r->o, then, to, sizeof to) && rename(from, to) == 0
                   ? 1
                   : -1;
    }
    return 0;
}

/* Is what is there now, by its inode and type, what is wanted there? A link cannot be written over. */
static bool may_stay(const struct restoration *r, const struct frozen_entry *now,
                     const struct frozen_entry *want) {
    const struct frozen_entry *then = find(r->then, now);
    if (lower_is_whiteout(&now->status) ||
        (S_ISLNK(now->status.st_mode) && !same(now, want)))
        return false;
    return same_type(now, want) && (!then || then->status.st_ino == now->status.st_ino);
}

static bool remove_unwanted(const struct restoration *r) {
    for (size_t i = r->now->n; i-- > 0;) {
        const struct frozen_entry *now = &r->now->entries[i], *want;
        struct frozen_entry kept;
        char place[PATH_MAX];
        if (!is_there(now))
            continue;
        int is_wanted = wanted(r, now, &want, &kept);
        bool stays = is_wanted > 0 && may_stay(r, now, want);
        frozen_entry_deinit(&kept);
        if (is_wanted < 0)
            return false;
        if (stays)
            continue;
        if (!frozen_place(r->o, now, place, sizeof place) ||
            (S_ISDIR(now->status.st_mode) ? rmdir(place) : unlink(place)) < 0)
            return false;
    }
    return true;
}

/* --- contents --- */

static bool write_all(int fd, const char *data, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, data + done, n - done, (off_t)done);
        if (put < 0 && errno != EINTR)
            return false;
        done += put > 0 ? (size_t)put : 0;
    }
    return ftruncate(fd, (off_t)n) == 0;
}

static bool set_status(int fd, const struct stat *want) {
    const struct timespec times[2] = {want->st_atim, want->st_mtim};
    struct stat now;
    if (fstat(fd, &now) < 0)
        return false;
    if ((now.st_uid != want->st_uid || now.st_gid != want->st_gid) &&
        fchown(fd, want->st_uid, want->st_gid) < 0)
        return false;
    return fchmod(fd, want->st_mode & PERMISSIONS) == 0 && futimens(fd, times) == 0;
}

/* Written over, or made where there is none. */
static bool put_file(const char *place, const struct frozen_entry *want, bool make) {
    int fd = open(place,
                  O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
                      (make ? O_CREAT | O_EXCL : 0),
                  0600);
    if (fd < 0)
        return false;
    bool done = write_all(fd, want->data, want->n) && set_status(fd, &want->status);
    close(fd);
    return done;
}

static bool put_link(const char *place, const struct frozen_entry *want) {
    const struct timespec times[2] = {want->status.st_atim, want->status.st_mtim};
    AUTO_FREE char *target = text_alloc(want->n + 1);
    memcpy(target, want->data, want->n);
    target[want->n] = 0;
    return symlink(target, place) == 0 &&
           fchownat(AT_FDCWD, place, want->status.st_uid, want->status.st_gid,
                    AT_SYMLINK_NOFOLLOW) == 0 &&
           utimensat(AT_FDCWD, place, times, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A lower file that was written to before it was removed: whoever has it open has the one written to. */
static bool reads_on(const struct restoration *r, const struct frozen_entry *lower) {
    const struct frozen_file file = {r->then, lower->status.st_ino, lower->data,
                                     lower->n};
    return !S_ISREG(lower->status.st_mode) ||
           r->holders->reads(r->holders->context, &file);
}

/* May it be another inode with the same in it? Its other names would not follow. @hold: who has the old one */
static bool may_make(const struct restoration *r, const struct frozen_entry *want,
                     enum frozen_hold *hold) {
    *hold = FROZEN_FREE;
    if (!find(r->then, want)) /* who reads the lower one goes on with that */
        return !S_ISDIR(want->status.st_mode) && reads_on(r, want);
    if (!S_ISDIR(want->status.st_mode) && want->status.st_nlink > 1)
        return false;
    if (!S_ISLNK(want->status.st_mode))
        *hold = r->holders->hold(r->holders->context, &want->shown);
    return *hold == FROZEN_FREE ||
           (*hold == FROZEN_OPEN && S_ISREG(want->status.st_mode));
}

static bool note_made(struct frozen *then, const struct frozen_entry *want,
                      const char *place) {
    int fd = open(place, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    then->made = text_grow(then->made, then->n_made, sizeof *then->made);
    then->made[then->n_made++] = (struct frozen_made){want->shown, fd};
    return true;
}

/* Where there is nothing. */
static bool make(const struct restoration *r, const struct frozen_entry *want,
                 const char *place) {
    enum frozen_hold hold;
    if (!may_make(r, want, &hold))
        return false;
    if (S_ISDIR(want->status.st_mode))
        return mkdir(place, 0700) == 0;
    return (S_ISLNK(want->status.st_mode) ? put_link(place, want)
                                          : put_file(place, want, true)) &&
           (hold == FROZEN_FREE || note_made(r->then, want, place));
}

/* @stays: what is in its place has other contents, or another mode or time; folders come last */
static bool put(const struct restoration *r, const struct frozen_entry *want,
                bool stays) {
    char place[PATH_MAX];
    if (!frozen_place(r->o, want, place, sizeof place))
        return false;
    if (!stays)
        return make(r, want, place);
    return S_ISREG(want->status.st_mode) ? put_file(place, want, false)
                                         : S_ISDIR(want->status.st_mode);
}

static bool put_then(const struct restoration *r) {
    for (size_t i = 0; i < r->then->n; i++) {
        const struct frozen_entry *then = &r->then->entries[i], *now = find(r->now, then);
        if (!is_there(then) || (now && may_stay(r, now, then) && same(then, now)))
            continue;
        if (!put(r, then, now && may_stay(r, now, then)))
            return false;
    }
    return true;
}

/* Entries that then had none of: lower ones, copied up, removed or replaced. */
static bool put_lower(const struct restoration *r) {
    for (size_t i = 0; i < r->now->n; i++) {
        const struct frozen_entry *now = &r->now->entries[i], *want;
        struct frozen_entry kept;
        bool done = true;
        if (find(r->then, now))
            continue;
        if (wanted(r, now, &want, &kept) > 0) {
            bool stays = may_stay(r, now, want);
            done = (stays && same(want, now)) || put(r, want, stays);
        }
        frozen_entry_deinit(&kept);
        if (!done)
            return false;
    }
    return true;
}

/* --- folders --- */

static bool put_folder(const struct restoration *r, const struct frozen_entry *want) {
    char place[PATH_MAX];
    struct stat now;
    if (!frozen_place(r->o, want, place, sizeof place) || lstat(place, &now) < 0)
        return false;
    if (same_owner(&now, &want->status) && same_times(&now, &want->status))
        return true;
    int fd = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool done = fd >= 0 && set_status(fd, &want->status);
    if (fd >= 0)
        close(fd);
    return done;
}

static bool put_folders(const struct restoration *r) {
    for (size_t i = r->then->n; i-- > 0;)
        if (S_ISDIR(r->then->entries[i].status.st_mode) &&
            !put_folder(r, &r->then->entries[i]))
            return false;
    for (size_t i = r->now->n; i-- > 0;) {
        const struct frozen_entry *now = &r->now->entries[i], *want;
        struct frozen_entry kept;
        bool done = true;
        if (!S_ISDIR(now->status.st_mode) || find(r->then, now))
            continue;
        if (wanted(r, now, &want, &kept) > 0)
            done = put_folder(r, want);
        frozen_entry_deinit(&kept);
        if (!done)
            return false;
    }
    return true;
}

/* --- files without names --- */

static bool restore_nameless(const struct frozen_nameless *f) {
    size_t n = (size_t)f->status.st_size;
    struct stat now;
    if (fstat(f->fd, &now) < 0 ||
        now.st_nlink) /* it was given a name: it can get none any more */
        return false;
    AUTO_FREE char *data =
        now.st_size == f->status.st_size ? frozen_contents(f->fd, n) : NULL;
    bool as_it_was = data && memcmp(data, f->data, n) == 0 &&
                     same_owner(&now, &f->status) && same_times(&now, &f->status);
    return as_it_was || (write_all(f->fd, f->data, n) && set_status(f->fd, &f->status));
}

/* --- all of it --- */

/* @inodes: they count. */
static bool is_as_then(const struct restoration *r, bool inodes) {
    for (size_t i = 0; i < r->then->n; i++) {
        const struct frozen_entry *then = &r->then->entries[i], *now = find(r->now, then);
        if (!now || !same(then, now) ||
            (inodes && then->status.st_ino != now->status.st_ino) ||
            (!S_ISDIR(then->status.st_mode) && is_there(then) &&
             then->status.st_nlink != now->status.st_nlink))
            return false;
    }
    for (size_t i = 0; i < r->now->n; i++) {
        const struct frozen_entry *now = &r->now->entries[i], *want;
        struct frozen_entry kept;
        if (find(r->then, now))
            continue;
        bool as_lower = wanted(r, now, &want, &kept) > 0 && same(want, now);
        frozen_entry_deinit(&kept);
        if (!as_lower)
            return false;
    }
    return true;
}

static bool look(struct restoration *r) {
    frozen_free(r->now);
    r->now = frozen_take(r->o);
    return r->now;
}

static bool restore(struct restoration *r) {
    int renamed = 1;
    for (int i = 0; i < MOST_RENAMES && renamed > 0; i++)
        renamed = look(r) ? rename_back(r) : -1;
    if (renamed)
        return false;
    if (is_as_then(r, true))
        return true;
    return remove_unwanted(r) && put_then(r) && put_lower(r) && put_folders(r) &&
           look(r) && is_as_then(r, false);
}

bool frozen_restore(const struct overlay *o, struct frozen *f,
                    const struct frozen_holders *holders) {
    struct restoration r = {.o = o, .then = f, .holders = holders};
    bool done = restore(&r);
    frozen_free(r.now);
    for (size_t i = 0; i < f->n_nameless && done; i++)
        done = restore_nameless(&f->nameless[i]);
    return done;
}

size_t frozen_made(const struct frozen *f, const struct frozen_made **out) {
    *out = f->made;
    return f->n_made;
}
