/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a run left in its arena: see evidence.h. */
#include "evidence.h"

#include <stdlib.h>

#include "leaks.h"
#include "session.h"
#include "text.h"

static const struct shm_leaks *report_of(const struct session *session, uint32_t id) {
    uint32_t at = __atomic_load_n(&session->arena->leaks, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; at && i < SHM_MAX_PROCESSES; i++) {
        const struct shm_leaks *leaks = session_block(session, at);
        if (!leaks || leaks->process == id)
            return leaks;
        at = leaks->next;
    }
    return NULL;
}

/* --- who could still have it --- */

static const struct shm_node *parent_of(const struct session *session,
                                        const struct shm_process *process,
                                        const struct shm_node *node, uint32_t *id) {
    *id = node ? node->parent : 0;
    return *id ? session_node(session, process, *id) : NULL;
}

static bool is_on_path(const struct session *session, const struct shm_process *process,
                       uint32_t wanted, uint32_t id) {
    const struct shm_node *node = session_node(session, process, id);
    while (node && id != wanted)
        node = parent_of(session, process, node, &id);
    return node != NULL;
}

/*
 * The innermost function that both the failed call and the leaked block came from is the
 * one that could have freed it. If the program was ended from within that function, then
 * it did not forget: exit() was its way out, and its locals are still its own, though the
 * compiler may have dropped them.
 *
 *   main ─ open ─┬─ make_reader ─ calloc     the block
 *                ├─ make_buffer ─ malloc     the failed call
 *                └─ die ─ exit               open is still at work: no leak
 */
static bool is_owner_at_work(const struct session *session,
                             const struct shm_process *process,
                             const struct shm_leaks *leaks, uint32_t leak_node) {
    const struct shm_fault *fault = &session->arena->faults[0];
    if (!session_fired(session, 0) || fault->fired_process != leaks->process ||
        !leaks->exit_node)
        return false;
    uint32_t id = leak_node;
    const struct shm_node *node = session_node(session, process, id);
    while (node && !is_on_path(session, process, id, fault->fired_node))
        node = parent_of(session, process, node, &id);
    return node && is_on_path(session, process, id, leaks->exit_node);
}

static void add_sites(const struct session *session, const struct shm_process *process,
                      const struct shm_leaks *leaks, struct observation *seen) {
    uint32_t n = leaks->n < SHM_LEAKS_MAX ? leaks->n : SHM_LEAKS_MAX;
    seen->leaks.sites = text_realloc(seen->leaks.sites, (seen->leaks.n + n + 1ull) *
                                                            sizeof *seen->leaks.sites);
    for (uint32_t i = 0; i < n; i++) {
        const struct shm_leak *leak = &leaks->leaks[i];
        const struct shm_node *node = session_node(session, process, leak->node);
        if (node && !is_owner_at_work(session, process, leaks, leak->node))
            seen->leaks.sites[seen->leaks.n++] =
                (struct leaked_site){node->key, leak->blocks, leak->bytes, leak->direct};
    }
}

/* Several processes, or several nodes of one key, at the same site. */
static void join_equal(struct observation *seen) {
    uint32_t kept = 0;
    if (seen->leaks.n)
        qsort(seen->leaks.sites, seen->leaks.n, sizeof *seen->leaks.sites, leaks_compare);
    for (uint32_t i = 0; i < seen->leaks.n; i++) {
        struct leaked_site *last = kept ? &seen->leaks.sites[kept - 1] : NULL;
        const struct leaked_site *next = &seen->leaks.sites[i];
        if (!last || !key_equal(last->site, next->site)) {
            seen->leaks.sites[kept++] = *next;
            continue;
        }
        last->blocks += next->blocks;
        last->bytes += next->bytes;
        last->direct += next->direct;
    }
    seen->leaks.n = kept;
}

void evidence_leaks(const struct session *session, struct observation *seen) {
    uint32_t n = session_n_processes(session);
    seen->leaks.known = !seen->end.exit_signal && !seen->end.timed_out &&
                        seen->proof.attached && !session->arena->processes_lost && n > 0;
    for (uint32_t i = 0; i < n && seen->leaks.known; i++) {
        const struct shm_process *process = session_process(session, i);
        if (process && process->state == SHM_PROCESS_EXECED)
            continue;
        const struct shm_leaks *leaks =
            process ? report_of(session, session->arena->processes[i]) : NULL;
        seen->leaks.state = leaks ? leaks->state : SHM_LEAKS_NONE;
        seen->leaks.known =
            leaks && leaks->state == SHM_LEAKS_DONE && !leaks->overflow_blocks;
        if (seen->leaks.known)
            add_sites(session, process, leaks, seen);
    }
    if (!seen->leaks.known)
        seen->leaks.n = 0;
    join_equal(seen);
}
