/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy-on-write over everything writable, without copying anything.
 *
 *   worker's own mount namespace
 *   /            the real root, where the worker itself stays
 *   SESSION/     a tmpfs of ours hides it here: u1 w1 u2 w2 ...: what attempts write
 *   "/" on top   overlay(lower = real root, upper = u1)   <- the target's root
 *    ├── proc             the real one, bound; the kernel's settings in it read-only
 *    ├── sys              the real one, bound, read-only
 *    ├── dev              overlay(lower = the real device nodes, upper = u2)
 *    ├── dev/shm          overlay(lower = real /dev/shm, upper = u3)
 *    │    └── SESSION     the real session folder, bound: the arena is shared
 *    ├── etc/hosts        a file that is a mount: bound from a copy of it, f4
 *    └── home             overlay(lower = the file system at /home, upper = u5) ...
 *
 * Invariant: what is bound, and the real tree itself in this namespace, is read-only, but for a few that hold no files (`writable`). So a place
 * that no overlay can be put over is never the real thing for who writes: it is read-only, and
 * named (`read_only`).
 *
 * The new root is moved onto "/" and entered by the target with chroot(): so it is the
 * top of its namespace (not a "chrooted" process by the kernel's rules) and paths in
 * /proc/PID/maps read the same from outside and inside.
 *
 * Services outside stay reachable: their sockets are bound through too.
 *
 * In a user namespace the kernel refuses an overlay over a folder with mounts inside
 * (they would be uncovered): there the root is a folder of ours whose entries are covered
 * one by one, its files by copies of them. Neither does it let device nodes be opened through an
 * overlay: /dev is bound.
 *
 * A plan (`covers`) is made while the view is built the first time; afterwards it is
 * replayed whenever an attempt wrote something. Lower layers are named by descriptors, so
 * no path needs escaping and what was mounted over it meanwhile does not matter.
 */
#include "overlay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "mounts.h"
#include "namespace.h"
#include "removal.h"
#include "text.h"
#include "written.h"

enum cover_kind {
    COVER_OVERLAY, /* copy-on-write */
    COVER_BIND,    /* as it is, with what is mounted in it; read-only, see `writable` */
    COVER_FILE,    /* a private copy of a file */
    COVER_SOCKET,  /* a service's socket as it is: may be gone when the view is renewed */
    COVER_FOLDER,  /* an empty folder of ours (a tmpfs where there was a mount), entries
                      follow */
    COVER_LINK,    /* a symbolic link as it is */
};
enum { PERMISSIONS = 07777 };
/* Copies lie in memory, and are made again after every attempt that changes them. */
#define MAX_FILE_BYTES  (16ull << 20)
#define MAX_FILES_BYTES (64ull << 20)

struct cover {
    enum cover_kind kind;
    char *path;     /* as the target sees it */
    char *link;     /* COVER_LINK: where to */
    int lower;      /* O_PATH of the real thing */
    bool made;      /* the mount point is to be made (it lies in a folder of ours) */
    bool leaf;      /* nothing is mounted inside: can be renewed by itself */
    bool writable;  /* COVER_BIND: not read-only: the session's folder, proc, terminals */
    bool recursive; /* COVER_BIND: read-only with what is mounted in it */
    unsigned long flags;
    struct stat status; /* of the real thing */
    /* COVER_OVERLAY: of the upper folder, COVER_FILE: of the copy, COVER_FOLDER: of the
     * folder, when it is fresh */
    struct stat unused;
    unsigned generation; /* names the upper folder or the copy in use */
};

struct overlay {
    bool user_namespace;
    uint64_t limit_bytes; /* of what an attempt may write */
    char *session;
    int session_fd;
    int root_fd;
    int table_fd; /* mountinfo: poll() tells of changes */
    struct mounts mounts;
    struct cover *covers;
    size_t n;
    uint64_t copied_bytes; /* by COVER_FILE */
    struct text read_only; /* places that could be written to and now cannot */
};

/* --- one cover --- */

/* Where the view is while it is built; a descriptor names it once it has been moved to
 * "/". */
static void place_of(const struct overlay *o, const char *path,
                     char out[static PATH_MAX]) {
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
    int err = make_layer(o, c, index, 'u', upper);
    if (!err)
        err = make_layer(o, c, index, 'w', work);
    if (err)
        return err;
    place_of(o, c->path, place);
    snprintf(plain, sizeof plain, "lowerdir=/proc/self/fd/%d,upperdir=%s,workdir=%s",
             c->lower, upper, work);
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
    place_of(o, c->path, place);
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
    place_of(o, c->path, place);
    return mount(copy, place, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int make_place(const struct overlay *o, const struct cover *c) {
    char place[PATH_MAX];
    place_of(o, c->path, place);
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

static int apply(struct overlay *o, size_t index) {
    struct cover *c = &o->covers[index];
    int err = make_place(o, c);
    if (!err && c->kind == COVER_OVERLAY)
        err = mount_overlay(o, c, index);
    else if (!err && c->kind == COVER_BIND)
        err = mount_bind(o, c);
    else if (!err && c->kind == COVER_FILE)
        err = mount_copy(o, c, index);
    else if (!err && c->kind == COVER_SOCKET)
        mount_bind(o, c);
    if (err || strcmp(c->path, "/") != 0)
        return err;
    /* binding a tree that holds the session folder (/dev) must not bind the view too */
    char place[PATH_MAX];
    place_of(o, "/", place);
    return mount(NULL, place, NULL, MS_UNBINDABLE, NULL) < 0 ? -errno : 0;
}

/* Folders of ours get their modes last, when everything in them is made. */
static void finish_folders(struct overlay *o) {
    char place[PATH_MAX];
    for (size_t i = o->n; i-- > 0;) {
        struct cover *c = &o->covers[i];
        if (c->kind != COVER_FOLDER)
            continue;
        place_of(o, c->path, place);
        mode_t mode = c->status.st_mode & PERMISSIONS;
        /* another's folder must not become writable because it is ours in here */
        if (c->status.st_uid != geteuid() && !(mode & S_IWOTH))
            mode &= ~(mode_t)0222;
        chmod(place, mode);
        stat(place, &c->unused);
    }
}

/* --- the plan --- */

static struct cover *add_cover(struct overlay *o, enum cover_kind kind, const char *path,
                               bool made) {
    int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    const struct mount *m = mounts_of(&o->mounts, path);
    o->covers = text_realloc(o->covers, (o->n + 1) * sizeof *o->covers);
    o->covers[o->n] = (struct cover){.kind = kind,
                                     .path = text_dup(path),
                                     .lower = fd,
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

static int cover_tree(struct overlay *o, const char *path, bool made);

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
        err = cover_tree(o, m->path, false);
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
    struct cover *c = add_cover(o, COVER_LINK, path, true);
    if (!c)
        return 0;
    c->link = text_dup(to);
    return apply(o, o->n - 1);
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
        err = cover_tree(o, child, true);
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
    struct cover *c = add_cover(o, COVER_BIND, path, made);
    if (!c)
        return 0;
    c->leaf = false;
    c->writable = stays_writable(at);
    c->recursive = strcmp(path, "/dev") != 0 && (!at || !at->devices);
    int err = apply(o, o->n - 1);
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
        add_cover(o, COVER_FILE, path, made)) {
        if (apply(o, o->n - 1) == 0) {
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
        err = cover_tree(o, "/dev/shm", false);
    return err;
}

static int cover_folder(struct overlay *o, const char *path, bool made) {
    if (!add_cover(o, COVER_OVERLAY, path, made))
        return 0;
    size_t index = o->n - 1;
    bool parent = has_mounts_below(o, path);
    int err = apply(o, index);
    if (!err) {
        o->covers[index].leaf = !parent;
        return parent ? cover_mounts_below(o, path, false) : 0;
    }
    if (parent) {
        o->covers[index].kind = COVER_FOLDER;
        err = apply(o, index);
        return err ? err : cover_entries(o, path);
    }
    drop_last(o);
    note_read_only(o, path);
    return cover_bound(o, path, made);
}

static int cover_tree(struct overlay *o, const char *path, bool made) {
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

/* An overlay gives a socket file another inode, which no service listens on: the sockets of
 * running services are bound through. Source: unix(7), net/unix/af_unix.c (unix_find_bsd). */
static void cover_sockets(struct overlay *o) {
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
            S_ISSOCK(status.st_mode) && add_cover(o, COVER_SOCKET, line + at, false))
            apply(o, o->n - 1);
    }
    for (size_t i = first; i < o->n; i++)
        for (size_t j = 0; j < first; j++)
            if (mounts_is_below(o->covers[i].path, o->covers[j].path))
                o->covers[j].leaf = false;
    free(line);
    if (f)
        fclose(f);
}

/* --- building and renewing --- */

static int move_to_root(struct overlay *o) {
    AUTO_FREE char *root = text_format("%s/root", o->session);
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (mount(NULL, root, NULL, MS_PRIVATE, NULL) < 0 ||
        mount(root, "/", NULL, MS_MOVE, NULL) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    o->root_fd = fd;
    return 0;
}

static int share_session(struct overlay *o) {
    struct cover *c = add_cover(o, COVER_BIND, o->session, false);
    if (!c)
        return -errno;
    close(c->lower); /* that was the tmpfs; the real one was opened before */
    c->lower = o->session_fd;
    c->leaf = false;
    c->writable = true;
    for (size_t i = 0; i < o->n; i++)
        if (mounts_is_below(o->session, o->covers[i].path))
            o->covers[i].leaf = false;
    return apply(o, o->n - 1);
}

/* Is the program's own folder one that it cannot write to any more? */
static bool is_left_out(const struct overlay *o, const char *cwd) {
    char real[PATH_MAX];
    const struct cover *best = NULL;
    if (!realpath(cwd, real))
        return false;
    for (size_t i = 0; i < o->n; i++) {
        const struct cover *c = &o->covers[i];
        if ((strcmp(real, c->path) == 0 || mounts_is_below(real, c->path)) &&
            (!best || strlen(c->path) >= strlen(best->path)))
            best = c;
    }
    const struct mount *at = mounts_of(&o->mounts, real);
    return best && best->kind == COVER_BIND && !best->writable && at && !at->read_only &&
           !at->pseudo;
}

/* The real tree stays below the view in this namespace. Whoever comes to it all the same, by
 * unmounting what covers it, finds it read-only; all of it at once, or where something in it is
 * being written to, all but that. An older kernel goes without. */
static void protect_real(const struct overlay *o) {
    if (mounts_set_read_only("/", true, true) < 0)
        for (size_t i = 0; i < o->mounts.n; i++)
            mounts_set_read_only(o->mounts.all[i].path, true, false);
    mounts_set_read_only("/proc", false, false); /* the tracer writes there */
}

static int build_first(struct overlay *o, const char *cwd, char **missing) {
    char limit[64];
    snprintf(limit, sizeof limit, "mode=700,size=%llu",
             (unsigned long long)o->limit_bytes);
    *missing = text_dup("nothing may be mounted in a mount namespace of our own");
    protect_real(o);
    if (mount("dearth", o->session, "tmpfs", 0, limit) < 0)
        return -errno;
    AUTO_FREE char *root = text_format("%s/root", o->session);
    if (mkdir(root, 0755) < 0)
        return -errno;
    int err = cover_tree(o, "/", false);
    if (!err && is_left_out(o, cwd)) {
        free(*missing);
        *missing = text_format("the kernel puts no overlay over %s, where the program "
                               "runs (an overlay on overlays, or a file system that "
                               "overlayfs does not take)",
                               cwd);
        return -EOPNOTSUPP;
    }
    if (!err) {
        cover_sockets(o);
        err = share_session(o);
    }
    finish_folders(o);
    return err ? err : move_to_root(o);
}

/* Written files lie in memory: half of what is available, divided by the number of workers, so that
 * an attempt that writes for ever meets a full disk and not the machine's end. */
static uint64_t fair_share(int sharers) {
    enum { LEAST_MIB = 64 };
    unsigned long long kib = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            break;
    if (f)
        fclose(f);
    uint64_t share = kib * 1024 / 2 / (uint64_t)(sharers > 0 ? sharers : 1);
    return share < ((uint64_t)LEAST_MIB << 20) ? (uint64_t)LEAST_MIB << 20 : share;
}

int overlay_new(const struct scratch_options *options, struct overlay **out,
                char **missing) {
    const char *session = options->session;
    struct overlay *o = text_alloc(sizeof *o);
    *o = (struct overlay){.root_fd = -1,
                          .table_fd = -1,
                          .session = text_dup(session),
                          .limit_bytes = fair_share(options->sharers)};
    int err = namespace_enter(&o->user_namespace);
    *missing = text_dup("no mount namespace may be entered, which takes root's rights or "
                        "unprivileged user namespaces");
    o->session_fd = open(session, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!err && o->session_fd < 0)
        err = -errno;
    if (!err)
        err = mounts_read(&o->mounts);
    if (!err) {
        free(*missing);
        err = build_first(o, options->cwd, missing);
    }
    if (err) {
        if (o->n) /* ours hides the session folder by now */
            umount2(session, MNT_DETACH);
        return overlay_free(o), err;
    }
    free(*missing);
    *missing = NULL;
    o->table_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    *out = o;
    return 0;
}

/* The mounts go with the namespace, when its last process ends. */
struct overlay *overlay_free(struct overlay *o) {
    if (!o)
        return NULL;
    for (size_t i = 0; i < o->n; i++) {
        if (o->covers[i].lower != o->session_fd)
            close(o->covers[i].lower);
        free(o->covers[i].path);
        free(o->covers[i].link);
    }
    free(o->covers);
    if (o->root_fd >= 0)
        close(o->root_fd);
    if (o->table_fd >= 0)
        close(o->table_fd);
    if (o->session_fd >= 0)
        close(o->session_fd);
    mounts_deinit(&o->mounts);
    text_deinit(&o->read_only);
    free(o->session);
    free(o);
    return NULL;
}

int overlay_root(const struct overlay *o) {
    return o->root_fd;
}

void overlay_read_only(const struct overlay *o, char *out, size_t n) {
    const char *all = o->read_only.n ? o->read_only.data : "";
    if ((size_t)snprintf(out, n, "%s", all) >= n)
        memcpy(out + n - sizeof "...", "...", sizeof "...");
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

static void remove_layers(const struct overlay *o, size_t index) {
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

static int renew_one(struct overlay *o, size_t index) {
    char place[PATH_MAX];
    place_of(o, o->covers[index].path, place);
    if (umount2(place, MNT_DETACH) < 0)
        return -errno;
    remove_layers(o, index);
    o->covers[index].generation++;
    return o->covers[index].kind == COVER_FILE
               ? mount_copy(o, &o->covers[index], index)
               : mount_overlay(o, &o->covers[index], index);
}

/* As the view was, less what is really gone meanwhile: an entry of a folder of ours. */
static int apply_again(struct overlay *o, size_t index) {
    const struct cover *c = &o->covers[index];
    struct stat status;
    int err = apply(o, index);
    if (!err || !c->made || fstat(c->lower, &status) < 0 || status.st_nlink > 0)
        return err;
    char place[PATH_MAX];
    place_of(o, c->path, place);
    remove(place);
    return 0;
}

static int renew_all(struct overlay *o) {
    char root[64];
    snprintf(root, sizeof root, "/proc/self/fd/%d", o->root_fd);
    if (umount2(root, MNT_DETACH) < 0 && errno != EINVAL) /* an attempt did it */
        return -errno;
    close(o->root_fd);
    o->root_fd = -1;
    int err = 0;
    for (size_t i = 0; i < o->n && !err; i++) {
        if (o->covers[i].kind == COVER_OVERLAY || o->covers[i].kind == COVER_FILE) {
            remove_layers(o, i);
            o->covers[i].generation++;
        }
        err = apply_again(o, i);
    }
    finish_folders(o);
    return err ? err : move_to_root(o);
}

/* Return: whether cover @index is written to; @upper: what was written to. */
static bool cover_is_used(const struct overlay *o, size_t index,
                          char upper[static PATH_MAX]) {
    const struct cover *c = &o->covers[index];
    if (c->kind == COVER_OVERLAY)
        snprintf(upper, PATH_MAX, "%s/u%zu.%u", o->session, index, c->generation);
    else if (c->kind == COVER_FILE)
        name_copy(o, c, index, upper);
    else if (c->kind == COVER_FOLDER)
        place_of(o, c->path, upper);
    else
        return false;
    return is_used(upper, c);
}

bool overlay_used(const struct overlay *o) {
    char upper[PATH_MAX];
    for (size_t i = 0; i < o->n; i++)
        if (cover_is_used(o, i, upper))
            return true;
    return false;
}

void overlay_read(const struct overlay *o, struct written *written) {
    char upper[PATH_MAX];
    for (size_t i = 0; i < o->n; i++)
        if (!cover_is_used(o, i, upper))
            continue;
        else if (o->covers[i].kind == COVER_FILE)
            written_add(written, upper, o->covers[i].path, true);
        else if (o->covers[i].kind == COVER_OVERLAY)
            written_add_layer(written, upper, o->covers[i].path, o->covers[i].lower);
}

/* Was anything mounted or unmounted since the last time? Source: proc(5), "/proc/PID/mounts". */
static bool mounts_changed(const struct overlay *o) {
    struct pollfd table = {o->table_fd, POLLPRI, 0};
    return o->table_fd >= 0 && poll(&table, 1, 0) > 0;
}

int overlay_clean(struct overlay *o) {
    bool moved = mounts_changed(o);
    size_t used = 0, last = 0;
    char upper[PATH_MAX];
    for (size_t i = 0; i < o->n; i++)
        if (cover_is_used(o, i, upper)) {
            used++;
            last = i;
        }
    if (used == 0 && !moved)
        return 0;
    int err =
        !moved && used == 1 && o->covers[last].leaf ? renew_one(o, last) : renew_all(o);
    mounts_changed(o); /* those were ours */
    return err ? error_print_errno(err, "cannot renew the private working tree") : 0;
}
