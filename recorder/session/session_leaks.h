/* SPDX-License-Identifier: Apache-2.0 */
/* What processes left in the arena about their leaks: one report each, in a list. */
#ifndef DEARTH_SESSION_LEAKS_H
#define DEARTH_SESSION_LEAKS_H

#include <stdint.h>

#include "shm.h"

struct session;

/* Where a reader of the list is. Zero is valid: before the first. */
struct session_leaks {
    uint32_t n;    /* read so far */
    uint32_t next; /* block id */
};

/** Return: the next report, the arena's, or NULL after the last. A list that a program spoilt ends,
 * too. */
const struct shm_leaks *session_leaks_next(const struct session *session,
                                           struct session_leaks *at);

/** Return: the report of the process with this block id, NULL = it has none. */
const struct shm_leaks *session_leaks_of(const struct session *session, uint32_t process);

/** Return: entries of leaks[] that can be read, whatever the report says. */
static inline uint32_t session_leaks_entries(const struct shm_leaks *leaks) {
    return leaks->n < SHM_LEAKS_MAX ? leaks->n : SHM_LEAKS_MAX;
}

#endif
