/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds of the collector: see collector.h.
 *
 *   now = both clocks ─► directory ─► heads of all rings ─► heap by time ─► watched_take()
 *     └─ full segments are recycled then: who was dying when the round began is stored;
 *        who died since is dying
 *
 * All rings of all processes are merged by one heap, so that the sum of live bytes over
 * the processes, and with it the peak, is that of one moment.
 */
#include "collector.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "collector_damage.h"
#include "collector_private.h"
#include "error.h"
#include "greeter.h"
#include "life.h"
#include "rows.h"
#include "session_watch.h"
#include "text.h"
#include "watched.h"

#define COMMIT_AFTER_NS 300000000ull /* other writers of the database wait that long */
#define SUMS_EVERY_NS   10000000000ull
#define SUMS_WATCHED_NS 1000000000ull
#define FORGET_AFTER_NS 1000000000ull
#define STORED_MOST     64u   /* processes that wait for that, each with some 4 blocks */
#define STORED_AT_ONCE  64u   /* in a round: others come meanwhile */
#define NEW_AT_ONCE     192u  /* that may come between two rounds */
#define TRIM_AFTER      1000u /* processes forgotten */
#define LOOK_AFTER_NS   50000000ull /* at processes without a pidfd */
#define LOOKS_AT_ONCE   256u        /* each some 10 us */
#define POLL_EVERY      32768       /* events between two looks at the arena */
#define HELD_BY_ONE     64u  /* segments of one process: half of what a ring may have */
#define HELD_BY_ALL     256u /* 16 MiB */
#define LEAVES          UINT32_MAX /* in place of a ring: its memory goes now */

/* --- clocks --- */

/* Before the last interval the long-run rate serves. */
uint64_t collector_ns_before(const struct collector *c, uint64_t ticks) {
    if (ticks <= c->start_ticks)
        return 0;
    double part =
        (double)(ticks - c->start_ticks) / (double)(c->last.ticks - c->start_ticks);
    return (uint64_t)(part * (double)c->last.ns);
}

uint64_t collector_ns_said(const struct collector *c, uint64_t ticks) {
    bool sane = ticks <= c->now.ticks + c->second;
    return collector_ns(c, sane ? ticks : c->now.ticks);
}

static void tick(struct collector *c) {
    struct moment now;
    session_now(c->session, &now.ticks, &now.ns);
    c->last = c->now;
    c->now = now;
    __atomic_store_n(&c->session->arena->round_ticks, now.ticks, __ATOMIC_SEQ_CST);
    if (now.ticks > c->last.ticks && now.ns > c->last.ns)
        c->ns_per_tick =
            (double)(now.ns - c->last.ns) / (double)(now.ticks - c->last.ticks);
}

/* --- reading rings --- */

/* Go on to the segment @id. Return: whether it is one of this ring. */
static bool enter_segment(struct collector *c, struct watched *w, uint32_t ring,
                          uint32_t id) {
    struct cursor *cursor = &w->cursors[ring];
    const struct shm_segment *s = session_block(c->session, id);
    if (!collector_damage_segment_ok(w, ring, s, cursor->serial + 1)) {
        collector_damage_ring(w, ring);
        return false;
    }
    if (!cursor->segment)
        cursor->oldest = id;
    cursor->segment = s;
    cursor->id = id;
    cursor->seed = shm_segment_seed(w->block, ring, ++cursor->serial);
    cursor->position = cursor->head = 0;
    return true;
}

/* The segment is read to its end: take the next, keep this one until its rows are
 * committed. */
static bool next_segment(struct collector *c, struct watched *w, uint32_t ring) {
    struct cursor *cursor = &w->cursors[ring];
    uint32_t made = __atomic_load_n(&cursor->shm->made, __ATOMIC_ACQUIRE);
    uint32_t next = __atomic_load_n(&cursor->segment->next, __ATOMIC_ACQUIRE);
    /* `made` is raised after the link is there: without one it was written over */
    if ((!next && made > cursor->serial) || cursor->n_held > SHM_RING_SEGMENTS_MAX)
        collector_damage_ring(w, ring);
    if (!next || cursor->damaged || !enter_segment(c, w, ring, next))
        return false;
    cursor->n_held++;
    w->n_held++;
    c->n_held++;
    return true;
}

/* Return: whether there is more in this segment. */
static bool look_at_head(struct watched *w, uint32_t ring) {
    struct cursor *cursor = &w->cursors[ring];
    uint32_t head = __atomic_load_n(&cursor->segment->head, __ATOMIC_ACQUIRE);
    if (head < cursor->position || head > SHM_SEGMENT_EVENTS ||
        !collector_damage_segment_ok(w, ring, cursor->segment, cursor->serial)) {
        collector_damage_ring(w, ring);
        return false;
    }
    cursor->head = head;
    return head > cursor->position;
}

/* All records that the cursor knows of are taken. Return: whether there is another. */
static bool go_on(struct collector *c, struct watched *w, uint32_t ring) {
    struct cursor *cursor = &w->cursors[ring];
    if (!cursor->shm)
        return false;
    if (!cursor->segment) {
        uint32_t id = __atomic_load_n(&cursor->shm->first, __ATOMIC_ACQUIRE);
        if (!id || !enter_segment(c, w, ring, id))
            return false;
    }
    if (cursor->position == SHM_SEGMENT_EVENTS && !next_segment(c, w, ring))
        return false;
    return cursor->position < cursor->head || look_at_head(w, ring);
}

/* The ring's next record that is not younger than this round, NULL = none. */
static inline const struct shm_event *peek(struct collector *c, struct watched *w,
                                           uint32_t ring) {
    struct cursor *cursor = &w->cursors[ring];
    if (cursor->damaged || (cursor->position >= cursor->head && !go_on(c, w, ring)))
        return NULL;
    cursor->event = cursor->segment->records[cursor->position];
    if (!collector_damage_event_ok(c, cursor, &cursor->event)) {
        collector_damage_ring(w, ring);
        return NULL;
    }
    return cursor->event.time <= c->now.ticks ? &cursor->event : NULL;
}

/* --- committing --- */

/*
 * Rows of a process are written whole (watched_checkpoint()): events, sums, and how far its
 * rings were read, in one transaction. Only then do its ring segments go back, so that
 * whenever dearth is killed, each record is either in the database or still in a ring.
 */

static int put_modules(struct collector *c) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++)
        if (c->watched[i] && c->watched[i]->state == WATCHED_ALIVE)
            r = rows_put_modules(c, c->watched[i]);
    return r;
}

int collector_commit(struct collector *c) {
    if (!c->transaction_ns)
        return 0;
    int r = put_modules(c);
    if (r == 0)
        r = rows_put_peak(c);
    if (r == 0)
        r = store_commit(c->store);
    if (r < 0)
        return r;
    c->transaction_ns = 0;
    for (uint32_t i = 0; i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (w && w->state >= WATCHED_STORED)
            w->committed = true;
        else if (w)
            watched_give_back(c, w);
    }
    return 0;
}

int collector_checkpoint(struct collector *c) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (w && w->state < WATCHED_STORED && w->since)
            r = watched_checkpoint(c, w);
    }
    return r < 0 ? r : collector_commit(c);
}

int collector_end_blocks(struct collector *c) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (w && w->state < WATCHED_STORED)
            r = watched_end_blocks(c, w);
    }
    return r < 0 ? r : collector_checkpoint(c);
}

static void look_at_arena(struct collector *c) {
    int r = session_poll(c->session);
    if (r < 0)
        c->starved = r;
}

/* A record is behind its cursor. @due: rows of its process are. */
static int after_record(struct collector *c, struct watched *w, bool due, uint64_t n) {
    int r = due ? watched_checkpoint(c, w) : 0;
    if (r == 0 && due && w->n_held >= HELD_BY_ONE)
        r = collector_commit(c);
    if (r < 0 || n % POLL_EVERY)
        return r;
    look_at_arena(c);
    return c->n_held >= HELD_BY_ALL || (c->starved && c->n_held) ? collector_checkpoint(c)
                                                                 : 0;
}

/* --- merging --- */

static void sift_down(struct collector *c, uint32_t i) {
    struct pending item = c->heap[i];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < c->n_heap && c->heap[child + 1].time < c->heap[child].time)
            child++;
        if (child >= c->n_heap || c->heap[child].time >= item.time)
            break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = item;
}

static void heap_add(struct collector *c, struct pending item) {
    if (c->n_heap == c->heap_capacity) {
        c->heap_capacity = c->heap_capacity ? 2 * c->heap_capacity : 64;
        c->heap = text_realloc(c->heap, c->heap_capacity * sizeof *c->heap);
    }
    c->heap[c->n_heap++] = item;
}

/* Has it ended in a way that says when, which the sum of live bytes does not know yet? */
static bool has_left(const struct collector *c, struct watched *w) {
    uint32_t state = __atomic_load_n(&w->shm->state, __ATOMIC_ACQUIRE);
    if (w->left || (state != SHM_PROCESS_EXITED && !w->replaced))
        return false;
    return w->left = w->shm->ended && w->shm->ended <= c->now.ticks;
}

static void gather(struct collector *c) {
    c->n_heap = 0;
    for (uint32_t i = 0; i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (!w || w->state >= WATCHED_STORED)
            continue;
        collector_damage_check_process(c, w);
        uint32_t n = __atomic_load_n(&w->shm->n_rings, __ATOMIC_ACQUIRE);
        if (n > SHM_MAX_RINGS || n < w->n_cursors)
            n = w->n_cursors;
        if (n > w->n_cursors) {
            w->cursors = text_realloc(w->cursors, n * sizeof *w->cursors);
            memset(w->cursors + w->n_cursors, 0, (n - w->n_cursors) * sizeof *w->cursors);
            w->n_cursors = n;
        }
        if (has_left(c, w))
            heap_add(c, (struct pending){w->shm->ended, w, LEAVES});
        for (uint32_t ring = 0; ring < n; ring++) {
            if (!w->cursors[ring].shm)
                w->cursors[ring].shm = session_ring(c->session, w->shm, ring);
            collector_damage_check_ring(w, ring);
            const struct shm_event *event = peek(c, w, ring);
            if (event)
                heap_add(c, (struct pending){event->time, w, ring});
        }
    }
    for (uint32_t i = c->n_heap / 2; i-- > 0;)
        sift_down(c, i);
}

/* Records of one ring as long as no other ring has an older one. */
static int take_run(struct collector *c, struct pending *top, uint64_t until,
                    uint64_t *n_events) {
    const struct shm_event *event;
    while ((event = peek(c, top->w, top->ring)) && event->time <= until) {
        const struct cursor *cursor = &top->w->cursors[top->ring];
        live_ahead(top->w->live, &cursor->segment->records[cursor->position],
                   cursor->head - cursor->position);
        int r = watched_take(c, top->w, top->ring, event);
        if (r < 0)
            return r;
        top->w->cursors[top->ring].position++;
        r = after_record(c, top->w, r > 0, ++*n_events);
        if (r < 0)
            return r;
    }
    top->time = event ? event->time : UINT64_MAX;
    return 0;
}

static int merge(struct collector *c, uint64_t *n_events) {
    gather(c);
    while (c->n_heap) {
        uint64_t until = c->now.ticks;
        for (uint32_t i = 1; i <= 2 && i < c->n_heap; i++)
            if (c->heap[i].time < until)
                until = c->heap[i].time;
        int r = 0;
        if (c->heap[0].ring == LEAVES) {
            live_leave(c->heap[0].w->live);
            c->heap[0].time = UINT64_MAX;
        } else {
            r = take_run(c, &c->heap[0], until, n_events);
        }
        if (r < 0)
            return r;
        if (c->heap[0].time == UINT64_MAX)
            c->heap[0] = c->heap[--c->n_heap];
        if (c->n_heap)
            sift_down(c, 0);
    }
    return 0;
}

/* --- coming and going --- */

static int discover(struct collector *c) {
    int r = 0;
    uint32_t n = session_n_processes(c->session);
    c->n_watched = n > c->n_watched ? n : c->n_watched;
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++)
        if (!c->watched[i] &&
            __atomic_load_n(&c->session->arena->processes[i], __ATOMIC_RELAXED))
            r = watched_watch(c, i);
    return r;
}

/* An entry of the epoll set may be that of a process that had this place before: ask again. */
static void hear(struct collector *c, uint32_t index) {
    struct watched *w = index < c->n_watched ? c->watched[index] : NULL;
    if (!w || w->state != WATCHED_ALIVE || life_pidfd_ready(w->pidfd) != 1)
        return;
    epoll_ctl(c->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
    w->state = WATCHED_DYING;
}

/* Those that no descriptor was to be had for, some at a time. */
static void look_around(struct collector *c) {
    uint32_t looks = 0;
    for (uint32_t n = 0; n < c->n_watched && looks < LOOKS_AT_ONCE; n++) {
        uint32_t i = c->polled_next = (c->polled_next + 1) % c->n_watched;
        struct watched *w = c->watched[i];
        if (!w || w->state != WATCHED_ALIVE || w->pidfd >= 0 || w->foreign)
            continue;
        looks++;
        watched_open(c, w);
        if (watched_is_over(c, w))
            w->state = WATCHED_DYING;
    }
}

static void notice_deaths(struct collector *c) {
    struct epoll_event events[64];
    int n = 64;
    for (uint32_t i = 0; n == 64 && i < SHM_MAX_PROCESSES / 64; i++) {
        n = epoll_wait(c->epoll, events, 64, 0);
        for (int k = 0; k < n; k++)
            hear(c, events[k].data.u32);
    }
    for (uint32_t i = 0; i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (w && w->state == WATCHED_ALIVE && (w->replaced || w->gone))
            w->state = WATCHED_DYING;
    }
    if (c->now.ns - c->polled_ns < LOOK_AFTER_NS)
        return;
    c->polled_ns = c->now.ns;
    look_around(c);
}

/* Everything of it is in the database: what it had is for others, if it was the only one there. */
static int let_go(struct collector *c, struct watched *w) {
    int r = watched_count_late(c, w);
    if (r == 0) {
        watched_forget(c, w);
        c->n_forgotten++;
    } else if (r > 0) {
        w->state = WATCHED_KEPT;
        c->n_stored--;
    }
    return r < 0 ? r : 0;
}

/* Those that were dying before the rings were read; too many for one round wait for the next. */
static int bury(struct collector *c) {
    bool crowd = c->n_stored > STORED_MOST;
    uint32_t stored = 0;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (w && w->state == WATCHED_DYING && stored < STORED_AT_ONCE) {
            r = watched_store(c, w, watched_end(w));
            stored++;
        } else if (w && w->state == WATCHED_STORED && w->committed &&
                   (crowd || c->now.ns - w->stored_ns > FORGET_AFTER_NS)) {
            r = let_go(c, w);
        }
    }
    return r;
}

/* Those that have ended and still take room count as if they had just come. */
static void let_come(struct collector *c) {
    struct shm_header *arena = c->session->arena;
    uint32_t ended = c->n_stored;
    for (uint32_t i = 0; i < c->n_watched; i++)
        ended += c->watched[i] && c->watched[i]->state == WATCHED_DYING;
    uint32_t more = ended < NEW_AT_ONCE ? NEW_AT_ONCE - ended : 0;
    uint32_t n = __atomic_load_n(&arena->n_processes, __ATOMIC_RELAXED);
    __atomic_store_n(&arena->entry_limit, n + more ? n + more : 1, __ATOMIC_RELAXED);
}

/* What a crowd took goes back to the system, not only to malloc(): what is left lies between. */
static void trim(struct collector *c) {
    if (c->n_forgotten < TRIM_AFTER)
        return;
    c->n_forgotten = 0;
    malloc_trim(1u << 20);
}

/* Sooner when somebody watches; that is asked about no more often than it matters. */
static bool sums_are_late(struct collector *c) {
    if (c->now.ns - c->sums_ns >= SUMS_EVERY_NS)
        return true;
    if (c->now.ns - c->sums_ns < SUMS_WATCHED_NS ||
        c->now.ns - c->asked_ns < SUMS_WATCHED_NS / 2)
        return false;
    c->asked_ns = c->now.ns;
    return session_is_watched(c->session);
}

/* --- public --- */

static int round_inner(struct collector *c, uint64_t *n_events) {
    tick(c);
    int r = discover(c);
    if (r == 0 && c->n_awaited)
        r = watched_greet(c);
    if (r == 0)
        r = merge(c, n_events);
    if (r == 0)
        r = bury(c);
    if (r < 0)
        return r;
    notice_deaths(c);
    look_at_arena(c);
    let_come(c);
    trim(c);
    bool late = sums_are_late(c);
    if (late)
        c->sums_ns = c->now.ns;
    if (late || c->n_held >= HELD_BY_ALL || (c->starved && c->n_held))
        r = collector_checkpoint(c);
    else if (c->transaction_ns && (c->now.ns - c->transaction_ns >= COMMIT_AFTER_NS ||
                                   c->n_stored > STORED_MOST))
        r = collector_commit(c);
    return r;
}

int collector_round(struct collector *c, uint64_t *n_events) {
    c->starved = 0;
    *n_events = 0;
    int r = round_inner(c, n_events);
    if (r < 0) {
        store_rollback(c->store);
        c->transaction_ns = 0;
    }
    return r;
}

int collector_finish(struct collector *c, bool all_dead) {
    int r = 0;
    tick(c);
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (w && w->state < WATCHED_STORED)
            r = watched_store(
                c, w, all_dead || w->state == WATCHED_DYING ? watched_end(w) : "running");
        else if (w)
            r = watched_count_late(c, w);
        r = r < 0 ? r : 0;
    }
    if (r == 0)
        r = collector_commit(c);
    if (r < 0) {
        store_rollback(c->store);
        c->transaction_ns = 0;
    }
    return r;
}

int collector_fd(const struct collector *c) {
    return c->epoll;
}

uint32_t collector_n_alive(const struct collector *c) {
    return c->n_alive;
}

int collector_starved(const struct collector *c) {
    return c->starved;
}

struct collector_totals collector_totals(const struct collector *c) {
    struct collector_totals t = c->totals;
    t.peak_bytes = c->sum.peak_bytes;
    t.peak_ns = c->sum.peak_ns;
    t.processes_lost = c->session->arena->processes_lost;
    t.rings_damaged += session_mend(c->session);
    for (uint32_t i = 0; i < c->n_watched; i++) {
        const struct watched *w = c->watched[i];
        const struct live_totals *l = w && w->live ? live_totals(w->live) : NULL;
        if (!l)
            continue;
        t.rings_damaged += w->damaged;
        t.events += l->events;
        t.allocations += l->allocations;
        t.frees += l->frees;
        t.failed += l->failed;
        t.bytes += l->bytes;
        t.unknown += l->unknown;
        t.unknown_bytes += l->unknown_bytes;
        t.live_blocks += l->live_blocks;
        t.live_bytes += l->live_bytes;
    }
    return t;
}

/* A call has one record but for these. */
static bool is_call(const struct shm_event *e) {
    return e->kind != SHM_EV_THREAD && e->kind != SHM_EV_REALLOC_BEGIN;
}

static uint64_t count_unread(struct collector *c, struct watched *w) {
    uint64_t n = 0;
    const struct shm_event *event;
    for (uint32_t ring = 0; ring < w->n_cursors; ring++)
        while ((event = peek(c, w, ring))) {
            n += is_call(event);
            w->cursors[ring].position++;
        }
    return n;
}

uint64_t collector_made(struct collector *c) {
    uint64_t made = c->totals.events + c->totals.events_lost;
    tick(c);
    /* those that came after the last round have no row, and will have none */
    for (uint32_t i = 0; i < session_n_processes(c->session); i++) {
        uint32_t block = c->session->arena->processes[i];
        const struct shm_process *shm = session_process(c->session, i);
        if (!c->watched[i] && shm && shm->serial != c->done[i] && block < c->n_blocks) {
            c->watched[i] = watched_new(c, i, block);
            c->n_watched = i + 1 > c->n_watched ? i + 1 : c->n_watched;
        }
    }
    gather(c); /* all their rings have cursors now */
    for (uint32_t i = 0; i < c->n_watched; i++) {
        struct watched *w = c->watched[i];
        if (!w || w->state >= WATCHED_STORED)
            continue;
        made += live_totals(w->live)->events + count_unread(c, w);
        made += watched_lost(c, w);
    }
    return made;
}

int collector_new(const struct collector_options *options, struct collector **out) {
    struct collector *c = text_alloc(sizeof *c);
    c->session = options->session;
    c->store = options->store;
    c->recording_id = options->recording_id;
    c->keep_events = options->keep_events;
    c->sample_bytes = options->sample_bytes;
    c->units = options->units;
    c->watched = text_alloc(SHM_MAX_PROCESSES * sizeof *c->watched);
    c->done = text_alloc(SHM_MAX_PROCESSES * sizeof *c->done);
    c->n_blocks = (uint32_t)(c->session->arena->arena_bytes / SHM_BLOCK_BYTES);
    c->proc_known = life_proc_known();
    c->pid_namespace = life_pid_namespace();
    c->start_ticks = c->session->arena->start_ticks;
    c->now = c->last = (struct moment){c->start_ticks, 0};
    c->ns_per_tick = 1 / session_ticks_per_ns(c->session);
    c->second = (uint64_t)(1e9 / c->ns_per_tick);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    int r = c->epoll < 0 ? error_print_errno(-errno, "cannot watch processes") : 0;
    if (r == 0 && !(c->cache = session_site_cache_new(c->session, c->store)))
        r = -EIO;
    if (r == 0)
        r = rows_prepare(c);
    if (r == 0 && c->units)
        r = greeter_new(c->session, c->pid_namespace, c->units, &c->greeter);
    if (r < 0)
        c = collector_free(c);
    *out = c;
    return r;
}

struct collector *collector_free(struct collector *c) {
    if (!c)
        return NULL;
    greeter_free(c->greeter);
    for (uint32_t i = 0; i < SHM_MAX_PROCESSES; i++)
        watched_free(c->watched[i]);
    rows_finalize(c);
    session_site_cache_free(c->cache);
    if (c->epoll >= 0)
        close(c->epoll);
    free(c->heap);
    free(c->done);
    free(c->watched);
    free(c);
    return NULL;
}
