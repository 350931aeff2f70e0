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

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "before.h"
#include "cover.h"
#include "covering.h"
#include "error.h"
#include "mounts.h"
#include "namespace.h"
#include "overlay_private.h"
#include "text.h"
#include "written.h"

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
    struct cover *c = covering_add(o, COVER_BIND, o->session, false);
    if (!c)
        return -errno;
    close(c->lower); /* that was the tmpfs; the real one was opened before */
    c->lower = o->session_fd;
    c->leaf = false;
    c->writable = true;
    for (size_t i = 0; i < o->n; i++)
        if (mounts_is_below(o->session, o->covers[i].path))
            o->covers[i].leaf = false;
    return cover_apply(o, o->n - 1);
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

static int build_first(struct overlay *o, const struct scratch_options *options,
                       char **missing) {
    const char *cwd = options->cwd;
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
    int err = covering_tree(o, "/", false);
    if (!err && is_left_out(o, cwd)) {
        free(*missing);
        *missing = text_format("the kernel puts no overlay over %s, where the program "
                               "runs (an overlay on overlays, or a file system that "
                               "overlayfs does not take)",
                               cwd);
        return -EOPNOTSUPP;
    }
    if (!err) {
        covering_sockets(o);
        covering_programs(o, options->programs);
        err = share_session(o);
    }
    cover_finish_folders(o);
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
        err = build_first(o, options, missing);
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
        if (o->covers[i].former >= 0)
            close(o->covers[i].former);
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
            cover_remove_layers(o, i);
            o->covers[i].generation++;
        }
        err = cover_apply_again(o, i);
    }
    cover_finish_folders(o);
    return err ? err : move_to_root(o);
}

/* Was anything mounted or unmounted since the last time? Source: proc(5), "/proc/PID/mounts". */
static bool mounts_changed(const struct overlay *o) {
    struct pollfd table = {o->table_fd, POLLPRI, 0};
    return o->table_fd >= 0 && poll(&table, 1, 0) > 0;
}

/* What was written to the view so far is in every fresh one: a layer between it and the real thing,
 * a copy of a file instead of the real one. */
static int keep_layer(struct overlay *o, size_t index) {
    struct cover *c = &o->covers[index];
    char upper[PATH_MAX];
    if (!cover_is_used(o, index, upper))
        return 0;
    if (c->kind == COVER_FOLDER) /* what lies in it directly is made anew, never kept */
        return 0;
    int fd = open(upper, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (c->kind == COVER_OVERLAY) {
        c->former = fd;
    } else {
        close(c->lower);
        c->lower = fd;
        fstat(fd, &c->status);
    }
    c->generation++; /* of nothing yet: what was kept is not removed */
    return 0;
}

int overlay_put_before(struct overlay *o, const struct before *before,
                       struct tree_facts *tree) {
    int err = 0;
    tree->n_before =
        before_put(before, o->root_fd, "/", tree->not_before, sizeof tree->not_before);
    for (size_t i = 0; i < o->n && !err; i++)
        err = keep_layer(o, i);
    if (!err)
        err = renew_all(o);
    mounts_changed(o); /* those were ours */
    return err;
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
            written_add_layer(written, upper, o->covers[i].path,
                              (struct lower){o->covers[i].former, o->covers[i].lower});
}

bool overlay_moved(struct overlay *o) {
    o->moved |= mounts_changed(o);
    return o->moved;
}

/* Source: statx(2), STATX_MNT_ID, Linux 5.8; older C libraries have no word for it. */
static bool has_mount_id(const char *place, uint64_t id) {
    const uint32_t want_mount = 0x1000;
    struct {
        uint32_t mask, before[35];
        uint64_t mount;
        uint8_t after[256 - 152];
    } status;
    _Static_assert(sizeof status == 256 && offsetof(__typeof__(status), mount) == 144,
                   "as struct statx");
    return syscall(SYS_statx, AT_FDCWD, place, AT_SYMLINK_NOFOLLOW, want_mount,
                   &status) == 0 &&
           status.mask & want_mount && status.mount == id;
}

bool overlay_has_mount(const struct overlay *o, uint64_t id) {
    char place[PATH_MAX];
    for (size_t i = 0; i < o->n; i++) {
        if (o->covers[i].kind != COVER_OVERLAY)
            continue;
        cover_place(o, o->covers[i].path, place);
        if (has_mount_id(place, id))
            return true;
    }
    return false;
}

int overlay_clean(struct overlay *o) {
    bool moved = overlay_moved(o);
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
        !moved && used == 1 && o->covers[last].leaf ? cover_renew(o, last) : renew_all(o);
    mounts_changed(o); /* those were ours */
    o->moved = false;
    return err ? error_print_errno(err, "cannot renew the private working tree") : 0;
}
