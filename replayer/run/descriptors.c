/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twins of descriptors: see descriptors.h.
 *
 *   /proc/PID/fd/N  ─► regular file, folder, read only ─► opened again, at the same offset
 *                  ├─► the attempt's own pipes         ─► the ones made for this copy
 *                  ├─► pipe, both ends in here         ─► a new pipe, what it holds duplicated
 *                  ├─► pair of idle unix sockets       ─► a new pair
 *                  ├─► eventfd                         ─► a new one, same count
 *                  ├─► null, zero, random              ─► stays: nothing to share
 *                  ├─► inherited from dearth's starter ─► stays: every execution has it
 *                  └─► anything else                   ─► refused
 *
 * A file opened for writing is refused too: the original would see what the copy writes.
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
};

struct info {
    long long position;
    int flags;
    unsigned long long count; /* eventfd */
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
    return sscanf(text, "pos: %lld flags: %o", &out->position, (unsigned *)&out->flags) ==
           2;
}

static enum shm_refusal place(struct inventory *w, int at, int flags, int with,
                              bool owned) {
    struct shm_copy_message *m = &w->out->message;
    if (m->n == SHM_COPY_DESCRIPTORS) {
        if (owned)
            close(with);
        return SHM_REFUSED_DESCRIPTOR;
    }
    w->out->fd[m->n] = with;
    w->out->owned[m->n] = owned;
    m->place[m->n].fd = at;
    m->place[m->n].cloexec = (flags & O_CLOEXEC) != 0;
    m->n++;
    return SHM_REFUSED_NOT;
}

/* --- files --- */

/* Handed down from whoever started dearth: every execution shares those with all others. */
static bool is_inherited(int fd, const struct stat *status) {
    struct stat ours;
    int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;
    return flags >= 0 && !(flags & FD_CLOEXEC) && fstat(fd, &ours) == 0 &&
           ours.st_dev == status->st_dev && ours.st_ino == status->st_ino;
}

static enum shm_refusal take_file(struct inventory *w, const char *name, int fd,
                                  const struct stat *status) {
    struct info info;
    if (!read_info(w, fd, &info))
        return SHM_REFUSED_DESCRIPTOR;
    if (info.flags & O_PATH)
        return SHM_REFUSED_NOT;
    if ((info.flags & O_ACCMODE) != O_RDONLY)
        return is_inherited(fd, status) ? SHM_REFUSED_NOT : SHM_REFUSED_FILES;
    if (info.locked)
        return SHM_REFUSED_DESCRIPTOR;
    int again =
        openat(w->folder, name,
               O_RDONLY | O_CLOEXEC | (S_ISDIR(status->st_mode) ? O_DIRECTORY : 0) |
                   (info.flags & O_NONBLOCK));
    if (again < 0)
        return SHM_REFUSED_DESCRIPTOR;
    if (info.position && lseek(again, info.position, SEEK_SET) < 0) {
        close(again);
        return SHM_REFUSED_DESCRIPTOR;
    }
    return place(w, fd, info.flags, again, true);
}

/* Devices without a state. Source: the kernel's Documentation/admin-guide/devices.txt. */
static bool is_stateless(dev_t device) {
    unsigned n = minor(device);
    return major(device) == 1 && (n == 3 || n == 5 || n == 7 || n == 8 || n == 9);
}

/* --- pipes, sockets, eventfds --- */

static enum shm_refusal take_pipe(struct inventory *w, int fd, uint64_t ino) {
    struct info info;
    if (!read_info(w, fd, &info))
        return SHM_REFUSED_DESCRIPTOR;
    for (int i = 0; i < 3; i++)
        if (w->request->own[i].ino == ino)
            return place(w, fd, info.flags, w->request->own[i].fd, false);
    if (!w->request->alone || w->n_pipes == MAX_ENDS)
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

static enum shm_refusal twin_pipe(struct inventory *w, struct end *e) {
    struct end *partner = NULL;
    for (uint32_t i = 0; i < w->n_pipes; i++)
        if (w->pipes[i].ino == e->ino && w->pipes[i].writes != e->writes)
            partner = &w->pipes[i];
    if (!partner)
        return SHM_REFUSED_PIPE;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return SHM_REFUSED_LIMIT;
    if (!duplicate_contents(w, e->writes ? partner : e, ends[1])) {
        close(ends[0]);
        close(ends[1]);
        return SHM_REFUSED_PIPE;
    }
    const struct end *r = e->writes ? partner : e, *wr = e->writes ? e : partner;
    fcntl(ends[0], F_SETFL, r->flags & O_NONBLOCK);
    fcntl(ends[1], F_SETFL, wr->flags & O_NONBLOCK);
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
        return take_pipe(w, fd, status.st_ino);
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

enum shm_refusal descriptors_make(const struct descriptors_request *request,
                                  struct descriptors *out) {
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
            refusal = take(&w, e->d_name);
    if (refusal == SHM_REFUSED_NOT)
        refusal = make_twins(&w);
    closedir(folder);
    return refusal;
}

void descriptors_deinit(struct descriptors *d) {
    for (uint32_t i = 0; i < d->message.n; i++)
        if (d->owned[i])
            close(d->fd[i]);
    d->message.n = 0;
}
