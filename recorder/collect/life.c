/* SPDX-License-Identifier: Apache-2.0 */
/* Is a process over? See life.h. */
#include "life.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* The first thread of a process that has ended alone is a zombie as well: the others go on. */
static bool is_zombie(const struct process_stat *stat) {
    return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

enum life life_judge(const struct life_signs *s) {
    if (s->foreign)
        return LIFE_UNKNOWN;
    if (s->pidfd_ready == 1)
        return LIFE_OVER;
    if (s->kill_errno == ESRCH)
        return LIFE_OVER;
    if (!s->stat_errno && s->start && s->stat.start != s->start)
        return s->other_clock ? LIFE_UNKNOWN : LIFE_OVER;
    if (s->pidfd_ready == 0)
        return LIFE_GOES_ON;
    if (s->stat_errno)
        return LIFE_UNKNOWN;
    return is_zombie(&s->stat) ? LIFE_OVER : LIFE_GOES_ON;
}

/* Inode of what /proc/@who/ns/@kind names. Return: 0, or a negative errno. */
static int read_namespace(const char *who, const char *kind, uint64_t *inode) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/ns/%s", who, kind);
    *inode = 0;
    if (stat(path, &st) < 0)
        return -errno;
    *inode = st.st_ino;
    return 0;
}

uint64_t life_pid_namespace(void) {
    uint64_t inode;
    return read_namespace("self", "pid", &inode) == 0 ? inode : 0;
}

/* What starts in a time namespace of its own may see another time since boot, in /proc too. Whom we may
 * not ask may be in one. */
static bool has_other_clock(uint32_t pid) {
    char who[16];
    uint64_t own, other;
    snprintf(who, sizeof who, "%u", pid);
    int r = read_namespace("self", "time", &own);
    if (r == -ENOENT)
        return false; /* the kernel knows no such namespaces */
    return r < 0 || read_namespace(who, "time", &other) < 0 || own != other;
}

bool life_proc_known(void) {
    char text[32], own[32];
    ssize_t n = readlink("/proc/self", text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    snprintf(own, sizeof own, "%d", (int)getpid());
    return strcmp(text, own) == 0;
}

int life_open(uint32_t pid) {
    int fd = pid && pid <= INT32_MAX ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
    return fd >= 0 ? fd : pid && pid <= INT32_MAX ? -errno : -EINVAL;
}

int life_pidfd_ready(int pidfd) {
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    int n = pidfd < 0 ? -1 : poll(&ended, 1, 0);
    if (n < 0 || ended.revents & POLLNVAL)
        return -1;
    return n > 0;
}

/* A pid that nobody can have is none, not the whole group that kill() would take it for. */
static int kill_errno(uint32_t pid) {
    if (!pid || pid > INT32_MAX)
        return EINVAL;
    return kill((pid_t)pid, 0) < 0 ? errno : 0;
}

enum life life_look(const struct life_of *p, bool proc_known) {
    struct life_signs signs = {.foreign = p->foreign,
                               .pidfd_ready = -1,
                               .stat_errno = ENODATA,
                               .start = p->start};
    if (!p->foreign) {
        signs.pidfd_ready = life_pidfd_ready(p->pidfd);
        signs.kill_errno = kill_errno(p->pid);
        if (proc_known && signs.pidfd_ready != 1 && signs.kill_errno != ESRCH)
            signs.stat_errno = -process_stat_read(p->pid, &signs.stat);
        if (!signs.stat_errno && p->start && signs.stat.start != p->start)
            signs.other_clock = has_other_clock(p->pid);
    }
    return life_judge(&signs);
}
