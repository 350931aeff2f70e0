/* SPDX-License-Identifier: Apache-2.0 */
/* Among the programs of a suite: see shared.h. */
#include "shared.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define IN_VAIN 2u /* runs; then it is the executable's way */

void shared_deinit(struct replay_shared *shared) {
    scoping_modules_deinit(&shared->modules);
    for (uint32_t i = 0; i < shared->n_copies; i++)
        free(shared->copies[i].exe);
    free(shared->copies);
    *shared = (struct replay_shared){0};
}

static struct shared_copies *find(const struct replay_shared *shared, const char *exe) {
    for (uint32_t i = 0; i < shared->n_copies; i++)
        if (strcmp(shared->copies[i].exe, exe) == 0)
            return &shared->copies[i];
    return NULL;
}

bool shared_copies_in_vain(const struct replay_shared *shared, const char *exe) {
    const struct shared_copies *known = shared ? find(shared, exe) : NULL;
    return known && known->in_vain >= IN_VAIN && !known->made;
}

void shared_note_copies(struct replay_shared *shared, const char *exe, bool in_vain) {
    if (!shared)
        return;
    struct shared_copies *known = find(shared, exe);
    if (!known) {
        shared->copies =
            text_grow(shared->copies, shared->n_copies, sizeof *shared->copies);
        known = &shared->copies[shared->n_copies++];
        *known = (struct shared_copies){.exe = text_dup(exe)};
    }
    known->in_vain += in_vain;
    known->made |= !in_vain;
}
