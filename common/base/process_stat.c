/* SPDX-License-Identifier: Apache-2.0 */
/* Reading /proc/PID/stat: see process_stat.h. */
#include "process_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int parse(char *text, struct process_stat *out) {
    unsigned long long start;
    const char *after = strrchr(text, ')'); /* the name may hold anything */
    const char *last = strrchr(text, ' ');
    if (!after || !last ||
        sscanf(after + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
               "%*d %*d %d %*d %llu",
               &out->state, &out->threads, &start) != 3 ||
        sscanf(last, " %d", &out->status) != 1)
        return -EIO;
    out->start = start;
    return 0;
}

int process_stat_read(int64_t pid, struct process_stat *out) {
    char path[64], text[1024];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = fstat(fd, &st) < 0 ? -1 : read(fd, text, sizeof text - 1);
    int err = n < 0 ? -errno : 0;
    close(fd);
    if (err)
        return err;
    text[n] = 0;
    out->owner = st.st_uid;
    return parse(text, out);
}
