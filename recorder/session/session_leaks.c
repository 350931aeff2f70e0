/* SPDX-License-Identifier: Apache-2.0 */
/* The list of leak reports: see session_leaks.h. */
#include "session_leaks.h"

#include <stddef.h>

#include "session.h"

const struct shm_leaks *session_leaks_next(const struct session *session,
                                           struct session_leaks *at) {
    if (at->n == SHM_MAX_PROCESSES)
        return NULL;
    uint32_t id =
        at->n ? at->next : __atomic_load_n(&session->arena->leaks, __ATOMIC_ACQUIRE);
    const struct shm_leaks *leaks = id ? session_block(session, id) : NULL;
    at->n = leaks ? at->n + 1 : SHM_MAX_PROCESSES;
    at->next = leaks ? leaks->next : 0;
    return leaks;
}

const struct shm_leaks *session_leaks_of(const struct session *session,
                                         uint32_t process) {
    struct session_leaks at = {0};
    const struct shm_leaks *leaks;
    while ((leaks = session_leaks_next(session, &at)) && leaks->process != process)
        ;
    return leaks;
}
