/* SPDX-License-Identifier: Apache-2.0 */
/* The room of the last words: see last_room.h. */
#include "last_room.h"

#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#include "text.h"

/* A row of the recording, a note and their pages above them in the tree, once in the log and once in the
 * database; the log's own index. */
#define BYTES (96 * 1024)

int last_room_take(const char *path) {
    AUTO_FREE char *copy = text_dup(path);
    int fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0 && fallocate(fd, 0, 0, BYTES) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int last_room_give(int room) {
    if (room >= 0) {
        (void)!ftruncate(room, 0); /* a child of ours may have a copy still */
        close(room);
    }
    return -1;
}
