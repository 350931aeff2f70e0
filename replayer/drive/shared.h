/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the replays of one suite's programs have in common, one after the other: found out in one of them, it need not be
 * in the next.
 */
#ifndef DEARTH_SHARED_H
#define DEARTH_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "scoping.h"

/* What became of copies of one executable's runs. */
struct shared_copies {
    char *exe;
    uint32_t
        in_vain; /* runs in which not one was made, for another thread was always alive */
    bool made;   /* some was, or was refused for another reason */
};

/* Zero is valid. */
struct replay_shared {
    struct scoping_modules modules; /* that later calls are looked up in */
    struct shared_copies *copies;
    uint32_t n_copies;
};
void shared_deinit(struct replay_shared *shared); /* twice is safe */

/**
 * Is it to be expected that no copy of @exe's next run can be made? To try costs runs of the whole program.
 * @shared: NULL = nothing is known
 */
bool shared_copies_in_vain(const struct replay_shared *shared, const char *exe);
/** A run of @exe was copied, or was to be. @in_vain: as struct shared_copies has it. @shared: NULL = nothing is kept */
void shared_note_copies(struct replay_shared *shared, const char *exe, bool in_vain);

#endif
