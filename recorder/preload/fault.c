/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fault order: fail the n-th call from one site, and prove it.
 *
 *   header->faults[i]   site key ─ equal to the node's key? ─► hits++ ─► == occurrence?
 *                       proof fields, then `fired` (release), then the hook returns NULL
 *   faults[1]           looked at only once faults[0] has fired: a failure within the
 *                       handling of a failure
 *
 * In a sweep `hits` lies in header->claim beside the epoch (schemas/shm.h says why).
 *
 * The proof carries what only this attempt's processes know (shm_header.nonce), and a second copy
 * of it is written where a program that goes wild in its error path does not come to.
 *
 * A sticky fault lives on in preload.sticky, in .data, so that fork hands it down; exec
 * starts anew. Which calls it takes then is scope.c's to say, when there is a scope. Who runs it: any thread of the target, re-entry flag held.
 */
#include <signal.h>

#include "arena.h"
#include "fault.h"
#include "fault_chance.h"
#include "local.h"
#include "marks.h"
#include "module.h"
#include "node.h"
#include "preload.h"
#include "scope.h"
#include "stamp.h"
#include "sys.h"
#include "thread.h"

/* SHM_SKIP_UNWIND: return address → can it match? Direct-mapped, filled on demand.
 * An entry is address | generation << 48, with the top bit for "yes". */
#define SKIP_BITS 9 /* one page: a process begins with none of them mapped */
static uint64_t skip_cache[1u << SKIP_BITS] __attribute__((aligned(4096)));
#define SKIP_YES (1ull << 63)

static bool leaf_matches(uintptr_t address) {
    const struct module *module = module_at(address);
    if (!module)
        return true;
    uint64_t offset = module->anonymous ? 0 : address - module->bias;
    const struct shm_header *arena = preload.arena;
    for (uint32_t i = 0; i < arena->n_faults && i < SHM_MAX_FAULTS; i++)
        if (arena->faults[i].leaf_offset == offset &&
            key_equal(arena->faults[i].leaf_module, module->key))
            return true;
    return false;
}

/* A copy that has come far enough. Its tracer ends the whole of it, or lets it go on; a process that it has made
 * does not ask. */
static COLD void ask_for_end(void) {
    long pid = sys_getpid();
    if (!sys_is_sandboxed && (uint32_t)pid == preload.arena->faults[0].fired_pid)
        sys_call(SYS_tgkill, pid, sys_gettid(), SIGSTOP, 0, 0, 0);
}

/* Cheap enough for a program that does nothing but allocate: a bit is written once. */
void fault_note_progress(uintptr_t address) {
    struct shm_progress *progress = &preload.arena->progress;
    uint64_t bit = (address * 0x9e3779b97f4a7c15ull >> 32) % SHM_PROGRESS_BITS;
    uint64_t before = add_relaxed(&progress->calls, 1);
    if (unlikely(preload.most && before == preload.most))
        ask_for_end();
    if (!(load_relaxed(&progress->places[bit / 64]) >> bit % 64 & 1))
        or_relaxed(&progress->places[bit / 64], 1ull << bit % 64);
}

/* What comes after the failure is looked at only where it is counted, and not for ever: a
 * program that recurses in its error path would be slowed down beyond its time limit. */
static bool explored_enough(void) {
    if (!(preload.flags & SHM_COUNT_SITES))
        return true;
    return add_relaxed(&preload.explored, 1) >= SHM_EXPLORED_CALLS;
}

/* A fault that fired before, is not lifted, and takes more calls than its own. Return: its number + 1, 0 = none. */
static uint32_t lasting(void) {
    uint32_t sticky = load_acquire(&preload.sticky);
    bool burst = load_acquire(&preload.burst_left) != 0; /* with burst_fault */
    if (likely(!sticky && !burst))
        return 0;
    if (preload.flags & SHM_SWEEP &&
        load_acquire(&preload.arena->claim) >> 32 != load_acquire(&preload.lasting_epoch))
        return 0;
    return sticky ? sticky : load_relaxed(&preload.burst_fault) + 1;
}

bool fault_skips(uintptr_t address) {
    if (load_relaxed(&preload.arena->any_fired)) {
        fault_note_progress(address);
        if (unlikely(scope_given()) && lasting())
            return false;
        if (preload.arena->n_faults < 2)
            return explored_enough();
    }
    uint64_t epoch = load_acquire(&preload.arena->claim) >> 32;
    if (!epoch && preload.flags & SHM_SWEEP)
        return true;
    /* Both only grow, so a sum is never seen with another pair; the worker ends a target before
     * epochs come round. */
    uint64_t generation = (load_relaxed(&module_generation) + epoch) & 0x7fff;
    uint64_t tag = ((uint64_t)address & 0xffffffffffffull) | generation << 48;
    uint64_t *slot = &skip_cache[address * 0x9e3779b97f4a7c15ull >> (64 - SKIP_BITS)];
    uint64_t entry = load_relaxed(slot);
    if (likely((entry & ~SKIP_YES) == tag))
        return !(entry & SKIP_YES);
    bool match = leaf_matches(address);
    store_relaxed(slot, tag | (match ? SKIP_YES : 0));
    return !match;
}

/* Mapped for this moment alone, by calls that have brought the arena here: a filter that allowed
 * those allows these. */
static void prove_in_file(const struct shm_fault *fault, uint32_t index) {
    const struct shm_process *process = arena_block(preload.process_block);
    if (!preload.proofs || sys_is_sandboxed || sys_is_valgrind ||
        preload.flags & SHM_SWEEP)
        return;
    long fd = sys_open(preload.arena_path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    struct shm_proof *proofs =
        sys_mmap_from(SHM_BLOCK_BYTES, MAP_SHARED, fd, preload.arena_bytes);
    sys_close(fd);
    if (!proofs)
        return;
    struct shm_proof *proof = &proofs[index];
    proof->nonce = preload.nonce;
    proof->hits = load_relaxed(&fault->hits);
    proof->size = fault->fired_size;
    proof->time = fault->fired_time;
    proof->pid = fault->fired_pid;
    proof->tid = fault->fired_tid;
    proof->process = fault->fired_process;
    proof->node = fault->fired_node;
    __builtin_memcpy(proof->exe, process->exe, sizeof proof->exe - 1);
    store_release(&proof->fired, shm_fired(preload.nonce, index));
    sys_munmap(proofs, SHM_BLOCK_BYTES);
}

void fault_prove(uint32_t index) {
    struct shm_fault *fault = &preload.arena->faults[index];
    store_release(&fault->fired, shm_fired(preload.nonce, index));
    prove_in_file(fault, index);
}

static void prove(struct thread *thread, uint32_t index, uint32_t node, uint64_t size) {
    struct shm_fault *fault = &preload.arena->faults[index];
    fault->fired_time = stamp_now();
    fault->fired_size = size;
    fault->fired_pid = local->pid;
    fault->fired_tid = thread->tid;
    fault->fired_process = local->process_id;
    fault->fired_node = node;
    store_release(&preload.arena->any_fired, 1);
    fault_prove(index);
}

/* A place to stop: `dearth repro --gdb` sets its breakpoint here, below the hook that is
 * about to fail. Once per order, however many calls a sticky one fails afterwards. */
__attribute__((noinline)) void dearth_fault_injected(void) {
    __asm__ volatile("" ::: "memory");
}

/* The number of this matching call, 0 = the fault was lifted meanwhile.
 * @claim: as it was before anything was read of the fault */
static uint64_t count_hit(struct shm_fault *fault, uint64_t claim) {
    if (!(preload.flags & SHM_SWEEP))
        return __atomic_add_fetch(&fault->hits, 1, __ATOMIC_ACQ_REL);
    uint64_t seen = claim;
    while (!__atomic_compare_exchange_n(&preload.arena->claim, &seen, seen + 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        if (seen >> 32 != claim >> 32)
            return 0;
    return (seen + 1) & 0xffffffffu;
}

static COLD bool fire(struct thread *thread, uint32_t index, uint32_t node, uint64_t size,
                      uint64_t claim) {
    struct shm_fault *fault = &preload.arena->faults[index];
    uint64_t hit = count_hit(fault, claim);
    if (!hit || hit != fault->occurrence)
        return false;
    prove(thread, index, node, size);
    /* a single failure leaves the epoch alone: a sticky one of an earlier epoch stays over */
    if (fault->mode != SHM_FAULT_ONCE)
        store_release(&preload.lasting_epoch, (uint32_t)(claim >> 32));
    if (fault->mode == SHM_FAULT_STICKY)
        store_release(&preload.sticky, index + 1);
    if (fault->mode == SHM_FAULT_BURST && fault->burst > 1) {
        store_relaxed(&preload.burst_fault, index);
        store_release(&preload.burst_left, fault->burst - 1);
    }
    dearth_fault_injected();
    return true;
}

/* A process's main thread has its id; after a fork, whoever forked is the child's. */
static bool is_of_thread(const struct shm_fault *fault, const struct thread *thread) {
    return fault->thread == SHM_FAULT_ANY ||
           (thread->tid == local->pid) == (fault->thread == SHM_FAULT_MAIN);
}

bool fault_lasting(const struct thread *thread, uint32_t node) {
    uint32_t index = lasting();
    if (likely(!index))
        return false;
    struct shm_fault *fault = &preload.arena->faults[index - 1];
    if (thread && !is_of_thread(fault, thread))
        return false;
    if (unlikely(scope_given()) && !scope_takes(fault, node))
        return false;
    bool takes = load_relaxed(&preload.sticky) != 0;
    for (uint64_t left = load_relaxed(&preload.burst_left); !takes && left;
         left = load_relaxed(&preload.burst_left))
        takes = cas(&preload.burst_left, left, left - 1);
    if (takes)
        add_relaxed(&fault->also_failed, 1);
    return takes;
}

void fault_note_last(uint32_t node) {
    uint32_t sticky = load_acquire(&preload.sticky);
    uint32_t index = sticky ? sticky - 1 : load_relaxed(&preload.burst_fault);
    if (node && index < SHM_MAX_FAULTS)
        store_relaxed(&preload.arena->faults[index].last,
                      (uint64_t)local->process_id << 32 | node);
}

/* The second fault of a pair counts its calls from the first failure on. */
static bool is_armed(uint32_t index) {
    return index == 0 || load_acquire(&preload.arena->faults[index - 1].fired) ==
                             shm_fired(preload.nonce, index - 1);
}

bool fault_due(struct thread *thread, uint32_t node, uint64_t size) {
    if (unlikely(preload.copy)) /* in others that are copies hooks do so */
        fault_note_progress(node ? node_at(node_at(node)->parent)->address : 0);
    if (marks_forbid())
        return false;
    if (unlikely(preload.flags & SHM_CHANCE))
        return fault_chance_due(thread, node, size);
    if (fault_lasting(thread, node))
        return true;
    if (!node)
        return false;
    const struct shm_header *arena = preload.arena;
    uint64_t claim = load_acquire(&arena->claim);
    if (unlikely(!(claim >> 32) && preload.flags & SHM_SWEEP))
        return false;
    struct dearth_key key = node_at(node)->key;
    for (uint32_t i = 0; i < arena->n_faults && i < SHM_MAX_FAULTS; i++)
        if (arena->faults[i].mode != SHM_FAULT_NONE &&
            key_equal(arena->faults[i].site, key) && is_armed(i) &&
            is_of_thread(&arena->faults[i], thread) && fire(thread, i, node, size, claim))
            return true;
    return false;
}
