/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of the arena: where nodes, ring segments, modules and processes get their
 * memory.
 *
 *   recycled   header->free_list  ── tagged CAS ──┐
 *   fresh      blocks_next < blocks_ready ── CAS ─┴─► this process
 *   none       blocks_wanted++, wake the collector, short sleeps until one is there
 *
 * A fresh block is all zeroes: dearth made it so, outside. A recycled one is not.
 *
 * Invariant: only blocks below blocks_ready are ever touched (the collector has allocated
 * them on disk), so a full disk cannot become our SIGBUS.
 * Who runs it: any thread of the target, re-entry flag held.
 */
#include <linux/futex.h>
#include <poll.h>
#include <time.h>

#include "arena.h"
#include "local.h"
#include "preload.h"
#include "stamp.h"
#include "sys.h"

/* A collector that is alive moves its heartbeat every 100 ms; 20 times that is no hiccup. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* on every architecture */
#endif
#define ABANDONED_AFTER_NS 2000000000ull
/* The same, where whether it lives cannot be asked. */
#define SANDBOXED_AFTER_NS 20000000000ull
#define SLEEP_FIRST_NS     50000
#define SLEEP_LONGEST_NS                                                                 \
    20000000 /* a thousand who wait must leave the processor to the collector */

uint64_t arena_now_ns(void) {
    struct timespec t;
    if (unlikely(sys_is_sandboxed))
        return stamp_coarse_ns();
    sys_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void arena_sleep(long ns) {
    if (likely(!sys_is_sandboxed)) {
        sys_sleep_ns(ns);
        return;
    }
    const long pause_ns =
        20; /* or some more: the clock that there is ticks in milliseconds */
    for (long i = 0; i < ns / pause_ns; i++)
        arch_pause();
}

bool arena_has(uint32_t id) {
    return id >= SHM_HEADER_BLOCKS && id < preload.blocks_total &&
           id < load_acquire(&preload.arena->blocks_ready);
}

/* The list was written over: a block in use may be in it. Those that are in it are lost. */
static COLD uint32_t abandon_list(uint64_t head) {
    if (cas(&preload.arena->free_list, head, ((head >> 32) + 1) << 32))
        add_relaxed(&preload.arena->damaged, 1);
    return 0;
}

static uint32_t take_recycled(void) {
    struct shm_header *arena = preload.arena;
    for (;;) {
        uint64_t head = load_acquire(&arena->free_list);
        uint32_t id = (uint32_t)head;
        if (!id)
            return 0;
        if (!arena_has(id))
            return abandon_list(head);
        struct shm_free *free = arena_block(id);
        uint32_t next = load_relaxed(&free->next);
        if (unlikely(load_acquire(&free->mark) != shm_free_mark(id))) {
            if (load_acquire(&arena->free_list) != head)
                continue; /* somebody else has it */
            return abandon_list(head);
        }
        if (cas(&arena->free_list, head, ((head >> 32) + 1) << 32 | next)) {
            store_relaxed(&free->mark, 0);
            return id;
        }
    }
}

static uint32_t take_fresh(void) {
    struct shm_header *arena = preload.arena;
    for (;;) {
        uint32_t id = load_relaxed(&arena->blocks_next);
        if (!arena_has(id))
            return 0;
        if (cas(&arena->blocks_next, id, id + 1))
            return id;
    }
}

static uint32_t take_now(void) {
    uint32_t id = take_recycled();
    return id ? id : take_fresh();
}

bool arena_has_plenty(void) {
    const struct shm_header *arena = preload.arena;
    return (uint32_t)load_relaxed(&arena->free_list) ||
           load_relaxed(&arena->blocks_next) < preload.blocks_total / 8;
}

void arena_give_back(uint32_t id) {
    uint64_t *list = &preload.arena->free_list, head;
    struct shm_free *free = arena_block(id);
    store_relaxed(&free->mark, shm_free_mark(id));
    do {
        head = load_acquire(list);
        store_relaxed(&free->next, (uint32_t)head);
    } while (!cas(list, head, ((head >> 32) + 1) << 32 | id));
}

/* A killed process whose parent does not wait for it keeps its pid: only a pidfd tells. */
static bool collector_died(uint32_t pid) {
    if (sys_kill(pid, 0) == -ESRCH)
        return true;
    long fd = sys_call(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);
    if (fd < 0)
        return false;
    struct pollfd ended = {.fd = (int)fd, .events = POLLIN};
    struct timespec now = {0};
    long n = sys_call(SYS_ppoll, (long)&ended, 1, (long)&now, 0, 0, 0);
    sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
    return n == 1;
}

bool arena_abandoned(struct arena_watch *watch) {
    struct shm_header *arena = preload.arena;
    if (load_relaxed(&arena->detached))
        return true;
    uint32_t beat = load_relaxed(&arena->heartbeat);
    uint64_t now = arena_now_ns();
    if (!watch->since_ns || beat != watch->heartbeat) {
        watch->heartbeat = beat;
        watch->since_ns = now;
        return false;
    }
    if (now - watch->since_ns < ABANDONED_AFTER_NS)
        return false;
    if (sys_is_sandboxed ? now - watch->since_ns < SANDBOXED_AFTER_NS
                         : !collector_died(preload.collector_pid))
        return false; /* stopped in a debugger, say: to be exact is to wait */
    store_release(&arena->detached, 1);
    return true;
}

static void wake_collector(void) {
    uint32_t *wanted = &preload.arena->blocks_wanted;
    add_relaxed(wanted, 1);
    if (!sys_is_sandboxed) /* it looks every now and then */
        sys_call(SYS_futex, (long)wanted, FUTEX_WAKE, 1, 0, 0, 0);
}

/* The arena cannot grow any more, so only recycled blocks may still come. When none does,
 * the target must not stand still for ever: one wait this long, then losses. */
#define EXHAUSTED_AFTER_NS 5000000000ull

static bool exhausted(uint64_t waited_ns) {
    const struct shm_header *arena = preload.arena;
    return load_relaxed(&arena->blocks_next) >= preload.blocks_total &&
           (waited_ns >= EXHAUSTED_AFTER_NS || load_relaxed(&local->starved) ||
            !(preload.flags & SHM_EVENTS)); /* a replay: no collector recycles any */
}

static COLD uint32_t take_waiting(uint64_t *waited_ns) {
    struct arena_watch watch = {0};
    uint64_t begin = arena_now_ns(), waited = 0;
    uint32_t id = 0;
    long sleep = SLEEP_FIRST_NS;
    while (!id && !exhausted(waited) && !arena_abandoned(&watch)) {
        wake_collector();
        arena_sleep(sleep);
        if (sleep < SLEEP_LONGEST_NS)
            sleep *= 2;
        id = take_now();
        waited = arena_now_ns() - begin;
    }
    store_relaxed(&local->starved, !id);
    if (waited_ns)
        *waited_ns += waited;
    return id;
}

uint32_t arena_take(uint64_t *waited_ns) {
    uint32_t id = take_now();
    if (likely(id))
        return id;
    if (preload.flags & SHM_DROP_WHEN_FULL) {
        wake_collector();
        return 0;
    }
    return take_waiting(waited_ns);
}

/* Clearing a block touches all its pages, and each costs a fault in a process that has just begun. */
uint32_t arena_take_zeroed(void) {
    uint32_t id = take_recycled();
    if (!id && (id = take_fresh()))
        return id;
    if (!id)
        id = arena_take(NULL);
    if (id) {
        struct shm_free *head = arena_block(id); /* who wanted it too may still read it */
        store_relaxed(&head->next, 0);
        store_relaxed(&head->reserved, 0);
        store_relaxed(&head->mark, 0);
        __builtin_memset(head + 1, 0, SHM_BLOCK_BYTES - sizeof *head);
    }
    return id;
}

void *arena_install(uint32_t *where, void *known) {
    void **mine = known, *block = load_acquire(mine);
    if (unlikely(!block)) {
        uint32_t id = arena_take_zeroed();
        if (!id)
            return NULL;
        if (!cas(mine, NULL, arena_block(id)))
            arena_give_back(id);
        block = load_acquire(mine);
    }
    /* before anything in it is named: whoever installs it may not have come that far */
    uint32_t id = (uint32_t)(((char *)block - (char *)preload.arena) / SHM_BLOCK_BYTES);
    if (unlikely(load_acquire(where) != id))
        store_release(where, id);
    return block;
}
