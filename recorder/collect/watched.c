/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recorded process as the collector sees it: from its place in the directory to the
 * rows that are left of it.
 *
 *   ALIVE ──(proved to be over (life.h), or an exec replaced the image)──► DYING
 *   DYING ──(one more round: whatever it wrote is in its rings)──► STORED
 *   STORED ──(a second later, or when many wait)──► its blocks are recycled, it is forgotten
 *      └─(somebody has written there meanwhile)──► KEPT: counted as lost, nobody else gets them
 *
 * Invariant: a process of which it is not known whether it lives is ALIVE, until the recording
 * ends. What shares its memory with a process that is over (CLONE_VM) writes on as that process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "circumstances.h"
#include "collector_damage.h"
#include "collector_private.h"
#include "error.h"
#include "exit_status.h"
#include "greeter.h"
#include "life.h"
#include "rows.h"
#include "text.h"
#include "watched.h"

/* Of a process, until its rows are written and its segments can be given back: as many as
 * a chunk holds, a quarter of what a ring may have outstanding. */
#define CHECKPOINT_RECORDS CHUNK_MAX_EVENTS
#define NO_SITE            UINT32_MAX /* in site_of: looked up, there is none */
#define DESCRIPTORS        64u        /* not used for pidfds */
#define HELD_FILES         256u       /* nor these: recorder/symbols/keeper.h */

/* --- coming --- */

bool watched_is_over(const struct collector *c, const struct watched *w) {
    const struct life_of it = {
        .pid = w->pid, .start = w->start, .foreign = w->foreign, .pidfd = w->pidfd};
    return life_look(&it, c->proc_known) == LIFE_OVER;
}

const char *watched_end(struct watched *w) {
    uint32_t state = __atomic_load_n(&w->shm->state, __ATOMIC_ACQUIRE);
    if (w->replaced || state == SHM_PROCESS_EXECED)
        return "exec";
    w->status_known =
        !w->foreign && exit_status_of(w->pidfd, w->pid, w->start, &w->status);
    if (!w->status_known && w->shm->exit_told >= 256) {
        w->status = (int)(w->shm->exit_told & 255) << 8;
        w->status_known = state == SHM_PROCESS_EXITED;
    }
    if (w->status_known)
        return WIFEXITED(w->status) ? "exit" : "killed";
    return state == SHM_PROCESS_EXITED ? "exit" : "killed";
}

struct watched *watched_parent(const struct collector *c, const struct watched *w) {
    uint32_t index = w->shm->parent_slot, serial = w->shm->parent;
    struct watched *parent = index < c->n_watched ? c->watched[index] : NULL;
    return parent && serial && parent->serial == serial && parent != w ? parent : NULL;
}

static void close_pidfd(struct collector *c, struct watched *w) {
    if (w->pidfd < 0)
        return;
    /* Closing is not enough while a child of ours has a copy. */
    epoll_ctl(c->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
    close(w->pidfd);
    w->pidfd = -1;
    c->n_pidfds--;
}

/* The database, standard input, /proc and commands beside need some too. */
static bool has_descriptors(const struct collector *c) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    rlim_t all = limit.rlim_cur;
    rlim_t others = DESCRIPTORS + (all / 16 < HELD_FILES ? all / 16 : HELD_FILES);
    return c->n_pidfds < (all > 2 * others ? all - others : all / 2);
}

void watched_open(struct collector *c, struct watched *w) {
    if (w->pidfd < 0 &&
        (w->foreign || !has_descriptors(c) || (w->pidfd = life_open(w->pid)) < 0)) {
        w->pidfd = -1;
        return;
    }
    c->n_pidfds++;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = w->index};
    if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, w->pidfd, &event) < 0)
        close_pidfd(c, w);
}

/* A descriptor that tells of its end; a pid that meanwhile means another is noticed. One that was opened while
 * the program waited for us is of no other, and still says how it ended. */
static void start_watching(struct collector *c, struct watched *w) {
    bool ours = w->pidfd >= 0;
    watched_open(c, w);
    w->gone = watched_is_over(c, w);
    if (w->gone && ours && w->pidfd >= 0)
        epoll_ctl(c->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
    else if (w->gone)
        close_pidfd(c, w);
}

/* Pids mean the same to it as to us? Where that is not known, those who see no parent are the first of
 * a namespace, and their children are in there too. */
static bool is_foreign(const struct collector *c, const struct watched *w,
                       const struct watched *parent) {
    uint64_t theirs = w->shm->pid_namespace;
    if (c->pid_namespace && theirs)
        return theirs != c->pid_namespace;
    return !w->shm->ppid || (parent && parent->foreign);
}

static struct shm_process *arrived(const struct collector *c, uint32_t index,
                                   uint32_t *block) {
    *block = __atomic_load_n(&c->session->arena->processes[index], __ATOMIC_ACQUIRE);
    return *block < c->n_blocks ? (struct shm_process *)session_process(c->session, index)
                                : NULL;
}

struct watched *watched_new(struct collector *c, uint32_t index, uint32_t block) {
    struct shm_process *shm = session_block(c->session, block);
    struct watched *w = text_alloc(sizeof *w);
    *w = (struct watched){.index = index,
                          .block = block,
                          .serial = shm->serial,
                          .pid = shm->pid,
                          .start = shm->pid_start_time,
                          .shm = shm,
                          .pidfd = -1};
    w->foreign = is_foreign(c, w, watched_parent(c, w));
    w->live = live_new(&c->sum, c->sample_bytes);
    collector_damage_remember(w);
    return w;
}

/* Of two images with one pid, the newer is there because an exec put it in the place of the older: if
 * the pid is that of one process. */
static bool replaces(const struct watched *w, const struct watched *older) {
    if (w->shm->origin != SHM_ORIGIN_EXEC || w->pid != older->pid ||
        w->start != older->start)
        return false;
    bool same = w->shm->pid_namespace &&
                w->shm->pid_namespace == older->shm->pid_namespace && w->start;
    return same ||
           __atomic_load_n(&older->shm->state, __ATOMIC_ACQUIRE) == SHM_PROCESS_EXECED;
}

void watched_enter(struct collector *c, struct watched *w) {
    struct watched *parent = watched_parent(c, w);
    if (parent && replaces(w, parent))
        parent->replaced = true;
    start_watching(c, w);
    c->watched[w->index] = w;
    c->n_alive++;
    c->totals.processes++;
}

/* @now: it is not to wait any more; @seen: NULL = the greeter has missed it; taken over */
static int keep_unit(struct collector *c, struct watched *w, bool now,
                     struct circumstances *seen) {
    int r = 0;
    if (!seen && !w->foreign && !w->gone && w->shm->origin != SHM_ORIGIN_FORK) {
        seen = circumstances_new(c->units, w->pid);
        if (!now && greeter_wait(c->greeter, w->shm, w->serial, seen)) {
            w->awaited = true;
            c->n_awaited++;
            return 0;
        }
    }
    if (w->shm->origin != SHM_ORIGIN_FORK)
        r = circumstances_keep(c, w, seen);
    circumstances_free(seen);
    greeter_let_go(w->shm);
    return r;
}

/* What waited for its standard input goes on. @now: it is over, or everything ends. */
static int greet(struct collector *c, struct watched *w, bool now) {
    int pidfd = -1;
    bool later = false;
    struct circumstances *seen =
        now ? greeter_take_now(c->greeter, w->serial)
            : greeter_take(c->greeter, w->serial, &pidfd, &later);
    if (pidfd >= 0)
        close(pidfd);
    if (later)
        return 0;
    w->awaited = false;
    c->n_awaited--;
    return keep_unit(c, w, true, seen);
}

int watched_greet(struct collector *c) {
    int r = rows_begin(c);
    for (uint32_t i = 0; r == 0 && i < c->n_watched; i++)
        if (c->watched[i] && c->watched[i]->awaited)
            r = greet(c, c->watched[i], false);
    return r;
}

int watched_watch(struct collector *c, uint32_t index) {
    uint32_t block;
    const struct shm_process *shm = arrived(c, index, &block);
    if (c->watched[index] || !shm || (c->done[index] && c->done[index] == shm->serial))
        return 0;
    /* Entries are taken again: the parent may have a later one, and come first all the same. */
    uint32_t before = shm->parent_slot;
    const struct shm_process *parent =
        before < c->n_watched ? session_process(c->session, before) : NULL;
    int r = 0;
    if (parent && parent->serial == shm->parent && parent->serial < shm->serial)
        r = watched_watch(c, before);
    if (r == 0)
        r = rows_begin(c);
    if (r < 0)
        return r;
    struct watched *w = watched_new(c, index, block);
    if (c->keep_events && !(w->writer = chunk_writer_new(0))) {
        watched_free(w);
        return error_print(-ENOMEM, "out of memory for the events of another process");
    }
    w->row = rows_put_process(c, w);
    if (w->row < 0) {
        r = (int)w->row;
        watched_free(w);
        return r;
    }
    struct circumstances *seen =
        c->greeter ? greeter_take(c->greeter, w->serial, &w->pidfd, &w->awaited) : NULL;
    watched_enter(c, w);
    c->n_awaited += w->awaited;
    return c->greeter && !w->awaited ? keep_unit(c, w, false, seen) : 0;
}

/* --- events --- */

static int64_t add_thread(struct collector *c, struct watched *w, uint32_t serial,
                          uint32_t tid, uint64_t now) {
    int64_t index;
    if (idmap_get(&w->thread_of, serial, &index))
        return index;
    int r = rows_begin(c);
    if (r < 0)
        return r;
    int64_t row = rows_put_thread(c, w, serial, tid, now);
    if (row < 0)
        return row;
    w->threads = text_grow(w->threads, w->n_threads, sizeof *w->threads);
    w->threads[w->n_threads++] = (struct thread_seen){.row = row, .serial = serial};
    idmap_put(&w->thread_of, serial, w->n_threads);
    c->totals.threads++;
    return w->n_threads;
}

/* The ring has a new owner; the one before it is dead. Return: 0 or -errno. */
static int start_thread(struct collector *c, struct watched *w, uint32_t ring,
                        uint32_t serial, uint32_t tid, uint64_t now) {
    struct cursor *cursor = &w->cursors[ring];
    if (!serial)
        serial = ring + 1; /* a scribbled record: rows want distinct numbers */
    if (cursor->thread)
        w->threads[cursor->thread - 1].ended_ns = w->threads[cursor->thread - 1].last_ns;
    int64_t index = add_thread(c, w, serial, tid, now);
    if (index < 0)
        return (int)index;
    cursor->thread = (uint32_t)index;
    w->threads[index - 1].last_ns = now;
    return 0;
}

uint32_t watched_site_index(struct watched *w, int64_t row) {
    int64_t index;
    if (idmap_get(&w->site_by_row, row, &index))
        return (uint32_t)index; /* the same code, loaded again at another address */
    if (w->n_sites + 2 > w->site_capacity) {
        w->site_capacity = w->site_capacity ? 2 * w->site_capacity : 256;
        w->site_rows =
            text_realloc(w->site_rows, w->site_capacity * sizeof *w->site_rows);
        w->site_versions =
            text_realloc(w->site_versions, w->site_capacity * sizeof *w->site_versions);
    }
    w->site_rows[0] = 0;
    w->site_versions[w->n_sites + 1] = 0;
    w->site_rows[++w->n_sites] = row;
    idmap_put(&w->site_by_row, row, w->n_sites);
    return w->n_sites;
}

static int look_up_site(struct collector *c, struct watched *w, uint32_t node) {
    w->site_of = text_reach(w->site_of, &w->n_site_of, node, sizeof *w->site_of);
    int r = rows_begin(c);
    int64_t row = r < 0 ? r : session_store_site(c->cache, w->shm, node);
    if (row < 0)
        return (int)row;
    if (!row)
        collector_damage_block(
            w); /* what an event names was there before it (shm.h, I2) */
    w->site_of[node] = row ? watched_site_index(w, row) : NO_SITE;
    return 0;
}

/* Site index of a node: 0 = unknown. */
static int find_site(struct collector *c, struct watched *w, uint32_t node,
                     uint32_t *site) {
    *site = 0;
    if (!node || node >= SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK)
        return 0;
    if (node >= w->n_site_of || !w->site_of[node]) {
        int r = look_up_site(c, w, node);
        if (r < 0)
            return r;
    }
    *site = w->site_of[node] == NO_SITE ? 0 : w->site_of[node];
    return 0;
}

/* Of a ring whose first record is not there: what stands beside it says whose it is. */
static int start_owner(struct collector *c, struct watched *w, uint32_t ring,
                       uint64_t ns) {
    const struct shm_ring *r = w->cursors[ring].shm;
    return start_thread(c, w, ring, r->serial, r->tid, ns);
}

int watched_take(struct collector *c, struct watched *w, uint32_t ring,
                 const struct shm_event *event) {
    struct live_input in = {
        .event = event, .time_ns = collector_ns(c, event->time), .ring = ring};
    struct cursor *cursor = &w->cursors[ring];
    struct chunk_event out;
    int r = 0;
    if (in.time_ns > w->last_ns)
        w->last_ns = in.time_ns;
    if (event->kind == SHM_EV_THREAD)
        r = start_thread(c, w, ring, (uint32_t)event->size, (uint32_t)event->address,
                         in.time_ns);
    else if (!cursor->thread)
        r = start_owner(c, w, ring, in.time_ns);
    if (r < 0 || (r = find_site(c, w, event->node, &in.site)) < 0)
        return r;
    struct thread_seen *thread = &w->threads[cursor->thread - 1];
    in.thread = thread->serial;
    thread->last_ns = in.time_ns;
    w->since++;
    if (live_apply(w->live, &in, &out)) {
        thread->events++;
        out.site = in.site ? w->site_rows[in.site] : 0;
        r = w->writer ? chunk_writer_add(w->writer, &out) : 0;
        if (r < 0)
            return error_print(r, "out of memory for a chunk of events");
    }
    return r || w->since >= CHECKPOINT_RECORDS;
}

uint64_t watched_waited_ns(const struct collector *c, const struct watched *w) {
    uint64_t ns = w->shm->waited_ns;
    (void)c;
    for (uint32_t i = 0; i < w->n_cursors; i++)
        ns += w->cursors[i].shm ? w->cursors[i].shm->waited_ns : 0;
    return ns;
}

uint64_t watched_lost(const struct collector *c, const struct watched *w) {
    uint64_t lost = w->shm->lost;
    (void)c;
    for (uint32_t i = 0; i < w->n_cursors; i++)
        lost += w->cursors[i].shm ? w->cursors[i].shm->lost : 0;
    return lost + collector_damage_unread(w);
}

/* Calls that the rest of a ring holds. */
static uint64_t count_rest(const struct collector *c, const struct watched *w,
                           uint32_t ring, const struct shm_segment *s, uint32_t from) {
    uint64_t n = 0;
    for (uint32_t hops = 0; s && hops <= SHM_RING_SEGMENTS_MAX; hops++) {
        uint32_t head = __atomic_load_n(&s->head, __ATOMIC_ACQUIRE);
        for (uint32_t i = from; i < head && i < SHM_SEGMENT_EVENTS; i++)
            n += s->records[i].kind != SHM_EV_THREAD &&
                 s->records[i].kind != SHM_EV_REALLOC_BEGIN;
        s = session_block(c->session, __atomic_load_n(&s->next, __ATOMIC_ACQUIRE));
        if (s && (s->owner != w->block || s->ring != ring))
            break;
        from = 0;
    }
    return n;
}

int watched_count_late(struct collector *c, struct watched *w) {
    uint64_t n = watched_lost(c, w) - w->stored_lost;
    for (uint32_t i = 0; i < SHM_MAX_RINGS && i < w->shm->n_rings; i++) {
        const struct cursor *cursor = i < w->n_cursors ? &w->cursors[i] : NULL;
        const struct shm_ring *ring = session_ring(c->session, w->shm, i);
        const struct shm_segment *s =
            cursor && cursor->segment
                ? cursor->segment
                : session_block(c->session,
                                ring ? __atomic_load_n(&ring->first, __ATOMIC_ACQUIRE)
                                     : 0);
        if (s && s->owner == w->block && s->ring == i && !(cursor && cursor->damaged))
            n += count_rest(c, w, i, s, cursor && cursor->segment ? cursor->position : 0);
    }
    if (n <= w->late)
        return w->late > 0;
    uint64_t more = n - w->late;
    w->late = n;
    c->totals.events_lost += more;
    int r = rows_begin(c);
    return r < 0 || (r = rows_add_lost(c, w, more)) < 0 ? r : 1;
}

/* --- what is committed on the way --- */

/* An end that is not known is no event of a thread's. */
struct ending {
    struct collector *c;
    struct watched *w;
};

static int take_ending(void *context, const struct chunk_event *event) {
    const struct ending *ending = context;
    struct watched *w = ending->w;
    int r = w->writer ? chunk_writer_add(w->writer, event) : 0;
    if (r < 0)
        return error_print(r, "out of memory for a chunk of events");
    return ++w->since < CHECKPOINT_RECORDS ? 0 : watched_checkpoint(ending->c, w);
}

int watched_end_blocks(struct collector *c, struct watched *w) {
    struct ending ending = {c, w};
    int r = rows_begin(c);
    if (r == 0)
        r = live_end_blocks(w->live, c->now.ns > w->last_ns ? c->now.ns : w->last_ns,
                            take_ending, &ending);
    if (w->n_sites) /* the sums of all are to be written again */
        memset(w->site_versions, 0, (w->n_sites + 1) * sizeof *w->site_versions);
    w->since++;
    return r;
}

static int put_threads(struct collector *c, struct watched *w) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < w->n_threads; i++) {
        struct thread_seen *t = &w->threads[i];
        if (t->events != t->stored_events)
            r = rows_end_thread(c, t);
        t->stored_events = t->events;
    }
    return r;
}

int watched_checkpoint(struct collector *c, struct watched *w) {
    int r = rows_begin(c);
    if (r == 0 && w->writer)
        r = rows_put_chunk(c, w);
    if (r == 0)
        r = put_threads(c, w);
    if (r == 0)
        r = rows_put_stats(c, w);
    if (r == 0)
        r = rows_put_marks(c, w);
    if (r == 0)
        r = rows_end_process(c, w, "running", watched_lost(c, w));
    w->since = 0;
    return r;
}

void watched_give_back(struct collector *c, struct watched *w) {
    for (uint32_t i = 0; i < w->n_cursors; i++) {
        struct cursor *cursor = &w->cursors[i];
        struct shm_ring *ring = cursor->shm;
        while (ring && cursor->marked && cursor->n_held &&
               cursor->oldest != cursor->marked) {
            struct shm_segment *done = session_block(c->session, cursor->oldest);
            uint32_t id = cursor->oldest;
            uint32_t next = done ? done->next : 0;
            const struct shm_segment *after = session_block(c->session, next);
            if (!collector_damage_segment_ok(w, i, done, cursor->given + 1) ||
                !collector_damage_segment_ok(w, i, after, cursor->given + 2)) {
                collector_damage_ring(w, i); /* what is held of it stays so */
                break;
            }
            cursor->oldest = next;
            __atomic_store_n(&ring->first, cursor->oldest, __ATOMIC_RELEASE);
            done->owner = 0; /* a damaged chain that leads back here ends here */
            session_recycle(c->session, id);
            __atomic_store_n(&ring->given, ++cursor->given, __ATOMIC_RELEASE);
            cursor->n_held--;
            w->n_held--;
            c->n_held--;
        }
    }
}

/* --- going --- */

static void add_totals(struct collector *c, const struct watched *w, uint64_t lost) {
    const struct live_totals *t = live_totals(w->live);
    struct collector_totals *all = &c->totals;
    all->events += t->events;
    all->boot_events += w->shm->boot_events;
    all->allocations += t->allocations;
    all->frees += t->frees;
    all->failed += t->failed;
    all->bytes += t->bytes;
    all->live_blocks += t->live_blocks;
    all->live_bytes += t->live_bytes;
    all->unknown += t->unknown;
    all->unknown_bytes += t->unknown_bytes;
    all->inherited += t->inherited;
    all->replaced += t->replaced;
    all->events_lost += lost;
    all->stacks_lost += w->shm->nodes_lost;
    all->stacks_truncated += w->shm->truncated;
    all->stacks_incomplete += w->shm->incomplete;
    all->unwind_fallbacks += w->shm->fallbacks;
    all->waited_ns += watched_waited_ns(c, w);
    all->rings_damaged += w->damaged;
}

static int store_threads(struct collector *c, struct watched *w, const char *end) {
    int r = 0;
    bool running = strcmp(end, "running") == 0;
    for (uint32_t i = 0; r == 0 && i < w->n_threads; i++) {
        struct thread_seen *t = &w->threads[i];
        if (!t->ended_ns && !running)
            t->ended_ns = w->last_ns;
        r = rows_end_thread(c, t);
    }
    return r;
}

int watched_store(struct collector *c, struct watched *w, const char *end) {
    uint32_t notes = 0;
    int r = rows_begin(c);
    if (r == 0 && w->awaited)
        r = greet(c, w, true);
    if (strcmp(end, "running") != 0)
        collector_damage_check_end(c, w);
    uint64_t lost = watched_lost(c, w);
    w->state = WATCHED_STORED;
    w->stored_ns = c->now.ns;
    w->stored_lost = lost;
    __atomic_store_n(&w->shm->closed, 1, __ATOMIC_RELEASE);
    c->n_alive--;
    c->n_stored++;
    live_end(w->live);
    add_totals(c, w, lost);
    if (r == 0 && w->writer)
        r = rows_put_chunk(c, w);
    if (r == 0)
        r = store_threads(c, w, end);
    if (r == 0)
        r = rows_put_modules(c, w);
    if (r == 0)
        r = rows_end_modules(c, w);
    if (r == 0)
        r = rows_put_notes(c, w, &notes);
    if (r == 0)
        r = rows_put_stats(c, w);
    if (r == 0)
        r = rows_end_process(c, w, end, lost);
    if (r == 0)
        r = rows_drop_marks(c, w);
    c->totals.notes += notes;
    w->live = live_free(w->live);
    w->writer = chunk_writer_free(w->writer);
    close_pidfd(c, w);
    return r;
}

static void recycle_rings(struct collector *c, struct watched *w) {
    for (uint32_t i = 0; i < w->n_cursors; i++) {
        struct cursor *cursor = &w->cursors[i];
        const struct shm_ring *ring = cursor->shm;
        uint32_t id = cursor->segment ? cursor->oldest : ring ? ring->first : 0;
        for (uint32_t n = 0; id && n < SHM_RING_SEGMENTS_MAX + 1; n++) {
            const struct shm_segment *s = session_block(c->session, id);
            uint32_t next = s && s->owner == w->block ? s->next : 0;
            if (s && s->owner == w->block)
                session_recycle(c->session, id);
            id = next;
        }
    }
}

void watched_forget(struct collector *c, struct watched *w) {
    struct shm_process *p = w->shm;
    session_site_cache_forget(c->cache, p);
    c->n_held -= w->n_held;
    c->n_stored--;
    if (w->damaged) { /* what it names as its own may be another's */
        uint32_t *place = &c->session->arena->processes[w->index];
        c->watched[w->index] = watched_free(w);
        __atomic_store_n(place, 0, __ATOMIC_RELEASE);
        return;
    }
    recycle_rings(c, w);
    for (uint32_t i = 0; i < SHM_MAX_NODE_BLOCKS; i++)
        if (p->node_blocks[i])
            session_recycle(c->session, p->node_blocks[i]);
    for (uint32_t i = 0; i < SHM_MAX_MODULE_BLOCKS; i++)
        if (p->module_blocks[i])
            session_recycle(c->session, p->module_blocks[i]);
    for (uint32_t i = 0; i < SHM_MAX_RING_BLOCKS; i++)
        if (p->ring_blocks[i])
            session_recycle(c->session, p->ring_blocks[i]);
    uint32_t *entry = &c->session->arena->processes[w->index], block = w->block;
    c->watched[w->index] = watched_free(w);
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    session_recycle(c->session, block);
}

struct watched *watched_free(struct watched *w) {
    if (!w)
        return NULL;
    if (w->pidfd >= 0)
        close(w->pidfd);
    live_free(w->live);
    chunk_writer_free(w->writer);
    idmap_deinit(&w->thread_of);
    idmap_deinit(&w->site_by_row);
    free(w->cursors);
    free(w->threads);
    free(w->site_of);
    free(w->site_rows);
    free(w->site_versions);
    free(w);
    return NULL;
}
