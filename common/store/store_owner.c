/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a database is: see store_owner.h. Only the folder that the file lies in is looked at: who
 * may replace that can only put files of their own there. */
#include "store_owner.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_id.h"
#include "text.h"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

/* @what: the subject of the sentence, "" for the database itself. */
static char *look_at(const char *what, const struct stat *st) {
    if (st->st_uid != geteuid())
        return text_format("%sbelongs to user %u, not to you (%u)", what,
                           (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & OTHERS_WRITE)
        return text_format("%smay be written to by others (mode %04o)", what,
                           st->st_mode & 07777u);
    return NULL;
}

static char *look_beside(const char *path, const char *ending) {
    struct stat st;
    AUTO_FREE char *name = text_format("%s%s", path, ending);
    AUTO_FREE char *what = text_format("has a log (%s) that ", ending);
    return lstat(name, &st) == 0 ? look_at(what, &st) : NULL;
}

/* @path loses its last part. Return: the folder. */
static char *cut_to_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = 0;
    return slash ? path : strcpy(path, ".");
}

static char *look_at_folder(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0 || !(st.st_mode & OTHERS_WRITE) || st.st_mode & S_ISVTX)
        return NULL;
    return text_format("lies in a folder that others may write to (mode %04o)",
                       st.st_mode & 07777u);
}

char *store_stranger(const char *path) {
    static const char *const logs[] = {STORE_COMPANIONS};
    char real[PATH_MAX];
    struct stat st;
    AUTO_FREE char *folder = text_format("%s", path); /* room for "." in any name */
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return path[0] ? look_at_folder(cut_to_folder(folder)) : NULL;
    if (!realpath(path, real) || stat(real, &st) < 0)
        return text_format("cannot be looked at (%s)", strerror(errno));
    char *reason = look_at("", &st);
    for (size_t i = 0; !reason && i < sizeof logs / sizeof *logs; i++)
        reason = look_beside(real, logs[i]);
    return reason ? reason : look_at_folder(cut_to_folder(real));
}
