/* Entering a mount namespace, as root or through a user namespace: see namespace.h. */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int err = n < 0 ? -errno : 0;
    close(fd);
    return err;
}

static int map_ids(uid_t uid, gid_t gid) {
    char line[64];
    write_file("/proc/self/setgroups", "deny"); /* absent on old kernels */
    snprintf(line, sizeof line, "%u %u 1", uid, uid);
    int err = write_file("/proc/self/uid_map", line);
    snprintf(line, sizeof line, "%u %u 1", gid, gid);
    return err ? err : write_file("/proc/self/gid_map", line);
}

int namespace_enter(bool *user_namespace) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    *user_namespace = false;
    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return -errno;
        *user_namespace = true;
        int err = map_ids(uid, gid);
        if (err)
            return err;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}
