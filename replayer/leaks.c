/* Reading, folding and comparing leaks: see leaks.h. Lists are sorted by site key. */
#include "leaks.h"

#include <stdlib.h>
#include <string.h>

#include "recorder/session.h"
#include "text.h"

static int compare_keys(struct dearth_key a, struct dearth_key b) {
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

static int compare_sites(const void *a, const void *b) {
    return compare_keys(((const struct leaked_site *)a)->site,
                        ((const struct leaked_site *)b)->site);
}

/* --- reading --- */

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
    seen->leaks =
        text_realloc(seen->leaks, (seen->n_leaks + n + 1ull) * sizeof *seen->leaks);
    for (uint32_t i = 0; i < n; i++) {
        const struct shm_leak *leak = &leaks->leaks[i];
        const struct shm_node *node = session_node(session, process, leak->node);
        if (node && !is_owner_at_work(session, process, leaks, leak->node))
            seen->leaks[seen->n_leaks++] =
                (struct leaked_site){node->key, leak->blocks, leak->bytes, leak->direct};
    }
}

/* Several processes, or several nodes of one key, at the same site. */
static void join_equal(struct observation *seen) {
    uint32_t kept = 0;
    if (seen->n_leaks)
        qsort(seen->leaks, seen->n_leaks, sizeof *seen->leaks, compare_sites);
    for (uint32_t i = 0; i < seen->n_leaks; i++) {
        struct leaked_site *last = kept ? &seen->leaks[kept - 1] : NULL;
        const struct leaked_site *next = &seen->leaks[i];
        if (!last || !key_equal(last->site, next->site)) {
            seen->leaks[kept++] = *next;
            continue;
        }
        last->blocks += next->blocks;
        last->bytes += next->bytes;
        last->direct += next->direct;
    }
    seen->n_leaks = kept;
}

void leaks_read(const struct session *session, struct observation *seen) {
    uint32_t n = session_n_processes(session);
    seen->leaks_known = !seen->exit_signal && !seen->timed_out && seen->attached &&
                        !session->arena->processes_lost && n > 0;
    for (uint32_t i = 0; i < n && seen->leaks_known; i++) {
        const struct shm_process *process = session_process(session, i);
        if (process && process->state == SHM_PROCESS_EXECED)
            continue;
        const struct shm_leaks *leaks =
            process ? report_of(session, session->arena->processes[i]) : NULL;
        seen->leaks_state = leaks ? leaks->state : SHM_LEAKS_NONE;
        seen->leaks_known =
            leaks && leaks->state == SHM_LEAKS_DONE && !leaks->overflow_blocks;
        if (seen->leaks_known)
            add_sites(session, process, leaks, seen);
    }
    if (!seen->leaks_known)
        seen->n_leaks = 0;
    join_equal(seen);
}

const char *leaks_unknown_text(uint32_t state) {
    switch (state) {
    case SHM_LEAKS_DONE:
        return "more sites leaked than there is room for";
    case SHM_LEAKS_BUDGET:
        return "the search took too long";
    case SHM_LEAKS_THREADS:
        return "another thread was still at work and could not be stopped";
    case SHM_LEAKS_MEMORY:
        return "there was no memory for the table of live blocks";
    case SHM_LEAKS_REFUSED:
        return "the program may not read its own /proc (a sandbox?)";
    default:
        return "a process was ended by a signal, or in a way that dearth cannot see";
    }
}

/* --- comparing --- */

void leaks_fold(const struct observation *runs, uint32_t n, struct baseline *out) {
    uint32_t total = 0;
    out->leaks_known = true;
    for (uint32_t i = 0; i < n; i++) {
        out->leaks_known = out->leaks_known && runs[i].leaks_known;
        total += runs[i].n_leaks;
    }
    free(out->leaks);
    out->leaks = text_alloc((total + 1ull) * sizeof *out->leaks);
    out->n_leaks = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < runs[i].n_leaks; k++)
            out->leaks[out->n_leaks++] = runs[i].leaks[k];
    if (out->n_leaks)
        qsort(out->leaks, out->n_leaks, sizeof *out->leaks, compare_sites);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < out->n_leaks; i++) {
        struct leaked_site *last = kept ? &out->leaks[kept - 1] : NULL;
        const struct leaked_site *next = &out->leaks[i];
        if (!last || !key_equal(last->site, next->site)) {
            out->leaks[kept++] = *next;
            continue;
        }
        last->blocks = last->blocks > next->blocks ? last->blocks : next->blocks;
        last->bytes = last->bytes > next->bytes ? last->bytes : next->bytes;
        last->direct = last->direct > next->direct ? last->direct : next->direct;
    }
    out->n_leaks = kept;
}

static uint64_t less(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* Fewer blocks than in the baseline that are larger are none of the fault's. */
uint32_t leaks_excess(const struct baseline *b, struct leaked_site *leaks, uint32_t n) {
    uint32_t kept = 0;
    for (uint32_t i = 0; b->leaks_known && i < n; i++) {
        struct leaked_site left = leaks[i];
        const struct leaked_site *known =
            b->n_leaks ? bsearch(&left, b->leaks, b->n_leaks, sizeof left, compare_sites)
                       : NULL;
        if (known) {
            left.blocks = less(left.blocks, known->blocks);
            left.bytes = less(left.bytes, known->bytes);
            left.direct = less(left.direct, known->direct);
        }
        if (left.blocks)
            leaks[kept++] = left;
    }
    return kept;
}
