/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of an overlay share: the picture is in overlay.c.
 *
 *   overlay.c    the view: built, read, renewed
 *   covering.c   which covers it consists of
 *   cover.c      one cover: mounted, used, renewed
 */
#ifndef DEARTH_OVERLAY_PRIVATE_H
#define DEARTH_OVERLAY_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mounts.h"
#include "text.h"

enum cover_kind {
    COVER_OVERLAY, /* copy-on-write */
    COVER_BIND,    /* as it is, with what is mounted in it; read-only, see `writable` */
    COVER_FILE,    /* a private copy of a file */
    COVER_REAL, /* a service's socket, a program that may not be read, as they are: may be gone when the
                      view is renewed */
    COVER_FOLDER, /* an empty folder of ours (a tmpfs where there was a mount), entries
                      follow */
    COVER_LINK,   /* a symbolic link as it is */
};

struct cover {
    enum cover_kind kind;
    char *path; /* as the target sees it */
    char *link; /* COVER_LINK: where to */
    int lower;  /* O_PATH of the real thing */
    int former; /* COVER_OVERLAY: O_PATH of a layer over it, files as they were; -1 = none */
    bool made;      /* the mount point is to be made (it lies in a folder of ours) */
    bool leaf;      /* nothing is mounted inside: can be renewed by itself */
    bool writable;  /* COVER_BIND: not read-only: the session's folder, proc, terminals */
    bool recursive; /* COVER_BIND: read-only with what is mounted in it */
    unsigned long flags;
    struct stat status; /* of the real thing */
    /* COVER_OVERLAY: of the upper folder, COVER_FILE: of the copy, COVER_FOLDER: of the
     * folder, when it is fresh */
    struct stat unused;
    unsigned generation; /* names the upper folder or the copy in use */
};

struct overlay {
    bool user_namespace;
    uint64_t limit_bytes; /* of what an attempt may write */
    char *session;
    int session_fd;
    int root_fd;
    int table_fd; /* mountinfo: poll() tells of changes */
    bool moved;   /* it told, and the view has not been renewed since */
    struct mounts mounts;
    struct cover *covers;
    size_t n;
    uint64_t copied_bytes; /* by COVER_FILE */
    struct text read_only; /* places that could be written to and now cannot */
};

#endif
