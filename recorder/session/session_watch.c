/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches a recording: see session_watch.h. Source: fcntl(2), Open file description locks. */
#include "session_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include "session.h"

#define WATCH_BYTE (1ll << 62)

int session_watch_begin(const char *arena) {
    int fd = arena ? open(arena, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = WATCH_BYTE, .l_len = 1};
    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    close(fd);
    return -1;
}

void session_watch_end(int watch) {
    if (watch >= 0)
        close(watch);
}

bool session_is_watched(const struct session *session) {
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = WATCH_BYTE, .l_len = 1};
    return fcntl(session->arena_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
