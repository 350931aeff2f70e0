/* SPDX-License-Identifier: Apache-2.0 */
/* Standard descriptors: see standard_input.h. */
#include "standard_input.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "record_row.h"
#include "text.h"

void standard_input_fill(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

void standard_input_look(struct record_stdin *in) {
    struct stat st, named;
    char path[4096];
    *in = (struct record_stdin){.kind = "none"};
    if (fcntl(STDIN_FILENO, F_GETFD) < 0 || fstat(STDIN_FILENO, &st) < 0)
        return;
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
        return; /* /dev/null */
    in->kind = "other";
    if (S_ISFIFO(st.st_mode))
        in->kind = "pipe";
    else if (isatty(STDIN_FILENO))
        in->kind = "tty";
    else if (S_ISREG(st.st_mode)) {
        ssize_t n = readlink("/proc/self/fd/0", path, sizeof path - 1);
        path[n > 0 ? n : 0] = 0;
        off_t offset = lseek(STDIN_FILENO, 0, SEEK_CUR);
        if (stat(path, &named) < 0 || named.st_ino != st.st_ino ||
            named.st_dev != st.st_dev || offset < 0)
            return; /* deleted: nobody can open it again */
        in->kind = "file";
        in->path = text_dup(path);
        in->offset = (uint64_t)offset;
    }
}
