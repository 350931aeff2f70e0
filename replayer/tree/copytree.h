/* SPDX-License-Identifier: Apache-2.0 */
/* A private copy of a folder, and whether it still is what was copied. */
#ifndef DEARTH_COPYTREE_H
#define DEARTH_COPYTREE_H

#include <stdbool.h>
#include <stdint.h>

#define COPYTREE_MAX_BYTES (512ull << 20)
#define COPYTREE_MAX_FILES 100000u
#define COPYTREE_PREFIX    ".dearth-copy-" /* names of folders that hold a copy */

struct written;

/* Zero is valid and empty. */
struct copytree {
    struct copytree_entry *entries; /* what the copy looked like when it was made */
    uint32_t n;
    uint64_t bytes;
};

/**
 * Copy what is below folder @from into the existing folder @to: files (shared blocks
 * where the file system can), folders, links, FIFOs; modes and times kept. Sockets and
 * devices are left out. Return: 0; -EFBIG past the limits above; another negative errno.
 * No message.
 */
int copytree_make(struct copytree *tree, const char *from, const char *to);

/** Take what @to holds now for what was copied. */
void copytree_note(struct copytree *tree, const char *to);

/**
 * Compare @to with what was copied.
 * @shown: how the program calls @to
 * @written: entries that are new, changed or gone are added
 * Return: true when anything differs.
 */
bool copytree_changed(const struct copytree *tree, const char *to, const char *shown,
                      struct written *written);

void copytree_deinit(struct copytree *tree);

#endif
