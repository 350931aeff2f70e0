/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an attempt's files are kept apart from the user's: what each way leaves real.
 *
 *   overlay   everything that can be written is covered; what cannot be covered is read-only
 *   copy      a private copy of the working folder; everything outside of it is real
 *   shared    everything is real
 *   auto      overlay, or an error: the weaker two are for the user to choose
 */
#ifndef DEARTH_ISOLATION_H
#define DEARTH_ISOLATION_H

#include <stdbool.h>

#include "scratch.h"

/**
 * What attempts will do for real, or cannot do at all, for the user to read before the first.
 * @cwd: the program's working folder
 * @kind: of the note in the database, out: "copied_tree", "shared_tree", "read_only_places"
 * Return: a sentence, owned by the caller; NULL when there is nothing to say.
 */
char *isolation_warning(const struct tree_facts *tree, const char *cwd,
                        const char **kind);

/** Return: a sentence on files that are as they were before the recording, owned by the caller; NULL =
 * all are as they are now. */
char *isolation_before(const struct tree_facts *tree);

/** Return: a sentence on files that are not as they were before the recording although others are,
 * owned by the caller; NULL = none. */
char *isolation_not_before(const struct tree_facts *tree);

/** Return: a sentence on descriptors that attempts do without, owned by the caller; NULL = none. */
char *isolation_left_out(const struct tree_facts *tree);

#endif
