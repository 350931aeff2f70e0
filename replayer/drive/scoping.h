/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scope of failures that last, of one recording.
 *
 *   recording ─► frames of its sites ─► their modules ─ namer ─► functions ─► scope_make()
 *
 * From the recording and the files of its modules alone, so that a finding shows again by the same scope.
 */
#ifndef DEARTH_SCOPING_H
#define DEARTH_SCOPING_H

#include <stdint.h>

#include "scope.h"

struct catalogue;
struct shm_scope;
struct store;

/* Names of the functions of modules, each read once: of a suite's programs many are started in the same ones. Zero
 * is valid and empty. */
struct scoping_modules {
    struct scoping_module **list; /* owned */
    uint32_t n;
};
void scoping_modules_deinit(struct scoping_modules *modules); /* twice is safe */

struct scoping {
    struct store *store;
    int64_t recording_id;
    const struct scope_rule *rule;
    const struct catalogue *catalogue;
    const char *exe; /* of the program; NULL = not known */
    struct scoping_modules *
        modules; /* known from earlier ones by the same catalogue, for later ones; NULL = of this
                                        one alone */
};

/**
 * Make the scope that @scoping asks for. Names are resolved. Context: no other thread.
 * @out: free() it; NULL when the rule gives none
 * @unknown: modules whose functions could not be read, for people; free(); NULL = none
 * Return: 0 or a negative errno after a message.
 */
int scoping_make(const struct scoping *scoping, struct shm_scope **out, char **unknown);

#endif
