/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See confine.h. A descriptor outlives chroot(): a program that dearth was given `3>>log` with would
 * write to the real log in every attempt. Opened again by its path, in the attempt's own root, it
 * leads to the private one. Pipes and sockets lead to processes outside (the tokens of a make that
 * dearth runs below are such): attempts do without.
 *
 * Rights: the kernel lets nobody look through /proc/PID/root or /proc/PID/fd into a process that has
 * a right which he has not, unless he has CAP_SYS_PTRACE (ptrace(2), "Ptrace access mode checking").
 * Without that one right a root's attempt can look into its own processes and no others; without
 * CAP_DAC_READ_SEARCH it cannot open files by their numbers (open_by_handle_at(2)). In a user
 * namespace of ours an attempt has, besides, no right that dearth itself was started without.
 */
#include "confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

struct kept {
    int fd, flags;
    char *path;
    off_t offset;
};

static struct kept *kept;
static size_t n_kept;
static uint64_t rights; /* that programs may have, a bit each */
static bool ready;

/* --- rights --- */

static bool get_rights(struct __user_cap_data_struct data[2]) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &head, data) == 0;
}

static void give_up_rights(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (geteuid() == 0) /* for others an exec leaves nothing */
        for (int i = 0, has = 0; has >= 0 && i < 64; i++) /* < 0: there are no more */
            if (!(rights >> i & 1) && (has = prctl(PR_CAPBSET_READ, i, 0, 0, 0)) == 1)
                prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    if (!get_rights(data))
        return;
    for (int i = 0; i < 2; i++) {
        uint32_t allowed = (uint32_t)(rights >> 32 * i);
        data[i].effective &= allowed;
        data[i].permitted &= allowed;
        data[i].inheritable &= allowed;
    }
    syscall(SYS_capset, &head, data);
}

/* --- descriptors --- */

/* Return: the kind of what cannot be opened again, NULL = it can. */
static const char *other_kind(int fd, const struct stat *status, const char *path) {
    struct stat named;
    mode_t type = status->st_mode & S_IFMT;
    if (type == S_IFIFO)
        return "pipe";
    if (type == S_IFSOCK)
        return "socket";
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_ACCMODE ||
        (type != S_IFREG && type != S_IFDIR && type != S_IFCHR))
        return "special";
    if (path[0] != '/' || stat(path, &named) < 0 || named.st_dev != status->st_dev ||
        named.st_ino != status->st_ino)
        return "without a name";
    return NULL;
}

static void take(int fd, struct text *left_out) {
    char link[64], path[PATH_MAX];
    struct stat status;
    int mode = fcntl(fd, F_GETFD);
    if (fd <= STDERR_FILENO || mode < 0 || (mode & FD_CLOEXEC) || fstat(fd, &status) < 0)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    const char *kind = other_kind(fd, &status, path);
    if (kind) {
        text_addf(left_out, "%s%d (%s)", left_out->n ? " " : "", fd, kind);
        return;
    }
    kept = text_grow(kept, n_kept, sizeof *kept);
    kept[n_kept++] = (struct kept){
        .fd = fd,
        .flags = fcntl(fd, F_GETFL) &
                 (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECTORY | O_PATH),
        .path = text_dup(path),
        .offset = lseek(fd, 0, SEEK_CUR),
    };
}

void confine_init(char *left_out, size_t n) {
    AUTO_TEXT struct text said = {0};
    struct __user_cap_data_struct data[2];
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            take(atoi(e->d_name), &said);
    if (d)
        closedir(d);
    snprintf(left_out, n, "%s", said.n ? said.data : "");
    rights = UINT64_MAX;
    if (get_rights(data))
        rights = (data[0].permitted | (uint64_t)data[1].permitted << 32) &
                 ~(1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH);
    ready = true;
}

void confine_enter(void) {
    if (!ready)
        return;
    for (size_t i = 0; i < n_kept; i++) {
        const struct kept *k = &kept[i];
        int fd = open(k->path, k->flags | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
            continue; /* closed at the exec */
        if (k->offset > 0)
            lseek(fd, k->offset, SEEK_SET);
        if (fd == k->fd)
            fcntl(fd, F_SETFD, 0);
        else
            dup2(fd, k->fd); /* the other one is closed at the exec */
    }
    give_up_rights();
}
