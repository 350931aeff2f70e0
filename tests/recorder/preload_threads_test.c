/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of a program share inside the preload library, under ThreadSanitizer: blocks of
 * the arena, slots, the frame tree, the rule cache, rings, an armed fault. The library's own files,
 * built into this program without the hooks; work() stands for those.
 *
 *   THREADS threads ─► path(seed) ─► unwind_site() ─► the same SEEDS sites, in other orders
 *        │                                └─ one fault, due once for all of them
 *        └─► their rings ─► read_rings(), here: what recorder/collect/watched.c does with them
 *   another thread ─► unwind_forget(), as if libraries were unloaded
 *
 * A race ends the test; so do a site with two nodes, an event that is missing, out of order or of
 * an unfinished node, and a fault that fires twice. WAVES: later threads take over the slots of the dead.
 */
#include <pthread.h>

#include "arena.h"
#include "binding.h"
#include "fault.h"
#include "leak.h"
#include "module.h"
#include "node.h"
#include "process.h"
#include "reentry.h"
#include "ring.h"
#include "session.h"
#include "stamp.h"
#include "unwind.h"

#include "check.h"

#define THREADS 4u
#define WAVES   3u
#define SEEDS   512u
#define LOOPS   6000u
#define DUE                                                                              \
    60u /* at which call of the chosen site; it is called some 90 times after the first wave */
#define BURST 3u

/* --- the rest of the library --- */

struct preload preload;
struct local *local;
int sys_is_sandboxed, sys_is_valgrind, sys_is_locked;
__thread int sandbox_is_strict __attribute__((tls_model("initial-exec")));

uint32_t sandbox_tid(void) {
    return 0;
}

int sandbox_readable(const void *p) {
    return p != NULL;
}

bool process_clock(clockid_t clock, struct timespec *out) {
    (void)clock, (void)out;
    return false;
}

bool process_ready(void) {
    return true;
}

void process_wipe(void) {
}

void process_note(uint32_t kind, const char *text) {
    (void)kind, (void)text;
}

void *memlock_map(size_t n) {
    (void)n;
    return NULL;
}

void binding_look_again(void) {
}

void leak_own(const void *p, size_t bytes) {
    (void)p, (void)bytes;
}

/* --- the threads --- */

static struct {
    uint32_t node[SEEDS];
    uint32_t denied, stop;
} shared;

static pthread_barrier_t together;

static __attribute__((noinline)) void work(uint32_t seed, uint32_t sequence) {
    struct caller caller = {(uintptr_t)__builtin_frame_address(0),
                            (uintptr_t)__builtin_return_address(0)};
    reentry_take(__builtin_frame_address(0));
    struct thread *t = tls.thread;
    if (!t || !load_relaxed(&t->live))
        t = thread_attach();
    MUST(t);
    uint32_t node = unwind_site(t, &caller, SHM_OP_MALLOC), none = 0;
    MUST(node);
    if (!__atomic_compare_exchange_n(&shared.node[seed], &none, node, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        MUST(none == node);
    add_relaxed(&node_at(node)->count, 1);
    if (fault_due(t, node, seed))
        add_relaxed(&shared.denied, 1);
    struct ring_entry entry = {
        .address = sequence, .size = seed, .node = node, .kind = SHM_EV_ALLOC};
    ring_emit(t, stamp_now(), &entry);
    reentry_set(REENTRY_NONE);
}

/* Three bits of the seed choose each frame. */
static void path(uint32_t seed, uint32_t left, uint32_t sequence);
#define STEP(NAME)                                                                       \
    static __attribute__((noinline)) void NAME(uint32_t seed, uint32_t left,             \
                                               uint32_t sequence) {                      \
        path(seed, left, sequence);                                                      \
        __asm__ volatile("" ::: "memory"); /* no tail call */                            \
    }
STEP(step0)
STEP(step1)
STEP(step2)
STEP(step3)
STEP(step4)
STEP(step5)
STEP(step6)
STEP(step7)

static __attribute__((noinline)) void path(uint32_t seed, uint32_t left,
                                           uint32_t sequence) {
    static void (*const steps[])(uint32_t, uint32_t, uint32_t) = {
        step0, step1, step2, step3, step4, step5, step6, step7};
    if (left)
        steps[seed >> 3 * (left - 1) & 7](seed, left - 1, sequence);
    else
        work(seed, sequence);
    __asm__ volatile("" ::: "memory");
}

static void *run(void *argument) {
    uint32_t first = (uint32_t)(uintptr_t)argument;
    pthread_barrier_wait(&together);
    for (uint32_t i = 0; i < LOOPS; i++)
        path((first * 131 + i * 7) % SEEDS, 3, i + 1);
    return NULL;
}

static void *forget(void *unused) {
    while (!load_acquire(&shared.stop)) {
        unwind_forget();
        sys_sleep_ns(2000000);
    }
    return unused;
}

/* --- the reader --- */

static struct {
    uint32_t block, taken;
    uint64_t sequence;
} cursors[THREADS * WAVES];
static uint64_t events, starts;

static void read_event(uint32_t ring, const struct shm_event *e) {
    if (e->kind == SHM_EV_THREAD) {
        starts++;
        cursors[ring].sequence = 0;
        return;
    }
    MUST(e->kind == SHM_EV_ALLOC && e->address == cursors[ring].sequence + 1);
    cursors[ring].sequence = e->address;
    for (uint32_t id = e->node; id; id = node_at(id)->parent)
        MUST(load_acquire(&node_at(id)->state) == SHM_NODE_READY);
    MUST(load_acquire(&shared.node[e->size]) == e->node);
    events++;
}

static void read_ring(struct session *s, uint32_t i) {
    struct shm_ring *ring = session_ring(s, local->process, i);
    if (!cursors[i].block)
        cursors[i].block = load_acquire(&ring->first);
    while (cursors[i].block) {
        struct shm_segment *segment = arena_block(cursors[i].block);
        uint32_t head = load_acquire(&segment->head);
        while (cursors[i].taken < head)
            read_event(i, &segment->records[cursors[i].taken++]);
        uint32_t next = load_acquire(&segment->next);
        if (!next || cursors[i].taken < SHM_SEGMENT_EVENTS)
            return;
        store_release(&ring->first, next);
        session_recycle(s, cursors[i].block);
        __atomic_fetch_add(&ring->given, 1, __ATOMIC_RELEASE);
        cursors[i].block = next;
        cursors[i].taken = 0;
    }
}

static void read_rings(struct session *s) {
    uint32_t n = load_acquire(&local->process->n_rings);
    MUST(session_poll(s) == 0 && n <= THREADS * WAVES);
    for (uint32_t i = 0; i < n; i++)
        read_ring(s, i);
}

/* --- leaving the clock --- */

#define HANDS     20000u
#define LEAVES_AT 7000u
static struct {
    uint32_t turn; /* whose it is, modulo THREADS; released with `stamp` */
    uint64_t stamp;
} ball;

/* Each in turn gets what the one before gave away, as a block that was freed: later stamps are greater. */
static void *hand_on(void *argument) {
    uint32_t self = (uint32_t)(uintptr_t)argument;
    for (uint32_t i = self; i < HANDS; i += THREADS) {
        while (load_acquire(&ball.turn) != i)
            sched_yield();
        if (i == LEAVES_AT)
            MUST(stamp_leave_clock() && !stamp_leave_clock());
        uint64_t stamp = stamp_after_loads();
        MUST(stamp > ball.stamp);
        ball.stamp = stamp;
        store_release(&ball.turn, i + 1);
    }
    return NULL;
}

/* One that stamps for itself all the while. */
static void *stamp_on(void *unused) {
    uint64_t last = 0;
    while (load_acquire(&ball.turn) < HANDS) {
        uint64_t stamp = stamp_after_loads();
        MUST(stamp > last);
        last = stamp;
    }
    return unused;
}

static void leave_clock(struct session *s) {
    pthread_t threads[THREADS + 1];
    uint64_t ticks, ns;
    for (uint32_t i = 0; i < THREADS; i++)
        MUST(pthread_create(&threads[i], NULL, hand_on, (void *)(uintptr_t)i) == 0);
    MUST(pthread_create(&threads[THREADS], NULL, stamp_on, NULL) == 0);
    while (load_acquire(&ball.turn) < HANDS) {
        session_now(s, &ticks, &ns);
        __atomic_store_n(&s->arena->round_ticks, ticks, __ATOMIC_SEQ_CST);
        sys_sleep_ns(100000);
    }
    for (uint32_t i = 0; i < THREADS + 1; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    session_now(s, &ticks, &ns);
    MUST(preload.clock == STAMP_ROUNDS && ball.stamp <= ticks);
    s->arena->round_ticks = ticks;
    MUST(stamp_after_loads() > ticks); /* what a round may have missed is not before it */
    stamp_return_to_clock();
    MUST(preload.clock == s->arena->clock);
}

/* --- */

static void arm(struct session *s, uint32_t node) {
    struct shm_fault fault = {.site = node_at(node)->key,
                              .occurrence = DUE,
                              .mode = SHM_FAULT_BURST,
                              .burst = BURST};
    session_set_fault(s, &fault);
}

static struct session *start(void) {
    const struct session_options options = {.flags = SHM_EVENTS | SHM_FAULTS};
    struct session *s;
    MUST(session_new(&options, &s) == 0);
    preload.arena = s->arena;
    preload.arena_bytes = s->arena->arena_bytes;
    preload.blocks_total = s->arena->blocks_total;
    preload.nonce = s->arena->nonce;
    preload.flags = options.flags;
    preload.clock = s->arena->clock;
    preload.max_depth = 64;
    preload.state = PRELOAD_ON;
    local = sys_mmap(sizeof *local, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    MUST(local);
    local->pid = sys_getpid();
    local->state = LOCAL_READY;
    local->process_id = preload.process_block = arena_take_zeroed();
    MUST(local->process_id);
    local->process = arena_block(local->process_id);
    module_start();
    return s;
}

int main(void) {
    struct session *s = start();
    pthread_t threads[THREADS], other;
    MUST(pthread_barrier_init(&together, NULL, THREADS) == 0);
    MUST(pthread_create(&other, NULL, forget, NULL) == 0);
    for (uint32_t wave = 0; wave < WAVES; wave++) {
        for (uint32_t i = 0; i < THREADS; i++)
            MUST(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i) == 0);
        while (events < (uint64_t)(wave + 1) * THREADS * LOOPS)
            read_rings(s);
        for (uint32_t i = 0; i < THREADS; i++)
            MUST(pthread_join(threads[i], NULL) == 0);
        if (!wave)
            arm(s, shared.node[5]);
    }
    store_release(&shared.stop, 1);
    MUST(pthread_join(other, NULL) == 0);
    read_rings(s);
    for (uint32_t i = 1; i < SEEDS; i++)
        MUST(shared.node[i] && shared.node[i] != shared.node[i - 1]);
    MUST(session_fired(s, 0) && s->arena->faults[0].hits > DUE);
    MUST(shared.denied == BURST);
    MUST(events == (uint64_t)WAVES * THREADS * LOOPS && starts == THREADS * WAVES);
    MUST(local->process->lost == 0 && local->process->nodes_lost == 0);
    MUST(local->process->incomplete == 0 && local->process->truncated == 0);
    MUST(local->process->n_rings < THREADS * WAVES); /* some slots were taken over */
    leave_clock(s);
    session_free(s);
    return 0;
}
