/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector on an arena that the test fills by hand: order over threads, times not yet due,
 * chains of segments and their recycling, damage of every kind, and what is in the database
 * afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chunk.h"
#include "collector.h"
#include "store.h"

#include "check.h"

static char folder[] = "/tmp/dearth-collector-test-XXXXXX";

struct bed { /* everything a case needs */
    struct session *session;
    struct store *store;
    struct collector *collector;
    struct shm_process *process;
    uint32_t block;
    struct shm_segment *last[4]; /* of each ring */
    char path[256];
};

static uint32_t take(struct bed *b) {
    struct shm_header *a = b->session->arena;
    MUST(a->blocks_next < a->blocks_ready);
    memset(session_block(b->session, a->blocks_next), 0, SHM_BLOCK_BYTES);
    return a->blocks_next++;
}

static struct shm_segment *add_segment(struct bed *b, uint32_t ring) {
    uint32_t id = take(b);
    struct shm_segment *s = session_block(b->session, id);
    s->owner = b->block;
    s->ring = ring;
    s->serial = ++b->process->rings[ring].made;
    if (b->last[ring])
        b->last[ring]->next = id;
    else
        b->process->rings[ring].first = id;
    return b->last[ring] = s;
}

/* As the writer of the ring does it. */
static void seal(struct bed *b, const struct shm_segment *s, struct shm_event *e) {
    uint64_t rest = e->node | (uint64_t)e->kind << 32 | (uint64_t)e->op << 40;
    uint64_t seed = shm_segment_seed(b->block, s->ring, s->serial);
    e->aux = (uint16_t)(shm_event_check(seed, e->time, e->address, e->size, rest) << 8);
}

static void emit(struct bed *b, uint32_t ring, uint8_t kind, uint64_t time,
                 uint64_t address, uint64_t size) {
    struct shm_segment *s = b->last[ring];
    if (!s || s->head == SHM_SEGMENT_EVENTS)
        s = add_segment(b, ring);
    bool has_site = kind == SHM_EV_ALLOC || kind == SHM_EV_REALLOC_END;
    s->records[s->head] =
        (struct shm_event){.time = b->session->arena->start_ticks + time,
                           .address = address,
                           .size = size,
                           .node = has_site ? 2 : 0,
                           .kind = kind,
                           .op = kind == SHM_EV_FREE ? SHM_OP_FREE : SHM_OP_MALLOC};
    seal(b, s, &s->records[s->head++]);
}

/* A process (our own pid) with one module, one frame, one site, and @rings threads. */
static void make_process(struct bed *b, uint32_t rings) {
    b->block = take(b);
    b->process = session_block(b->session, b->block);
    struct shm_process *p = b->process;
    p->pid = (uint32_t)getpid();
    p->ppid = (uint32_t)getppid();
    p->started = b->session->arena->start_ticks;
    strcpy(p->exe, "/bin/exe");
    memcpy(p->argv, "exe\0\xff!", 7);
    p->argc_stored = 2;
    p->module_blocks[0] = take(b);
    struct shm_module *m = session_block(b->session, p->module_blocks[0]);
    *m = (struct shm_module){.build_id_bytes = 2, .build_id = {1, 2}};
    strcpy(m->path, "/bin/exe");
    p->n_modules = 1;
    p->node_blocks[0] = take(b);
    struct shm_node *n = session_block(b->session, p->node_blocks[0]);
    struct dearth_key frame =
        key_frame((struct dearth_key){0}, key_module(m->build_id, 2), 64);
    n[1] = (struct shm_node){.key = frame, .offset = 64, .module = 1, .state = 1};
    n[2] = (struct shm_node){.key = key_site(frame, SHM_OP_MALLOC),
                             .offset = SHM_OP_MALLOC,
                             .parent = 1,
                             .state = 1};
    p->n_nodes = 2;
    p->n_rings = rings;
    p->state = SHM_PROCESS_READY;
    for (uint32_t i = 0; i < rings; i++)
        emit(b, i, SHM_EV_THREAD, 1, 100 + i, i + 1);
    b->session->arena->processes[0] = b->block;
    b->session->arena->n_processes = 1;
}

static void bed_init(struct bed *b, uint32_t rings) {
    struct session_options options = {
        .flags = SHM_EVENTS, .arena_bytes = 16u << 20, .folder = folder};
    *b = (struct bed){0};
    snprintf(b->path, sizeof b->path, "%s/d.db", folder);
    MUST(session_new(&options, &b->session) == 0);
    MUST(store_new(b->path, STORE_CREATE, &b->store) == 0);
    MUST(store_exec(b->store,
                    "INSERT INTO recording(id, state, started_unix_ns, exe, cwd, "
                    "clock, tool_version) VALUES (1, 'running', 0, '', '', '', '')") ==
         0);
    struct collector_options with = {
        .session = b->session, .store = b->store, .recording_id = 1, .keep_events = true};
    MUST(collector_new(&with, &b->collector) == 0);
    make_process(b, rings);
}

static void bed_deinit(struct bed *b) {
    collector_free(b->collector);
    session_free(b->session);
    store_free(b->store);
    MUST(unlink(b->path) == 0);
}

static uint64_t round_of(struct bed *b) {
    uint64_t n;
    MUST(collector_round(b->collector, &n) == 0);
    return n;
}

static int64_t ask(struct bed *b, const char *sql) {
    return store_int(b->store, sql, -1);
}

/* A block goes from thread to thread: whatever the order of the rings, each free finds its
 * allocation. */
static void test_order(void) {
    struct bed b;
    bed_init(&b, 3);
    for (uint64_t i = 0; i < 900; i++) {
        emit(&b, (uint32_t)((i + 2) % 3), SHM_EV_ALLOC, 10 + 2 * i, 4096, i + 1);
        emit(&b, (uint32_t)(i % 3), SHM_EV_FREE, 11 + 2 * i, 4096, 0);
    }
    MUST(round_of(&b) == 3 + 1800);
    MUST(collector_finish(b.collector, true) == 0);
    struct collector_totals t = collector_totals(b.collector);
    MUST(t.events == 1800 && t.replaced == 0 && t.inherited == 0 && t.live_blocks == 0);
    MUST(t.peak_bytes == 900 && t.threads == 3 && t.processes == 1);
    MUST(ask(&b, "SELECT cross_thread_frees FROM site_stat") == 900);
    MUST(ask(&b, "SELECT sum(events) FROM thread") == 1800);
    MUST(ask(&b, "SELECT count(*) FROM process WHERE \"end\" = 'killed' AND argv = "
                 "'[\"exe\",\"\xef\xbf\xbd!\"]'") == 1);
    MUST(ask(&b,
             "SELECT count(*) FROM process_module JOIN module ON module.id = module_id "
             "WHERE path = '/bin/exe'") == 1);
    bed_deinit(&b);
}

/* What is stamped after the round's time waits for the next round. */
static void test_future(void) {
    struct bed b;
    bed_init(&b, 2);
    uint64_t later = session_ticks(b.session) - b.session->arena->start_ticks +
                     (uint64_t)(6e8 * session_ticks_per_ns(b.session));
    emit(&b, 0, SHM_EV_ALLOC, 10, 4096, 5);
    emit(&b, 0, SHM_EV_FREE, later, 4096, 0);
    emit(&b, 1, SHM_EV_ALLOC, later + 1, 4096, 6);
    MUST(round_of(&b) == 3);
    MUST(round_of(&b) == 0);
    usleep(700000);
    MUST(round_of(&b) == 2);
    MUST(collector_finish(b.collector, true) == 0);
    MUST(collector_totals(b.collector).live_blocks == 1);
    MUST(collector_totals(b.collector).rings_damaged == 0);
    bed_deinit(&b);
}

/* Full segments go back to the free list when they were read, the last one when all is over. */
static void test_chain(void) {
    struct bed b;
    bed_init(&b, 1);
    const uint64_t n = 5 * SHM_SEGMENT_EVENTS;
    struct shm_ring *ring = &b.process->rings[0];
    for (uint64_t i = 1; i < n; i++) /* record 0 is the thread */
        emit(&b, 0, i % 2 ? SHM_EV_ALLOC : SHM_EV_FREE, 10 + i, 4096 + i / 2 % 7 * 64, 9);
    MUST(ring->made == 5);
    uint32_t first = ring->first;
    MUST(round_of(&b) == n);
    MUST(ring->given == 0); /* until what was in them is committed */
    MUST(collector_checkpoint(b.collector) == 0);
    MUST(ring->given == 4 && ring->first != first);
    uint32_t recycled = 0;
    for (uint32_t id = (uint32_t)b.session->arena->free_list; id; recycled++)
        id = *(uint32_t *)session_block(b.session, id);
    MUST(recycled == 4);
    add_segment(&b, 0); /* linked, nothing in it yet */
    MUST(round_of(&b) == 0 && ring->made == 6);
    MUST(collector_finish(b.collector, true) == 0);
    MUST(collector_totals(b.collector).rings_damaged == 0);
    MUST(ask(&b, "SELECT sum(n_events) FROM event_chunk") == (int64_t)n - 1);
    MUST(ask(&b, "SELECT count(*) FROM site_stat WHERE count > 0 AND failed = 0") == 1);
    bed_deinit(&b);
}

/* What a segment holds of its former life, were the check bits right by accident, is no loss; what is
 * younger than the last that was shown is. */
static void test_stale(bool younger) {
    struct bed b;
    bed_init(&b, 1);
    emit(&b, 0, SHM_EV_ALLOC, 50, 4096, 5);
    struct shm_segment *s = b.last[0];
    for (uint64_t i = 0; i < 3; i++)
        emit(&b, 0, SHM_EV_ALLOC, (younger ? 60 : 10) + i, 8192 + 64 * i, 5);
    s->head -= 3;
    MUST(round_of(&b) == 2);
    MUST(collector_finish(b.collector, true) == 0);
    MUST(collector_totals(b.collector).rings_damaged == younger);
    bed_deinit(&b);
}

/* The target wrote over what it shares with us: no crash, no endless loop, others go on. */
static void test_damage(int kind) {
    struct bed b;
    bed_init(&b, 4);
    struct shm_process *p = b.process;
    for (uint64_t i = 1; i < 2 * SHM_SEGMENT_EVENTS; i++)
        emit(&b, 0, SHM_EV_ALLOC, 10 + i, 4096 + 64 * i, 9);
    emit(&b, 1, SHM_EV_ALLOC, 10, 64, 7);
    struct shm_segment *s = session_block(b.session, p->rings[0].first);
    switch (kind) {
    case 0:
        s->next = p->rings[0].first; /* a circle */
        break;
    case 10:
        b.last[0]->next = p->rings[0].first; /* a larger circle */
        break;
    case 1:
        s->next = UINT32_MAX;
        break;
    case 2:
        s->next = p->rings[1].first; /* of another ring */
        break;
    case 3:
        s->head = UINT32_MAX;
        break;
    case 4:
        p->rings[0].first = b.block;
        break;
    case 5:
        for (size_t i = 0; i < SHM_SEGMENT_EVENTS; i++)
            s->records[i].node = (uint32_t)(i * 0x9e3779b1u);
        break;
    case 6:
        for (size_t i = 0; i < SHM_SEGMENT_EVENTS; i++)
            s->records[i].kind = (uint8_t)i;
        break;
    case 7:
        p->n_rings = p->n_nodes = p->n_modules = p->argc_stored = UINT32_MAX;
        memset(p->argv, 'x', sizeof p->argv);
        memset(p->exe, 'y', sizeof p->exe);
        memset(p->cwd, 'z', sizeof p->cwd);
        break;
    case 11: /* behind what was read: of the last segment nothing more comes */
        round_of(&b);
        b.last[1]->head = 1;
        break;
    case 12:
        b.last[0]->head -= 2; /* what is there is not shown */
        break;
    case 13:
        s->next = 0;
        break;
    case 14:
        s->owner ^= 0x40;
        break;
    case 15:
        p->rings[0].first = 0;
        p->rings[0].tid = 100;
        break;
    case 16:
        s->records[7].size ^= 1; /* one bit */
        break;
    case 17:
        s->records[7].time += 1ull << 44; /* never due */
        break;
    case 18:
        p->rings[0].given = 77;
        break;
    case 19:
        p->rings[0].dropped = 1;
        break;
    case 20:
        ((struct shm_node *)session_block(b.session, p->node_blocks[0]))[1].offset ^= 8;
        break;
    case 21:
        round_of(&b);
        p->pid ^= 0x100;
        p->n_rings = 1;
        break;
    case 22:
        b.session->arena->blocks_next = 2;
        b.session->arena->magic = 0;
        memset(b.session->arena->preload_path, 0xff, 100);
        break;
    case 8:
        p->parent = UINT32_MAX;
        p->origin = 77;
        memset(p->node_blocks, 0xee, sizeof p->node_blocks);
        memset(p->module_blocks, 0xee, sizeof p->module_blocks);
        break;
    default:
        for (size_t i = 0; i < SHM_SEGMENT_EVENTS; i++) { /* one thread after another */
            s->records[i].kind = SHM_EV_THREAD;
            s->records[i].size = i % 50;
        }
        break;
    }
    for (int i = 0; i < 3; i++)
        round_of(&b);
    MUST(collector_finish(b.collector, true) == 0);
    char text[16];
    snprintf(text, sizeof text, "%d", kind);
    const char *name = text;
    MUST_CASE(name,
              ask(&b, "SELECT count(*) FROM thread WHERE serial = 2 AND events = 1") ==
                  1);
    MUST(collector_totals(b.collector).events >= 1);
    MUST_CASE(name, collector_totals(b.collector).rings_damaged >= 1);
    bed_deinit(&b);
}

int main(void) {
    MUST(mkdtemp(folder));
    if (!getenv("DEARTH_PRELOAD"))
        setenv("DEARTH_PRELOAD", "/proc/self/exe", 1); /* any file: it is only named */
    test_order();
    test_future();
    test_chain();
    test_stale(false);
    test_stale(true);
    for (int kind = 0; kind < 23; kind++)
        test_damage(kind);
    MUST(rmdir(folder) == 0);
    return 0;
}
