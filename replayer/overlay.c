/*
 * Copy-on-write over everything writable, without copying anything.
 *
 *   worker's own mount namespace
 *   /            the real root, where the worker itself stays
 *   SESSION/     a tmpfs of ours hides it here: u1 w1 u2 w2 ...: what attempts write
 *   "/" on top   overlay(lower = real root, upper = u1)   <- the target's root
 *    ├── proc, sys, dev   the real ones, bound
 *    ├── dev/shm          overlay(lower = real /dev/shm, upper = u2)
 *    │    └── SESSION     the real session folder, bound: the arena is shared
 *    └── home             overlay(lower = the file system at /home, upper = u3) ...
 *
 * The new root is moved onto "/" and entered by the target with chroot(): so it is the
 * top of its namespace (not a "chrooted" process by the kernel's rules) and paths in
 * /proc/PID/maps read the same from outside and inside.
 *
 * Services outside stay reachable: their sockets are bound through too.
 *
 * In a user namespace the kernel refuses an overlay over a folder with mounts inside
 * (they would be uncovered): there the root is a folder of ours whose entries are covered
 * one by one.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/error.h"
#include "../common/text.h"
#include "mounts.h"
#include "namespace.h"
#include "removal.h"
#include "written.h"

enum cover_kind {
    COVER_OVERLAY, /* copy-on-write */
    COVER_BIND,    /* as it is, with what is mounted in it */
    COVER_SOCKET,  /* a service's socket as it is: may be gone when the view is renewed */
    COVER_FOLDER,  /* an empty folder of ours (a tmpfs where there was a mount), entries
                      follow */
    COVER_LINK,    /* a symbolic link as it is */
};
enum { PERMISSIONS = 07777 };

struct cover {
    enum cover_kind kind;
    char *path; /* as the target sees it */
    char *link; /* COVER_LINK: where to */
    int lower;  /* O_PATH of the real thing */
    bool made;  /* the mount point is to be made (it lies in a folder of ours) */
    bool leaf;  /* nothing is mounted inside: can be renewed by itself */
    unsigned long flags;
    struct stat status;  /* of the real thing */
    struct stat unused;  /* COVER_OVERLAY: of the upper folder when it is fresh */
    unsigned generation; /* names the upper folder in use */
};

struct overlay {
    bool user_namespace;
    uint64_t limit_bytes; /* of what an attempt may write */
    char *session;
    int session_fd;
    int root_fd;
    struct mounts mounts;
    struct cover *covers;
    size_t n;
    struct text uncovered;
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

static int mount_bind(const struct overlay *o, const struct cover *c) {
    char from[64], place[PATH_MAX];
    snprintf(from, sizeof from, "/proc/self/fd/%d", c->lower);
    place_of(o, c->path, place);
    unsigned long recursive = strcmp(c->path, o->session) == 0 ? 0 : MS_REC;
    return mount(from, place, NULL, MS_BIND | recursive, NULL) < 0 ? -errno : 0;
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
static void finish_folders(const struct overlay *o) {
    char place[PATH_MAX];
    for (size_t i = o->n; i-- > 0;) {
        const struct cover *c = &o->covers[i];
        if (c->kind != COVER_FOLDER)
            continue;
        place_of(o, c->path, place);
        mode_t mode = c->status.st_mode & PERMISSIONS;
        /* another's folder must not become writable because it is ours in here */
        if (c->status.st_uid != geteuid() && !(mode & S_IWOTH))
            mode &= ~(mode_t)0222;
        chmod(place, mode);
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
        if (only_real && (m->pseudo || m->read_only))
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

static void note_uncovered(struct overlay *o, const char *path) {
    if (access(path, W_OK) < 0)
        return;
    text_addf(&o->uncovered, "%s%s", o->uncovered.n ? " " : "", path);
}

static int cover_bound(struct overlay *o, const char *path, bool made) {
    if (!add_cover(o, COVER_BIND, path, made))
        return 0;
    o->covers[o->n - 1].leaf = false;
    int err = apply(o, o->n - 1);
    if (err) { /* it stays away: a place that nobody but its owner can reach */
        close(o->covers[--o->n].lower);
        free(o->covers[o->n].path);
        return 0;
    }
    return cover_mounts_below(o, path, true);
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
    o->covers[index].kind = COVER_BIND;
    o->covers[index].leaf = false;
    note_uncovered(o, path);
    err = apply(o, index);
    return err ? err : cover_mounts_below(o, path, true);
}

static int cover_tree(struct overlay *o, const char *path, bool made) {
    struct stat status;
    if (lstat(path, &status) < 0)
        return 0;
    if (S_ISLNK(status.st_mode))
        return cover_link(o, path);
    const struct mount *at = mounts_at(&o->mounts, path);
    if (at && (at->pseudo || at->read_only))
        return cover_bound(o, path, made);
    if (S_ISDIR(status.st_mode))
        return cover_folder(o, path, made);
    note_uncovered(o, path);
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
    for (size_t i = 0; i < o->n; i++)
        if (mounts_is_below(o->session, o->covers[i].path))
            o->covers[i].leaf = false;
    return apply(o, o->n - 1);
}

static int build_first(struct overlay *o) {
    char limit[64];
    snprintf(limit, sizeof limit, "mode=700,size=%llu",
             (unsigned long long)o->limit_bytes);
    if (mount("dearth", o->session, "tmpfs", 0, limit) < 0)
        return -errno;
    AUTO_FREE char *root = text_format("%s/root", o->session);
    if (mkdir(root, 0755) < 0)
        return -errno;
    int err = cover_tree(o, "/", false);
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

int overlay_new(const char *session, int sharers, struct overlay **out) {
    struct overlay *o = text_alloc(sizeof *o);
    *o = (struct overlay){
        .root_fd = -1, .session = text_dup(session), .limit_bytes = fair_share(sharers)};
    int err = namespace_enter(&o->user_namespace);
    o->session_fd = open(session, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!err && o->session_fd < 0)
        err = -errno;
    if (!err)
        err = mounts_read(&o->mounts);
    if (!err)
        err = build_first(o);
    if (err) {
        if (o->n) /* ours hides the session folder by now */
            umount2(session, MNT_DETACH);
        return overlay_free(o), err;
    }
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
    if (o->session_fd >= 0)
        close(o->session_fd);
    mounts_deinit(&o->mounts);
    text_deinit(&o->uncovered);
    free(o->session);
    free(o);
    return NULL;
}

int overlay_root(const struct overlay *o) {
    return o->root_fd;
}

const char *overlay_uncovered(const struct overlay *o) {
    return o->uncovered.n ? o->uncovered.data : "";
}

/* Did an attempt change anything? tmpfs counts its entries in a folder's size, so that there is no
 * need to open it. */
static bool is_used(const char *upper, const struct cover *c) {
    struct stat status;
    return stat(upper, &status) < 0 || status.st_size != c->unused.st_size ||
           status.st_mode != c->unused.st_mode || status.st_uid != c->unused.st_uid;
}

static void remove_layers(const struct overlay *o, size_t index) {
    char name[64];
    int session = open(o->session, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (session < 0)
        return;
    for (const char *kind = "uw"; *kind; kind++) {
        snprintf(name, sizeof name, "%c%zu.%u", *kind, index,
                 o->covers[index].generation);
        removal_folder(session, name);
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
    return mount_overlay(o, &o->covers[index], index);
}

static int renew_all(struct overlay *o) {
    char root[64];
    snprintf(root, sizeof root, "/proc/self/fd/%d", o->root_fd);
    if (umount2(root, MNT_DETACH) < 0)
        return -errno;
    close(o->root_fd);
    o->root_fd = -1;
    int err = 0;
    for (size_t i = 0; i < o->n && !err; i++) {
        if (o->covers[i].kind == COVER_OVERLAY) {
            remove_layers(o, i);
            o->covers[i].generation++;
        }
        err = apply(o, i);
    }
    finish_folders(o);
    return err ? err : move_to_root(o);
}

/* Return: whether cover @index is written to; @upper: its upper layer. */
static bool cover_is_used(const struct overlay *o, size_t index,
                          char upper[static PATH_MAX]) {
    const struct cover *c = &o->covers[index];
    if (c->kind != COVER_OVERLAY)
        return false;
    snprintf(upper, PATH_MAX, "%s/u%zu.%u", o->session, index, c->generation);
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
        if (cover_is_used(o, i, upper))
            written_add_layer(written, upper, o->covers[i].path, o->covers[i].lower);
}

int overlay_clean(struct overlay *o) {
    size_t used = 0, last = 0;
    char upper[PATH_MAX];
    for (size_t i = 0; i < o->n; i++)
        if (cover_is_used(o, i, upper)) {
            used++;
            last = i;
        }
    if (used == 0)
        return 0;
    int err = used == 1 && o->covers[last].leaf ? renew_one(o, last) : renew_all(o);
    return err ? error_print_errno(err, "cannot renew the private working tree") : 0;
}
