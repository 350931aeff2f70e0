/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file what it was? */
#ifndef DEARTH_FILE_MARK_H
#define DEARTH_FILE_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct stat; /* <sys/stat.h> */

struct file_mark { /* all zero: there is no such file */
    uint64_t device, inode, bytes, modified_ns, changed_ns;
};

/** Return: what @path is now, as stat(2) says. */
struct file_mark file_mark_of(const char *path);

bool file_mark_equal(const struct file_mark *a, const struct file_mark *b);

/** Do both tell of one file, whatever is in it? */
bool file_mark_is_one(const struct stat *a, const struct stat *b);

/** Was it changed so lately that its next change may leave no mark? Clocks of file systems move in steps. */
bool file_mark_fresh(const struct file_mark *mark);

#endif
