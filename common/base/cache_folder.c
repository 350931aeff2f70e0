/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept in the user's folder: see cache_folder.h. */
#include "cache_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "output.h"
#include "text.h"

static bool is_ours(const struct stat *st) {
    return st->st_uid == geteuid() && !(st->st_mode & 077);
}

int cache_folder_open(void) {
    const char *off = getenv("DEARTH_SYMBOL_CACHE"), *base = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    struct stat st;
    if ((off && strcmp(off, "off") == 0) || geteuid() != getuid())
        return -1;
    bool named = base && *base == '/';
    if (!named && (!home || *home != '/'))
        return -1;
    AUTO_FREE char *above = named ? text_dup(base) : text_format("%s/.cache", home);
    AUTO_FREE char *path = text_format("%s/dearth", above);
    if (mkdir(path, 0700) < 0 && errno == ENOENT && mkdir(above, 0700) == 0)
        mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !is_ours(&st))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

char *cache_folder_read(int folder, const char *name, size_t least, size_t most,
                        size_t *bytes) {
    struct stat st;
    char *content = NULL;
    int fd =
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return NULL;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_ours(&st) &&
                st.st_size >= (off_t)least && st.st_size <= (off_t)most;
    if (good && (content = malloc((size_t)st.st_size)) &&
        read(fd, content, (size_t)st.st_size) != st.st_size) {
        free(content);
        content = NULL;
    }
    if (content && st.st_mtim.tv_sec + CACHE_FOLDER_DAY_S < time(NULL))
        futimens(fd, NULL); /* it is used: others go first */
    close(fd);
    *bytes = content ? (size_t)st.st_size : 0;
    return content;
}

bool cache_folder_write(int folder, const char *name, const void *data, size_t n) {
    AUTO_FREE char *half =
        text_format("%.8s.%ld.%llx" CACHE_FOLDER_HALF, name, (long)getpid(),
                    (unsigned long long)clock_mono_ns());
    int fd =
        openat(folder, half, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = output_put(fd, data, n) == n;
    good = close(fd) == 0 && good;
    if (!good || renameat(folder, half, folder, name) < 0) {
        unlinkat(folder, half, 0);
        return false;
    }
    return true;
}
