/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an overlay's upper layer lies on: see lower.h.
 *
 *   former   a layer of its own, perhaps: what it says of a name alone counts
 *   real     the file system
 */
#include "lower.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A deleted file is a device 0:0 there. Source: Documentation/filesystems/overlayfs.rst,
 * "whiteouts and opaque directories". */
bool lower_is_whiteout(const struct stat *status) {
    return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

bool lower_has_mark(const char *path, const char *mark) {
    static const char *const spaces[] = {"trusted", "user"};
    char name[64], value[PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s.overlay.%s", spaces[i], mark);
        if (getxattr(path, name, value, sizeof value) > 0)
            return true;
    }
    return false;
}

static bool is_former(struct lower lower, const char *name, struct stat *status) {
    return lower.former >= 0 &&
           fstatat(lower.former, name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool lower_status(struct lower lower, const char *name, struct stat *status) {
    if (is_former(lower, name, status))
        return !lower_is_whiteout(status);
    return lower.real >= 0 && fstatat(lower.real, name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

int lower_layer(struct lower lower, const char *name) {
    struct stat status;
    return is_former(lower, name, &status) ? lower.former : lower.real;
}

static int open_below(int folder, const char *name) {
    return folder < 0
               ? -1
               : openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

struct lower lower_open(struct lower lower, const char *name) {
    char path[64];
    struct stat status;
    struct lower out = {-1, -1};
    bool former = is_former(lower, name, &status);
    if (former)
        out.former = open_below(lower.former, name);
    snprintf(path, sizeof path, "/proc/self/fd/%d", out.former);
    if (!former || (out.former >= 0 && !lower_has_mark(path, "opaque")))
        out.real = open_below(lower.real, name);
    return out;
}

void lower_close(struct lower lower) {
    if (lower.former >= 0)
        close(lower.former);
    if (lower.real >= 0)
        close(lower.real);
}
