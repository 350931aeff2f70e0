/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a worker's private copy of the working directory lies: a folder in the temporary folder that
 * can be told from everything else, so that what a killed worker left can be removed by the next one.
 *
 *   TMPDIR/.dearth-copy-PID-XXXXXX/   0700
 *    ├── owner                        names this very folder; locked as long as the worker lives
 *    └── tree/                        the copy
 */
#ifndef DEARTH_COPYPLACE_H
#define DEARTH_COPYPLACE_H

#include "copytree.h"

struct copyplace {
    int parent, folder, owner, tree; /* descriptors; -1 = none */
    char *name;                      /* in `parent`; NULL = nothing was made */
    char *path;         /* of the tree, as it is named before anything is mounted */
    char tree_path[32]; /* the same by its descriptor: whatever is mounted */
};

#define COPYPLACE_NONE                                                                   \
    (struct copyplace) {                                                                 \
        .parent = -1, .folder = -1, .owner = -1, .tree = -1                              \
    }

/**
 * Make one in @temporary, with an empty tree, and remove there what dead workers of this user left.
 * @pid: for the name, so that people see whose it is
 * @out: COPYPLACE_NONE before; copyplace_deinit() it, also after an error
 * Return: 0 or -errno. No message.
 */
int copyplace_init(struct copyplace *out, const char *temporary, int pid);

/** Remove it all; what cannot be is warned of. Twice is safe. */
void copyplace_deinit(struct copyplace *place);

#endif
