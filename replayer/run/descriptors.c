/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twins of descriptors: see descriptors.h.
 *
 *   /proc/PID/fd/N  ─► regular file, folder             ─► opened again, at the same offset
 *                  ├─► one that is open already, by dup ─► the same twin
 *                  ├─► the attempt's own pipes         ─► the ones made for this copy
 *                  ├─► pipe, both ends in here         ─► a new pipe, what it holds duplicated
 *                  ├─► one end of it, nobody has the other ─► the same, that end closed
 *                  ├─► writing end, somebody waits to read ─► one that the worker reads
 *                  ├─► pair of idle unix sockets       ─► a new pair
 *                  ├─► eventfd                         ─► a new one, same count
 *                  ├─► null, zero, random              ─► stays: nothing to share
 *                  ├─► inherited from dearth's starter ─► stays: every execution has it
 *                  └─► anything else                   ─► refused
 *
 * A file opened for writing is the same file for both, by offsets of their own: what the copy writes is
 * taken back when it has ended (frozen.h), which the private tree allows and others do not.
 * Run by the worker while the original is stopped, so nothing changes under its hands.
 */
#include "descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "file_mark.h"
#include "frozen.h"
#include "mappings.h"
#include "scratch.h"
#include "text.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* every architecture; Linux 5.6 */
#endif

/* One end of a pipe, or a socket, until its partner is found. */
struct end {
    uint64_t ino;
    int fd;
    int flags;   /* as open(2) and F_GETFL have them */
    int type;    /* sockets: SO_TYPE */
    bool writes; /* pipes */
};
#define MAX_ENDS SHM_COPY_DESCRIPTORS

struct inventory {
    const struct descriptors_request *request;
    struct descriptors *out;
    int folder; /* /proc/PID/fd */
    struct end pipes[MAX_ENDS], sockets[MAX_ENDS];
    uint32_t n_pipes, n_sockets;
    struct {
        uint64_t dev, ino;
        int fd;
        uint32_t at; /* place in out->message */
    } files[SHM_COPY_DESCRIPTORS];
    uint32_t n_files;
    uint64_t relayed; /* pipe to a reader; 0 = none yet */
};

struct info {
    long long position;
    int flags;
    unsigned long long count; /* eventfd */
    unsigned long long mount; /* id, 0 = not known */
    bool has_count;
    bool locked; /* its process holds a lock on it, which a copy would not */
};

static bool read_info(const struct inventory *w, int fd, struct info *out) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", w->request->pid, fd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return false;
    ssize_t n = read(info, text, sizeof text - 1);
    close(info);
    text[n > 0 ? n : 0] = 0;
    *out = (struct info){.locked = strstr(text, "\nlock:") != NULL};
    const char *count = strstr(text, "eventfd-count:");
    out->has_count = count && sscanf(count, "eventfd-count: %llx", &out->count) == 1;
    const char *mount = strstr(text, "mnt_id:");
    if (!mount || sscanf(mount, "mnt_id: %llu", &out->mount) != 1)
        out->mount = 0;
    return sscanf(text, "pos: %lld flags: %o", &out->position, (unsigned *)&out->flags) ==
           2;
}

static enum shm_refusal place_as(struct inventory *w, int at, enum shm_cloexec cloexec,
                                 int with, bool owned) {
    struct shm_copy_message *m = &w->out->message;
    if (m->n == SHM_COPY_DESCRIPTORS) {
        if (owned)
            close(with);
        return SHM_REFUSED_DESCRIPTOR;
    }
    w->out->fd[m->n] = with;
    w->out->owned[m->n] = owned;
    m->place[m->n].fd = at;
    m->place[m->n].cloexec = cloexec;
    m->n++;
    return SHM_REFUSED_NOT;
}

static enum shm_refusal place(struct inventory *w, int at, int flags, int with,
                              bool owned) {
    return place_as(w, at, flags & O_CLOEXEC ? SHM_CLOEXEC_ON : SHM_CLOEXEC_OFF, with,
                    owned);
}

/* --- files --- */

/* Handed down from whoever started dearth: every execution shares those with all others. */
static bool is_inherited(int fd, const struct stat *status) {
    struct stat ours;
    int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;
    return flags >= 0 && !(flags & FD_CLOEXEC) && fstat(fd, &ours) == 0 &&
           file_mark_is_one(&ours, status);
}

/* Is it the same open file, by dup() or a fork, as one that has its twin? Return: that, -1 = none, -2 = it
 * cannot be told. Source: kcmp(2). */
static int find_twin(const struct inventory *w, int fd, const struct stat *status) {
    enum { SAME_FILE = 0 /* KCMP_FILE */ };
    pid_t pid = w->request->pid;
    for (uint32_t i = 0; i < w->n_files; i++) {
        if (w->files[i].dev != status->st_dev || w->files[i].ino != status->st_ino)
            continue;
        long order = syscall(SYS_kcmp, pid, pid, SAME_FILE, w->files[i].fd, fd);
        if (order <= 0)
            return order < 0 ? -2 : (int)w->files[i].at;
    }
    return -1;
}

static void note_twin(struct inventory *w, int fd, const struct stat *status) {
    if (w->n_files == SHM_COPY_DESCRIPTORS)
        return;
    w->files[w->n_files].dev = status->st_dev;
    w->files[w->n_files].ino = status->st_ino;
    w->files[w->n_files].fd = fd;
    w->files[w->n_files++].at = w->out->message.n - 1;
}

/* @name: of it in @folder */
static int open_again(int folder, const char *name, const struct info *info,
                      const struct stat *status) {
    const int kept =
        O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_SYNC | O_DSYNC | O_NOATIME;
    int again = openat(folder, name,
                       (info->flags & kept) | O_CLOEXEC |
                           (S_ISDIR(status->st_mode) ? O_DIRECTORY : 0));
    if (again >= 0 && info->position && lseek(again, info->position, SEEK_SET) < 0) {
        close(again);
        return -1;
    }
    return again;
}

static enum shm_refusal place_again(struct inventory *w, int again, int fd,
                                    const struct info *info, const struct stat *status) {
    if (again < 0)
        return SHM_REFUSED_DESCRIPTOR;
    enum shm_refusal refusal = place(w, fd, info->flags, again, true);
    if (refusal == SHM_REFUSED_NOT)
        note_twin(w, fd, status);
    return refusal;
}

/* Can be taken back what a copy writes to it? */
static bool is_private(const struct inventory *w, const char *name,
                       const struct info *info, const struct stat *status) {
    if (!w->request->quiet || !scratch_has_mount(w->request->scratch, info->mount))
        return false;
    if (status->st_nlink)
        return true; /* it is in the tree */
    int fd = openat(w->folder, name, O_RDWR | O_CLOEXEC);
    return fd >= 0 && frozen_add_nameless(w->request->frozen, fd);
}

static enum shm_refusal take_file(struct inventory *w, const char *name, int fd,
                                  const struct stat *status) {
    struct info info;
    if (!read_info(w, fd, &info))
        return SHM_REFUSED_DESCRIPTOR;
    if (info.flags & O_PATH)
        return SHM_REFUSED_NOT;
    bool writes = (info.flags & O_ACCMODE) != O_RDONLY;
    if (writes && is_inherited(fd, status))
        return SHM_REFUSED_NOT;
    if (info.locked)
        return SHM_REFUSED_DESCRIPTOR;
    int twin = find_twin(w, fd, status);
    if (twin >= 0)
        return place(w, fd, info.flags, w->out->fd[twin], false);
    if (writes && (twin == -2 || !is_private(w, name, &info, status)))
        return SHM_REFUSED_FILES;
    return place_again(w, open_again(w->folder, name, &info, status), fd, &info, status);
}

/* Devices without a state. Source: the kernel's Documentation/admin-guide/devices.txt. */
static bool is_stateless(dev_t device) {
    unsigned n = minor(device);
    return major(device) == 1 && (n == 3 || n == 5 || n == 7 || n == 8 || n == 9);
}

/* --- pipes, sockets, eventfds --- */

/* Has no other process of the tree an end of it? */
static bool is_only_here(const struct descriptors_request *r, const struct stat *status) {
    return r->alone ||
           (r->quiet && r->holders.hold(r->holders.context, status) != FROZEN_HELD);
}

/* Does somebody wait for what this end writes? Then the worker takes it: one such pipe. */
static bool is_relayed(struct inventory *w, const struct info *info, uint64_t ino) {
    const struct descriptors_request *r = w->request;
    bool read = false;
    for (uint32_t i = 0; i < r->n_readers; i++)
        read |= r->readers[i].ino == ino;
    if (!read || (info->flags & O_ACCMODE) != O_WRONLY ||
        (w->relayed && w->relayed != ino))
        return false;
    w->relayed = ino;
    return true;
}

static enum shm_refusal take_pipe(struct inventory *w, int fd,
                                  const struct stat *status) {
    struct info info;
    uint64_t ino = status->st_ino;
    for (int i = 0; i < 3; i++)
        if (w->request->own[i].ino == ino)
            return place_as(w, fd, SHM_CLOEXEC_AS_IT_IS, w->request->own[i].fd, false);
    if (!read_info(w, fd, &info))
        return SHM_REFUSED_DESCRIPTOR;
    if (is_relayed(w, &info, ino))
        return place(w, fd, info.flags, w->request->relay, false);
    if (w->n_pipes == MAX_ENDS || !is_only_here(w->request, status))
        return SHM_REFUSED_PIPE;
    w->pipes[w->n_pipes++] = (struct end){
        .ino = ino,
        .fd = fd,
        .flags = info.flags,
        .writes = (info.flags & O_ACCMODE) != O_RDONLY,
    };
    return SHM_REFUSED_NOT;
}

/* A connected unix socket without a name and with nothing under way. */
static bool is_idle_pair(int socket, int *type) {
    int domain = 0, unread = 0, unsent = 0;
    socklen_t n = sizeof domain, n_type = sizeof *type;
    struct sockaddr_un name = {0}, peer = {0};
    socklen_t n_name = sizeof name, n_peer = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
           domain == AF_UNIX &&
           getsockopt(socket, SOL_SOCKET, SO_TYPE, type, &n_type) == 0 &&
           getsockname(socket, (struct sockaddr *)&name, &n_name) == 0 &&
           n_name <= sizeof(sa_family_t) &&
           getpeername(socket, (struct sockaddr *)&peer, &n_peer) == 0 &&
           n_peer <= sizeof(sa_family_t) && ioctl(socket, FIONREAD, &unread) == 0 &&
           ioctl(socket, SIOCOUTQ, &unsent) == 0 && unread == 0 && unsent == 0;
}

static enum shm_refusal take_socket(struct inventory *w, int fd, uint64_t ino) {
    struct info info;
    if (!read_info(w, fd, &info))
        return SHM_REFUSED_DESCRIPTOR;
    if (!w->request->alone || w->n_sockets == MAX_ENDS)
        return SHM_REFUSED_SOCKET;
    int socket = (int)syscall(SYS_pidfd_getfd, w->request->pidfd, fd, 0), type = 0;
    if (socket < 0)
        return SHM_REFUSED_SOCKET;
    bool idle = is_idle_pair(socket, &type);
    close(socket);
    if (!idle)
        return SHM_REFUSED_SOCKET;
    w->sockets[w->n_sockets++] =
        (struct end){.ino = ino, .fd = fd, .flags = info.flags, .type = type};
    return SHM_REFUSED_NOT;
}

static enum shm_refusal take_eventfd(struct inventory *w, int fd) {
    struct info info;
    if (!read_info(w, fd, &info) || !info.has_count || info.count > UINT32_MAX)
        return SHM_REFUSED_DESCRIPTOR;
    int again = eventfd((unsigned)info.count,
                        EFD_CLOEXEC | (info.flags & O_NONBLOCK ? EFD_NONBLOCK : 0));
    return again < 0 ? SHM_REFUSED_LIMIT : place(w, fd, info.flags, again, true);
}

static int flags_of_end(const struct end *e) {
    return O_CLOEXEC | (e->flags & O_NONBLOCK);
}

/* What the pipe holds is duplicated without being read. Source: tee(2). */
static bool duplicate_contents(const struct inventory *w, const struct end *reader,
                               int to) {
    char name[16];
    int unread = 0;
    snprintf(name, sizeof name, "%d", reader->fd);
    int from = openat(w->folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool done = from >= 0 && ioctl(from, FIONREAD, &unread) == 0 &&
                (unread == 0 || tee(from, to, (size_t)unread, 0) == unread);
    if (from >= 0)
        close(from);
    return done;
}

/* What has no name is opened by nobody any more. Nor has whoever started dearth an end of it: then so have we. */
static bool is_other_end_gone(const struct inventory *w, const struct end *e) {
    char name[16], link[64];
    struct stat status, ours;
    snprintf(name, sizeof name, "%d", e->fd);
    ssize_t n = readlinkat(w->folder, name, link, sizeof link - 1);
    bool gone = n > 0 && strncmp(link, "pipe:[", 6) == 0 &&
                fstatat(w->folder, name, &status, 0) == 0;
    DIR *folder = gone ? opendir("/proc/self/fd") : NULL;
    for (struct dirent *d; gone && folder && (d = readdir(folder));)
        gone = d->d_name[0] == '.' || fstatat(dirfd(folder), d->d_name, &ours, 0) < 0 ||
               !file_mark_is_one(&ours, &status);
    if (folder)
        closedir(folder);
    return gone && folder;
}

static enum shm_refusal twin_pipe(struct inventory *w, struct end *e) {
    struct end *partner = NULL;
    for (uint32_t i = 0; i < w->n_pipes; i++)
        if (w->pipes[i].ino == e->ino && w->pipes[i].writes != e->writes)
            partner = &w->pipes[i];
    if (!partner && !is_other_end_gone(w, e))
        return SHM_REFUSED_PIPE;
    const struct end *r = e->writes ? partner : e, *wr = e->writes ? e : partner;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return SHM_REFUSED_LIMIT;
    if (r && !duplicate_contents(w, r, ends[1])) {
        close(ends[0]);
        close(ends[1]);
        return SHM_REFUSED_PIPE;
    }
    fcntl(ends[0], F_SETFL, r ? r->flags & O_NONBLOCK : 0);
    fcntl(ends[1], F_SETFL, wr ? wr->flags & O_NONBLOCK : 0);
    enum shm_refusal refusal = SHM_REFUSED_NOT;
    uint64_t ino = e->ino;
    bool given[2] = {false, false};
    for (uint32_t i = 0; i < w->n_pipes && refusal == SHM_REFUSED_NOT; i++) {
        struct end *one = &w->pipes[i];
        if (one->ino != ino)
            continue;
        refusal = place(w, one->fd, one->flags, ends[one->writes], !given[one->writes]);
        given[one->writes] = true;
        one->ino = 0;
    }
    for (int i = 0; i < 2; i++)
        if (!given[i])
            close(ends[i]);
    return refusal;
}

/* socketpair() makes two inodes one after the other. */
static enum shm_refusal twin_socket(struct inventory *w, struct end *e) {
    struct end *partner = NULL;
    for (uint32_t i = 0; i < w->n_sockets; i++)
        if (w->sockets[i].ino == e->ino + 1 && w->sockets[i].type == e->type)
            partner = &w->sockets[i];
    if (!partner)
        return SHM_REFUSED_SOCKET;
    int ends[2];
    if (socketpair(AF_UNIX, e->type | SOCK_CLOEXEC, 0, ends) < 0)
        return SHM_REFUSED_LIMIT;
    fcntl(ends[0], F_SETFL, flags_of_end(e) & O_NONBLOCK);
    fcntl(ends[1], F_SETFL, flags_of_end(partner) & O_NONBLOCK);
    enum shm_refusal refusal = place(w, e->fd, e->flags, ends[0], true);
    if (refusal == SHM_REFUSED_NOT)
        refusal = place(w, partner->fd, partner->flags, ends[1], true);
    else
        close(ends[1]);
    e->ino = partner->ino = 0;
    return refusal;
}

static int by_inode(const void *a, const void *b) {
    uint64_t x = ((const struct end *)a)->ino, y = ((const struct end *)b)->ino;
    return x < y ? -1 : x > y;
}

static enum shm_refusal make_twins(struct inventory *w) {
    enum shm_refusal refusal = SHM_REFUSED_NOT;
    qsort(w->sockets, w->n_sockets, sizeof *w->sockets, by_inode);
    for (uint32_t i = 0; i < w->n_pipes && refusal == SHM_REFUSED_NOT; i++)
        if (w->pipes[i].ino)
            refusal = twin_pipe(w, &w->pipes[i]);
    for (uint32_t i = 0; i < w->n_sockets && refusal == SHM_REFUSED_NOT; i++)
        if (w->sockets[i].ino)
            refusal = twin_socket(w, &w->sockets[i]);
    return refusal;
}

/* --- all of them --- */

static enum shm_refusal take(struct inventory *w, const char *name) {
    const struct descriptors_request *r = w->request;
    int fd = atoi(name);
    if (fd == r->skip[0] || fd == r->skip[1])
        return SHM_REFUSED_NOT;
    struct stat status;
    if (fstatat(w->folder, name, &status, 0) < 0)
        return SHM_REFUSED_DESCRIPTOR;
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        return take_file(w, name, fd, &status);
    if (is_inherited(fd, &status))
        return SHM_REFUSED_NOT;
    switch (status.st_mode & S_IFMT) {
    case S_IFCHR:
        return is_stateless(status.st_rdev) ? SHM_REFUSED_NOT : SHM_REFUSED_DESCRIPTOR;
    case S_IFIFO:
        return take_pipe(w, fd, &status);
    case S_IFSOCK:
        return take_socket(w, fd, status.st_ino);
    default:
        break;
    }
    char link[64];
    ssize_t n = readlinkat(w->folder, name, link, sizeof link - 1);
    link[n > 0 ? n : 0] = 0;
    return strcmp(link, "anon_inode:[eventfd]") == 0 ? take_eventfd(w, fd)
                                                     : SHM_REFUSED_DESCRIPTOR;
}

static enum shm_refusal
for_each(const struct descriptors_request *request, struct descriptors *out,
         enum shm_refusal (*visit)(struct inventory *, const char *)) {
    char path[64];
    struct inventory w = {.request = request, .out = out};
    out->message.n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", request->pid);
    DIR *folder = opendir(path);
    if (!folder)
        return SHM_REFUSED_UNAVAILABLE;
    w.folder = dirfd(folder);
    enum shm_refusal refusal = SHM_REFUSED_NOT;
    for (struct dirent *e; refusal == SHM_REFUSED_NOT && (e = readdir(folder));)
        if (e->d_name[0] != '.')
            refusal = visit(&w, e->d_name);
    if (refusal == SHM_REFUSED_NOT)
        refusal = make_twins(&w);
    closedir(folder);
    return refusal;
}

enum shm_refusal descriptors_make(const struct descriptors_request *request,
                                  struct descriptors *out) {
    return for_each(request, out, take);
}

void descriptors_deinit(struct descriptors *d) {
    for (uint32_t i = 0; i < d->message.n; i++)
        if (d->owned[i])
            close(d->fd[i]);
    d->message.n = 0;
}

enum frozen_hold descriptors_hold(pid_t pid, const struct stat *file) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/cwd", pid);
    if (stat(path, &status) < 0 || mappings_have(pid, file->st_ino) ||
        file_mark_is_one(&status, file))
        return FROZEN_HELD;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return FROZEN_HELD;
    bool held = false;
    for (struct dirent *e; !held && (e = readdir(folder));)
        held = e->d_name[0] != '.' &&
               fstatat(dirfd(folder), e->d_name, &status, 0) == 0 &&
               file_mark_is_one(&status, file);
    closedir(folder);
    return held ? FROZEN_OPEN : FROZEN_FREE;
}

static bool reads(int folder, const char *name, const struct frozen_file *file) {
    int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    AUTO_FREE char *data = fd >= 0 ? frozen_contents(fd, file->n) : NULL;
    if (fd >= 0)
        close(fd);
    return data && memcmp(data, file->data, file->n) == 0;
}

/* By its number alone: which device the view shows it on, only the view knows. */
bool descriptors_read(pid_t pid, const struct frozen_file *file) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    bool same = folder;
    for (struct dirent *e; same && (e = readdir(folder));)
        if (e->d_name[0] != '.' && fstatat(dirfd(folder), e->d_name, &status, 0) == 0 &&
            S_ISREG(status.st_mode) && status.st_ino == file->ino &&
            !frozen_has(file->frozen, &status))
            same = reads(dirfd(folder), e->d_name, file);
    if (folder)
        closedir(folder);
    return same;
}

/* --- of the original, when its files are others --- */

static const struct frozen_made *find_made(const struct inventory *w,
                                           const struct stat *status) {
    const struct frozen_made *made;
    size_t n = frozen_made(w->request->frozen, &made);
    for (size_t i = 0; i < n; i++)
        if (file_mark_is_one(&made[i].old, status))
            return &made[i];
    return NULL;
}

static enum shm_refusal renew(struct inventory *w, const char *name) {
    struct stat status;
    struct info info;
    char link[64];
    int fd = atoi(name);
    const struct frozen_made *made;
    if (fd == w->request->skip[0] || fd == w->request->skip[1])
        return SHM_REFUSED_NOT;
    if (fstatat(w->folder, name, &status, 0) < 0)
        return SHM_REFUSED_DESCRIPTOR;
    if (!(made = find_made(w, &status)))
        return SHM_REFUSED_NOT;
    if (!read_info(w, fd, &info) || info.flags & O_PATH)
        return SHM_REFUSED_DESCRIPTOR;
    int twin = find_twin(w, fd, &status);
    if (twin >= 0)
        return place(w, fd, info.flags, w->out->fd[twin], false);
    if (twin == -2)
        return SHM_REFUSED_DESCRIPTOR;
    snprintf(link, sizeof link, "/proc/self/fd/%d", made->fd);
    return place_again(w, open_again(AT_FDCWD, link, &info, &status), fd, &info, &status);
}

enum shm_refusal descriptors_renew(const struct descriptors_request *request,
                                   struct descriptors *out) {
    return for_each(request, out, renew);
}
