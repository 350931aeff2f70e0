/* SPDX-License-Identifier: Apache-2.0 */
/* A database for one command alone, in a folder of its own. */
#ifndef DEARTH_TEMPORARY_H
#define DEARTH_TEMPORARY_H

struct temporary { /* zero is valid: there is none */
    char *folder, *path;
};

/** Make the folder, in TMPDIR. @name: what it begins with. @out: temporary_deinit(). Return: 0, or a negative
 * errno after a message. */
int temporary_new(const char *name, struct temporary *out);
/** Remove the database and its folder; then as temporary_deinit(). */
void temporary_remove(struct temporary *temporary);
/** Forget it: it stays. */
void temporary_deinit(struct temporary *temporary);

#endif
