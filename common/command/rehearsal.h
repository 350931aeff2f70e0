/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rehearsal: the program runs once in a private tree before it is recorded in the user's.
 *
 *   rehearsal ─► what it wrote ─► the real files of these names, as they still are
 *   recording ─► the user's tree, as a run without dearth would leave it
 *   attempts  ─► private trees in which these files are as they were: what is made once is made again
 *
 * The other way, recording in a private tree and copying what it wrote to the user's, would have to
 * make the same files: hard links, owners, holes, sockets, and not half of them when it is killed.
 */
#ifndef DEARTH_REHEARSAL_H
#define DEARTH_REHEARSAL_H

#include <stdint.h>

#include "before.h"
#include "namespace.h"
#include "words.h"

struct rehearsal {
    char *const *argv; /* NULL-terminated */
    enum isolation isolation;
    struct namespaces apart; /* wanted */
    uint64_t limit_ns; /* it has, before the recording goes on without; 0 = the default */
};

/**
 * Run it.
 * @before: files that it makes, changes or removes, as they are; out, zero when called
 * @why: a sentence when they are not known, owned by the caller; NULL = they are
 * Return: EXIT_OK, also where they are not known; EXIT_CANNOT after a message: the program is not to
 * be had, or no private tree of that kind; EXIT_INTERRUPTED after a message.
 */
int rehearsal_run(const struct rehearsal *rehearsal, struct before *before, char **why);

#endif
