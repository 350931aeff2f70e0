/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a run left in its arena: see evidence.h. */
#include "evidence.h"

#include <stdlib.h>
#include <string.h>

#include "leaks.h"
#include "session.h"
#include "session_leaks.h"
#include "text.h"

/* What failed by chance. The last of it is taken for the fault: what came before was survived
 * for longer. */
static void read_chance(const struct session *session, struct observation *seen) {
    const struct shm_chance *chance = &session->arena->chance;
    seen->proof.hits = chance->calls;
    seen->proof.also_failed = chance->n_failed ? chance->n_failed - 1 : 0;
    for (uint32_t i = 0; i < chance->n_failed && i < SHM_CHANCE_LOG; i++) {
        const struct shm_chance_failed *f = &chance->failed[i];
        const struct shm_process *process = session_block(session, f->process);
        const struct shm_node *node = process && session_failed(session, i)
                                          ? session_node(session, process, f->node)
                                          : NULL;
        if (!node)
            continue;
        seen->proof.failed[seen->proof.n_failed++] =
            (struct failed_call){node->key, f->call, f->occurrence, f->size};
        seen->proof.fired = seen->proof.first_fired = true;
        seen->proof.size = f->size;
        seen->proof.pid = f->pid;
        seen->proof.tid = f->tid;
        free(seen->proof.exe);
        seen->proof.exe = text_format("%.*s", (int)sizeof process->exe, process->exe);
    }
}
_Static_assert(OBSERVATION_FAILED == SHM_CHANCE_LOG, "room for all");

/* The call that had failed last when it went wrong: it may be the one that was not expected. */
static void read_last(const struct session *session, struct observation *seen) {
    uint64_t last = seen->crash.signal ? seen->crash.last : 0;
    uint32_t block = (uint32_t)(last >> 32);
    const struct shm_process *process = last ? session_block(session, block) : NULL;
    const struct shm_node *node =
        process ? session_node(session, process, (uint32_t)last) : NULL;
    if (!node || seen->proof.overwritten)
        return;
    seen->proof.last_known = true;
    seen->proof.last = node->key;
    seen->proof.last_process = block;
    seen->proof.last_node = (uint32_t)last;
}

void evidence_proof(const struct session *session, pid_t first,
                    struct observation *seen) {
    const struct shm_fault *fault = &session->arena->faults[0];
    /* the copy of a snapshot proves its order in faults[0], which nobody armed */
    uint32_t n_fired = 0, n = session->arena->n_faults ? session->arena->n_faults : 1;
    struct shm_proof proof;
    for (uint32_t i = 0; i < n && i < SHM_MAX_FAULTS; i++)
        n_fired += session_fired(session, i) || session_proof(session, i, &proof);
    seen->proof.first_fired = n_fired > 0;
    seen->proof.fired = n_fired > 0 && n_fired == n; /* a pair is proved by both */
    seen->proof.hits = fault->hits;
    if (session_proof(session, 0, &proof)) {
        /* what a sticky one counted afterwards is in the arena alone */
        seen->proof.hits = seen->proof.overwritten || seen->proof.hits < proof.hits
                               ? proof.hits
                               : seen->proof.hits;
        seen->proof.size = proof.size;
        seen->proof.pid = proof.pid;
        seen->proof.tid = proof.tid;
        seen->proof.also_failed = seen->proof.overwritten ? 0 : fault->also_failed;
        seen->proof.spared = seen->proof.overwritten ? 0 : fault->spared;
        seen->proof.unsure = seen->proof.overwritten ? 0 : fault->unsure;
        seen->proof.exe = text_format("%.*s", (int)sizeof proof.exe, proof.exe);
    } else if (seen->proof.first_fired) {
        seen->proof.size = fault->fired_size;
        seen->proof.pid = fault->fired_pid;
        seen->proof.tid = fault->fired_tid;
        seen->proof.also_failed = fault->also_failed;
        seen->proof.spared = fault->spared;
        seen->proof.unsure = fault->unsure;
        const struct shm_process *process = session_block(session, fault->fired_process);
        if (process)
            seen->proof.exe = text_format("%.*s", (int)sizeof process->exe, process->exe);
    }
    if (session->arena->flags & SHM_CHANCE)
        read_chance(session, seen);
    read_last(session, seen);
    for (uint32_t i = 0; !seen->proof.attached; i++) {
        const struct shm_process *process = session_process(session, i);
        if (!process)
            break;
        seen->proof.attached = !first || (pid_t)process->pid == first;
    }
    /* the first may be one that is left alone: the library says so, too */
    seen->proof.attached |= seen->proof.fired || seen->proof.overwritten ||
                            __atomic_load_n(&session->arena->left_out, __ATOMIC_RELAXED);
}

static void add_calls(void *context, const struct shm_process *process, uint32_t node_id,
                      const struct shm_node *node) {
    (void)process, (void)node_id;
    *(uint64_t *)context += node->count;
}

void evidence_calls(const struct session *session, struct observation *seen) {
    session_each_site(session, add_calls, &seen->calls);
}

void evidence_damage(const struct session *session, struct observation *seen) {
    const struct shm_damage *said = &session->arena->damage;
    if (!__atomic_load_n(&said->ready, __ATOMIC_ACQUIRE))
        return;
    seen->damage = (struct damage_seen){.kind = said->kind,
                                        .where = said->where,
                                        .size = said->size,
                                        .offset = said->offset};
    const struct shm_process *process = session_block(session, said->process);
    const struct shm_node *node =
        process && said->node ? session_node(session, process, said->node) : NULL;
    seen->damage.allocator_known = node != NULL;
    if (node)
        seen->damage.allocator = node->key;
}

bool evidence_missed_libunwind(const struct session *session) {
    for (uint32_t i = 0; i < session_n_processes(session); i++) {
        const struct shm_process *process = session_process(session, i);
        if (process && process->fallbacks)
            return true;
    }
    return false;
}

void evidence_addresses(const struct session *session, struct observation *seen) {
    const struct shm_addresses *addresses = &session->arena->addresses;
    seen->addresses_taken = addresses->taken;
    seen->addresses_refused = addresses->refused;
    seen->address_family = addresses->family;
    seen->address_port = addresses->port;
}

/* --- what leaked --- */

/* Who could still have it? */

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

/* Is the function that was called at @wanted still at work at the end @id? Not where libc calls one after another
 * from there, handlers of atexit() and ours by way of the loader: the one that asked has returned. */
static bool is_at_work(const struct session *session, const struct shm_process *process,
                       uint32_t wanted, uint32_t id) {
    const struct shm_node *node = session_node(session, process, id), *called = NULL;
    for (; node && id != wanted; node = parent_of(session, process, node, &id))
        called = node;
    const struct shm_module *module =
        node && called ? session_module(session, process, called->module) : NULL;
    const char *name = module ? text_basename(module->path) : "";
    return node && strncmp(name, "ld-", 3) != 0 && strncmp(name, "ld.so", 5) != 0;
}

/* libc's function that calls main() called exit() with what it returned. @node: main()'s caller, from where
 * both the block and the failed call came */
static bool has_main_returned(const struct session *session,
                              const struct shm_process *process,
                              const struct shm_leaks *leaks,
                              const struct shm_node *node) {
    const struct shm_module *module = session_module(session, process, node->module);
    uint32_t id = leaks->exit_node;
    const struct shm_node *end = session_node(session, process, id);
    if (!node->parent || !module ||
        strncmp(text_basename(module->path), "libc.so", 7) != 0)
        return false;
    while (end && !(end->parent == node->parent && end->module == node->module))
        end = parent_of(session, process, end, &id);
    return end && end != node;
}

/* A failed realloc() where the block came from, in a function that was called anew: what held the block
 * may be overwritten with NULL. */
static bool is_regrown(const struct session *session, const struct shm_process *process,
                       const struct shm_node *failed, const struct shm_node *leaked,
                       const struct shm_node *outer) {
    uint32_t id;
    const struct shm_node *a = parent_of(session, process, failed, &id),
                          *b = parent_of(session, process, leaked, &id);
    return failed && a && b && failed->offset == SHM_OP_REALLOC &&
           a->module == b->module && a->offset == b->offset &&
           session_node(session, process, a->parent) != outer;
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
 *
 * A return from main() is such an end from within main(), unless it went well (@well): what main() did not give up for
 * is somebody else's to have freed.
 */
static bool is_owner_at_work(const struct session *session,
                             const struct shm_process *process,
                             const struct shm_leaks *leaks, uint32_t leak_node,
                             bool well) {
    const struct shm_fault *fault = &session->arena->faults[0];
    if (!session_fired(session, 0) || fault->fired_process != leaks->process ||
        !leaks->exit_node)
        return false;
    uint32_t id = leak_node;
    const struct shm_node *node = session_node(session, process, id);
    while (node && !is_on_path(session, process, id, fault->fired_node))
        node = parent_of(session, process, node, &id);
    if (!node || is_at_work(session, process, id, leaks->exit_node))
        return node != NULL;
    const struct shm_node *failed = session_node(session, process, fault->fired_node),
                          *leaked = session_node(session, process, leak_node);
    return !well && has_main_returned(session, process, leaks, node) &&
           !is_regrown(session, process, failed, leaked, node);
}

/* Did the process end with status 0? Known of the one whose end is the run's. */
static bool is_well_ended(const struct session *session,
                          const struct shm_process *process,
                          const struct observation *seen) {
    const struct shm_process *first = session_process(session, 0);
    return first && first->pid == process->pid && !seen->end.exit_signal &&
           seen->end.exit_code == 0;
}

static void add_sites(const struct session *session, const struct shm_process *process,
                      const struct shm_leaks *leaks, struct observation *seen) {
    uint32_t n = session_leaks_entries(leaks);
    bool well = is_well_ended(session, process, seen);
    seen->leaks.sites = text_realloc(seen->leaks.sites, (seen->leaks.n + n + 1ull) *
                                                            sizeof *seen->leaks.sites);
    for (uint32_t i = 0; i < n; i++) {
        const struct shm_leak *leak = &leaks->leaks[i];
        const struct shm_node *node = session_node(session, process, leak->node);
        if (node && !is_owner_at_work(session, process, leaks, leak->node, well))
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

/* In the order in which they came, so that the loop ends. */
static bool is_ancestor(const struct session *session, const struct shm_process *process,
                        const struct shm_process *of) {
    uint32_t n = session_n_processes(session);
    for (uint32_t serial = of->parent, i = n; serial && i-- > 0;) {
        const struct shm_process *p = session_process(session, i);
        if (!p || p->serial != serial)
            continue;
        if (p == process)
            return true;
        serial = p->parent < serial ? p->parent : 0;
        i = n;
    }
    return false;
}

/* Whose error paths can the failed call have led to? Those of the program that made it, in all its processes, and of
 * who started it. Another program that runs besides, or that is run because something went wrong (a shell's `expr`),
 * loses what it always loses. */
static bool is_affected(const struct session *session,
                        const struct shm_process *process) {
    const struct shm_process *failed =
        session_fired(session, 0)
            ? session_block(session, session->arena->faults[0].fired_process)
            : NULL;
    return !failed || strncmp(process->exe, failed->exe, sizeof failed->exe) == 0 ||
           is_ancestor(session, process, failed);
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
            process ? session_leaks_of(session, session->arena->processes[i]) : NULL;
        seen->leaks.state = leaks ? leaks->state : SHM_LEAKS_NONE;
        seen->leaks.known =
            leaks && leaks->state == SHM_LEAKS_DONE && !leaks->overflow_blocks;
        if (seen->leaks.known && is_affected(session, process))
            add_sites(session, process, leaks, seen);
    }
    if (!seen->leaks.known)
        seen->leaks.n = 0;
    join_equal(seen);
}
