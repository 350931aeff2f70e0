/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file what it was? See file_mark.h. */
#include "file_mark.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FRESH_NS 2000000000u /* no file system counts in longer steps (FAT: 2 s) */

static uint64_t ns_of(const struct timespec *t) {
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

struct file_mark file_mark_of(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return (struct file_mark){0};
    return (struct file_mark){.device = st.st_dev,
                              .inode = st.st_ino,
                              .bytes = (uint64_t)st.st_size,
                              .modified_ns = ns_of(&st.st_mtim),
                              .changed_ns = ns_of(&st.st_ctim)};
}

bool file_mark_equal(const struct file_mark *a, const struct file_mark *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

bool file_mark_is_one(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool file_mark_fresh(const struct file_mark *mark) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return mark->changed_ns && mark->changed_ns + FRESH_NS > ns_of(&now);
}
