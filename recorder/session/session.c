/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: the arena file in its private folder, made, grown, read, reset, removed.
 *
 *   FOLDER/dearth-PID-xxxxxx/        0700
 *     ├── arena                      0600, sparse, arena_bytes long, flock()ed by us
 *     │     [0 ........ blocks_ready)   on disk: targets may touch it
 *     │     [blocks_ready .... total)   holes: nobody touches them
 *     └── preload.so ─► library      only when its path holds a ':' or ' ', which
 *                                    LD_PRELOAD cannot name
 *
 * Invariant: posix_fallocate() of a range succeeded before blocks_ready passes it, so a
 * full disk is an error of ours and never a SIGBUS of the target's. A folder whose arena
 * is not locked belongs to a dearth that was killed: the next session removes it, but that
 * of a recording, which `dearth recover` may still want, only a day after it was first
 * found so. The lock says that across pid namespaces; a pid in the name would not.
 *
 * Who runs it: dearth, one thread (session_ns() and session_ticks() any).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "session_private.h"
#include "text.h"

#define RECORD_ARENA_BYTES (1ull << 30)
#define REPLAY_ARENA_BYTES (256ull << 20)
#define READY_BLOCKS                                                                     \
    24u /* 1.5 MiB: orders of a replay, a process, its nodes and modules */
#define STEP_LARGEST  128u /* 8 MiB */
#define LOCK_TRIES    100  /* for a second */
#define LOCK_PAUSE_US 10000
#define CLEARED_BEYOND                                                                   \
    8u /* blocks that nobody has used: the next run takes them, and a stray word is not noticed */

/* --- life --- */

/* Under a limited address space the target must still have most of it. */
static uint64_t choose_bytes(const struct session_options *options) {
    struct rlimit limit;
    uint64_t bytes = options->arena_bytes;
    if (!bytes)
        bytes = options->flags & SHM_EVENTS ? RECORD_ARENA_BYTES : REPLAY_ARENA_BYTES;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        bytes > limit.rlim_cur / 8)
        bytes = limit.rlim_cur / 8;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        bytes > limit.rlim_cur)
        bytes = limit.rlim_cur / SHM_BLOCK_BYTES * SHM_BLOCK_BYTES;
    if (bytes < SMALLEST_ARENA)
        bytes = SMALLEST_ARENA;
    return (bytes + SHM_BLOCK_BYTES - 1) / SHM_BLOCK_BYTES * SHM_BLOCK_BYTES;
}

static void raise_ready(struct session *session, uint32_t ready) {
    session->state->ready = ready;
    __atomic_store_n(&session->arena->blocks_ready, ready, __ATOMIC_RELEASE);
}

static void fill_header(struct session *session, const struct session_options *options,
                        uint64_t bytes, uint32_t ready) {
    struct shm_header *arena = session->arena;
    arena->version = SHM_VERSION;
    arena->flags = options->flags;
    arena->clock = session_choose_clock();
    arena->max_depth = options->max_depth ? options->max_depth : SHM_DEFAULT_DEPTH;
    arena->sample_bytes = options->sample_bytes;
    if (options->only_exe)
        memcpy(arena->only_exe, options->only_exe, sizeof arena->only_exe);
    arena->arena_bytes = bytes;
    arena->blocks_total = (uint32_t)(bytes / SHM_BLOCK_BYTES);
    arena->blocks_next = SHM_HEADER_BLOCKS;
    arena->collector_pid = (uint32_t)getpid();
    session_keep(session); /* which clock it is */
    session_start_clock(session);
    session_draw_nonce(session);
    arena->proofs = session->state->has_proofs;
    raise_ready(session, ready);
    __atomic_store_n(&arena->magic, SHM_MAGIC, __ATOMIC_RELEASE);
}

int session_new(const struct session_options *options, struct session **out) {
    uint64_t bytes = choose_bytes(options);
    uint32_t ready = options->ready_blocks ? options->ready_blocks : READY_BLOCKS;
    if (ready <= SHM_HEADER_BLOCKS)
        ready = SHM_HEADER_BLOCKS + 1;
    if (ready > bytes / SHM_BLOCK_BYTES)
        ready = (uint32_t)(bytes / SHM_BLOCK_BYTES);
    struct session *session = text_alloc(sizeof *session);
    struct session_state *state = text_alloc(sizeof *state);
    state->step = state->added = ready < STEP_LARGEST ? ready : STEP_LARGEST;
    state->has_proofs = !(options->flags & SHM_EVENTS);
    state->file_bytes = bytes + (state->has_proofs ? SHM_BLOCK_BYTES : 0);
    session->state = state;
    session->arena_fd = state->directory_fd = -1;
    int r = session_choose_folder(session, options, ready);
    if (r == 0) {
        void *p =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, session->arena_fd, 0);
        if (p == MAP_FAILED)
            r = error_print_errno(-errno, "cannot map %s", session->arena_path);
        else
            session->arena = p;
    }
    if (r == 0) {
        state->bytes = bytes;
        state->directory_fd =
            open(session->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        session_watch_file(session);
        r = session_name_library(session);
    }
    if (r < 0) {
        session_free(session);
        return r;
    }
    session->state->next_seen = SHM_HEADER_BLOCKS;
    fill_header(session, options, bytes, ready);
    session_keep(session);
    *out = session;
    return 0;
}

/* Is it ours to read, and do its clocks still run? */
static bool is_left(const struct shm_header *head, uint64_t bytes) {
    char boot[sizeof head->boot_id];
    session_read_boot_id(boot, sizeof boot);
    return head->magic == SHM_MAGIC && head->version == SHM_VERSION &&
           head->flags & SHM_EVENTS && head->arena_bytes == bytes &&
           bytes % SHM_BLOCK_BYTES == 0 &&
           head->blocks_ready <= bytes / SHM_BLOCK_BYTES &&
           memcmp(boot, head->boot_id, sizeof boot) == 0;
}

/* Bytes that the file had, by its own word, which is not taken when it is out of reason. */
static uint64_t cut_off(int fd, uint64_t bytes) {
    const size_t n = offsetof(struct shm_header, start_ticks);
    struct shm_header *head = text_alloc(sizeof *head);
    bool known = pread(fd, head, n, 0) == (ssize_t)n && head->magic == SHM_MAGIC &&
                 head->version == SHM_VERSION && head->flags & SHM_EVENTS &&
                 head->arena_bytes <= RECORD_ARENA_BYTES &&
                 head->arena_bytes % SHM_BLOCK_BYTES == 0;
    uint64_t whole = known && head->arena_bytes > bytes ? head->arena_bytes : bytes;
    free(head);
    return whole;
}

/* A process that a killed dearth had just forked, or one that only looks whether the folder is stale, has the lock for a
 * moment. Return: whether it is ours now. */
static bool lock_left(int fd) {
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (i == LOCK_TRIES)
            return false;
        usleep(LOCK_PAUSE_US);
    }
    return true;
}

/* @cut: part of it is missing
 * Return: 0, 1 = not there, or a negative errno after a message. */
static int map_left(struct session *session, uint64_t *bytes, bool *cut) {
    struct stat st;
    session->arena_fd = open(session->arena_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (session->arena_fd < 0)
        return errno == ENOENT
                   ? 1
                   : error_print_errno(-errno, "cannot open %s", session->arena_path);
    if (!lock_left(session->arena_fd))
        return error_print(-EBUSY,
                           "%s is in use: dearth is still recording (or recovering)",
                           session->arena_path);
    if (fstat(session->arena_fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_uid != geteuid() || st.st_size < (off_t)SHM_BLOCK_BYTES)
        return 1;
    /* of a file that was cut off, what is left is read, and the rest is found missing */
    uint64_t whole = cut_off(session->arena_fd, (uint64_t)st.st_size);
    *cut = whole > (uint64_t)st.st_size;
    if (*cut && ftruncate(session->arena_fd, (off_t)whole) < 0)
        return error_print_errno(-errno, "cannot read %s", session->arena_path);
    void *p = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, session->arena_fd, 0);
    if (p == MAP_FAILED)
        return error_print_errno(-errno, "cannot map %s", session->arena_path);
    *bytes = whole;
    session->arena = p;
    return is_left(p, whole) ? 0 : 1;
}

/* Not ours after all: leave it alone. */
static void let_go(struct session *session, uint64_t bytes) {
    if (session->arena)
        munmap(session->arena, bytes);
    if (session->arena_fd >= 0)
        close(session->arena_fd);
    free(session->state);
    free(session->arena_path);
    free(session->directory);
    free(session);
}

int session_attach(const char *path, struct session **out) {
    struct session *session = text_alloc(sizeof *session);
    struct session_state *state = text_alloc(sizeof *state);
    const char *slash = strrchr(path, '/');
    uint64_t bytes = 0;
    session->state = state;
    session->arena_path = text_dup(path);
    session->directory = text_format("%.*s", slash ? (int)(slash - path) : 0, path);
    bool cut = false;
    int r = map_left(session, &bytes, &cut);
    if (r) {
        let_go(session, bytes);
        return r;
    }
    *state = (struct session_state){
        .bytes = bytes,
        .file_bytes = bytes,
        .directory_fd = -1,
        .ready = session->arena->blocks_ready,
        .next_seen = SHM_HEADER_BLOCKS,
        .damaged_seen = session->arena->damaged,
        .damaged = cut,
        .step = STEP_LARGEST,
        .wanted_seen = session->arena->blocks_wanted,
        .start_mono_ns = session->arena->start_mono_ns,
        .link_path = text_format("%s/preload.so", session->directory),
    };
    session_watch_file(session);
    session_keep(session);
    session_detach(session);
    *out = session;
    return 0;
}

struct session *session_free(struct session *session) {
    if (!session)
        return NULL;
    struct session_state *state = session->state;
    if (session->arena) {
        session_detach(session);
        session_unwatch_file(session);
        munmap(session->arena, state->bytes);
    }
    if (state->link_path)
        unlink(state->link_path);
    if (session->directory) {
        AUTO_FREE char *control = text_format("%s/" SESSION_CONTROL, session->directory);
        unlink(control);
    }
    if (session->arena_path)
        unlink(session->arena_path);
    if (session->directory) {
        AUTO_FREE char *orphan = text_format("%s/" SESSION_ORPHAN, session->directory);
        unlink(orphan);
        rmdir(session->directory);
    }
    if (session->arena_fd >= 0)
        close(session->arena_fd);
    if (state->directory_fd >= 0)
        close(state->directory_fd);
    free(state->link_path);
    free(state->library_path);
    free(state);
    free(session->arena_path);
    free(session->directory);
    free(session);
    return NULL;
}

void session_detach(struct session *session) {
    session->state->detached = 1;
    __atomic_store_n(&session->arena->detached, 1, __ATOMIC_RELEASE);
}

void session_pause(struct session *session, bool paused) {
    session->state->own.paused = paused;
    __atomic_store_n(&session->arena->paused, (uint32_t)paused, __ATOMIC_RELEASE);
}

/* Targets rely on fresh blocks being zero. Here their pages are mapped already; there each would be
 * a page fault. */
static void clear_used(struct session *session) {
    const struct session_state *state = session->state;
    uint64_t first = SHM_HEADER_BLOCKS, end = state->next_seen + CLEARED_BEYOND;
    if (end > state->ready || state->damaged != state->damaged_kept ||
        !session_fresh_is_clean(session, (uint32_t)end))
        end = state->ready;
    if (end > first)
        memset((char *)session->arena + first * SHM_BLOCK_BYTES, 0,
               (end - first) * SHM_BLOCK_BYTES);
}

void session_reset(struct session *session, uint32_t flags) {
    struct shm_header *arena = session->arena;
    struct session_state *state = session->state;
    session_rebuild(session);
    session_mend(session);
    memset(arena->processes, 0, sizeof arena->processes);
    clear_used(session);
    state->next_seen = SHM_HEADER_BLOCKS;
    state->processes_seen = 0;
    state->detached = 0;
    state->damaged_kept = state->damaged;
    state->damaged_seen = 0;
    arena->damaged = 0;
    arena->left_out = arena->beyond = 0;
    arena->n_processes = 0;
    arena->next_slot = 0;
    arena->entry_limit = 0;
    arena->processes_lost = 0;
    arena->free_list = 0;
    arena->blocks_next = SHM_HEADER_BLOCKS;
    arena->blocks_wanted = 0;
    arena->detached = 0;
    arena->any_fired = 0;
    arena->marked = 0;
    arena->claim = 0;
    arena->n_faults = 0;
    arena->orders_block = 0;
    arena->scope_block = 0;
    arena->leaks = 0;
    arena->flags = flags;
    arena->collector_pid = (uint32_t)getpid();
    memset(arena->faults, 0, sizeof arena->faults);
    memset(&arena->damage, 0, sizeof arena->damage);
    memset(&arena->chance, 0, sizeof arena->chance);
    memset(&arena->addresses, 0, sizeof arena->addresses);
    memset(&arena->progress, 0, sizeof arena->progress);
    state->wanted_seen = 0;
    session_draw_nonce(session);
    session_forget_proofs(session);
    session_start_clock(session);
    session_keep(session);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

void session_populate(struct session *session) {
    madvise(session->arena, (size_t)session->state->ready * SHM_BLOCK_BYTES,
            MADV_POPULATE_WRITE);
}

bool session_unlinked(const struct session *session) {
    return session->state->unlinked;
}

char **session_environment(const struct session *session, char *const envp[]) {
    const char *users = NULL;
    size_t n = 0, bytes = 0;
    for (; envp && envp[n]; n++)
        if (strncmp(envp[n], "LD_PRELOAD=", 11) == 0)
            users = envp[n] + 11;
    bool both = users && *users;
    bytes = sizeof "LD_PRELOAD=:" + strlen(session->arena->preload_path) +
            (both ? strlen(users) : 0) + sizeof SHM_ENV_ARENA "=" +
            strlen(session->arena_path);
    char **out = text_alloc((n + 3) * sizeof *out + bytes);
    char *strings = (char *)(out + n + 3);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(envp[i], "LD_PRELOAD=", 11) != 0 &&
            strncmp(envp[i], SHM_ENV_ARENA "=", sizeof SHM_ENV_ARENA) != 0)
            out[k++] = envp[i];
    out[k++] = strings;
    strings += sprintf(strings, "%s=%s", SHM_ENV_ARENA, session->arena_path) + 1;
    out[k++] = strings;
    sprintf(strings, "LD_PRELOAD=%s%s%s", session->arena->preload_path, both ? ":" : "",
            both ? users : "");
    return out;
}

void session_set_faults(struct session *session, const struct shm_fault *faults,
                        uint32_t n) {
    struct shm_header *arena = session->arena;
    session_mend(session); /* a copy's or a server's run is under way */
    __atomic_store_n(&arena->n_faults, 0, __ATOMIC_RELEASE);
    memset(arena->faults, 0, sizeof arena->faults);
    arena->any_fired = 0;
    memset(&arena->progress, 0, sizeof arena->progress);
    n = n < SHM_MAX_FAULTS ? n : SHM_MAX_FAULTS;
    for (uint32_t i = 0; i < n; i++) {
        struct shm_fault *slot = &arena->faults[i];
        slot->site = faults[i].site;
        slot->leaf_module = faults[i].leaf_module;
        slot->leaf_offset = faults[i].leaf_offset;
        slot->occurrence = faults[i].occurrence;
        slot->mode = faults[i].mode;
        slot->burst = faults[i].burst;
        slot->thread = faults[i].thread;
    }
    __atomic_store_n(&arena->n_faults, n, __ATOMIC_RELEASE);
    session_forget_proofs(session);
    session_keep(session);
}

void session_set_chance(struct session *session, const struct shm_chance *chance) {
    struct shm_chance *there = &session->arena->chance;
    there->threshold = chance->threshold;
    there->seed = chance->seed;
    there->interval = chance->interval;
    there->times = chance->times;
    there->space = chance->space;
    session_keep(session);
}

void session_set_fault(struct session *session, const struct shm_fault *fault) {
    session_set_faults(session, fault, fault ? 1 : 0);
}

void session_arm(struct session *session, const struct shm_fault *fault, uint32_t epoch) {
    struct shm_header *arena = session->arena;
    session_set_fault(session, fault);
    __atomic_store_n(&arena->claim, (uint64_t)epoch << 32, __ATOMIC_RELEASE);
}

bool session_disarm(struct session *session) {
    struct shm_header *arena = session->arena;
    struct shm_fault *fault = &arena->faults[0];
    uint64_t last = __atomic_exchange_n(&arena->claim, 0, __ATOMIC_ACQ_REL);
    fault->hits = last & 0xffffffffu;
    return fault->hits >= fault->occurrence;
}

/* --- growing --- */

int session_poll(struct session *session) {
    struct shm_header *arena = session->arena;
    struct session_state *state = session->state;
    session_mend(session);
    __atomic_fetch_add(&arena->heartbeat, 1, __ATOMIC_RELAXED);
    uint32_t wanted = __atomic_load_n(&arena->blocks_wanted, __ATOMIC_RELAXED);
    uint32_t next = __atomic_load_n(&arena->blocks_next, __ATOMIC_RELAXED);
    uint32_t ready = state->ready;
    bool starving = wanted != state->wanted_seen;
    /* What a replay has ready it clears and looks at with each attempt; a recording is in a hurry. */
    uint32_t ahead = (state->has_proofs ? state->added : state->step) / 2;
    if (!starving && (next >= ready ? 0 : ready - next) >= ahead)
        return 0;
    uint32_t total = (uint32_t)(state->bytes / SHM_BLOCK_BYTES);
    if (ready >= total)
        return starving ? -ENOBUFS : 0;
    /* Where a crowd waits, an eighth at once: each step is a round of the collector's. */
    uint32_t step = starving && ready / 8 > state->step ? ready / 8 : state->step;
    uint32_t to = total - ready < step ? total : ready + step;
    int r = session_allocate(session->arena_fd, ready, to);
    while (r == -ENOSPC && to - ready > 1) { /* what there is room for */
        to = ready + (to - ready) / 2;
        r = session_allocate(session->arena_fd, ready, to);
    }
    if (r < 0)
        return starving ? r : 0;
    raise_ready(session, to);
    state->added = to - ready;
    state->wanted_seen = wanted;
    /* Whoever needs more than the first soon needs much more, and on a busy machine we may not be there in time. */
    state->step = state->step < STEP_LARGEST / 4 ? state->step * 4 : STEP_LARGEST;
    return 0;
}

void session_recycle(struct session *session, uint32_t id) {
    struct shm_free *block = session_block(session, id);
    if (!block)
        return;
    __atomic_store_n(&block->mark, shm_free_mark(id), __ATOMIC_RELAXED);
    uint64_t *list = &session->arena->free_list;
    uint64_t head = __atomic_load_n(list, __ATOMIC_ACQUIRE), next;
    do {
        __atomic_store_n(&block->next, (uint32_t)head, __ATOMIC_RELAXED);
        next = ((head >> 32) + 1) << 32 | id;
    } while (!__atomic_compare_exchange_n(list, &head, next, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}

uint64_t session_own_bytes(const struct session *session) {
    return (uint64_t)session->state->ready * SHM_BLOCK_BYTES;
}

/* --- reading --- */

/* A worker has perhaps grown the arena that its parent is reading now: what the arena itself says
 * counts, as far as the mapping goes. */
static bool is_ready(const struct session *session, uint32_t id) {
    const struct session_state *state = session->state;
    if (id < state->ready)
        return true;
    return id < __atomic_load_n(&session->arena->blocks_ready, __ATOMIC_ACQUIRE) &&
           id < state->bytes / SHM_BLOCK_BYTES;
}

/* The target may have scribbled over anything it can write: trust no number in it. */
void *session_block(const struct session *session, uint32_t id) {
    if (id < SHM_HEADER_BLOCKS || !is_ready(session, id))
        return NULL;
    return (char *)session->arena + (uint64_t)id * SHM_BLOCK_BYTES;
}

uint32_t session_n_processes(const struct session *session) {
    uint32_t n = __atomic_load_n(&session->arena->n_processes, __ATOMIC_ACQUIRE);
    return n < SHM_MAX_PROCESSES ? n : SHM_MAX_PROCESSES;
}

const struct shm_process *session_process(const struct session *session, uint32_t index) {
    if (index >= session_n_processes(session))
        return NULL;
    uint32_t id = __atomic_load_n(&session->arena->processes[index], __ATOMIC_ACQUIRE);
    const struct shm_process *process = session_block(session, id);
    if (!process ||
        __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == SHM_PROCESS_EMPTY)
        return NULL;
    return process;
}

const struct shm_node *session_node(const struct session *session,
                                    const struct shm_process *process, uint32_t id) {
    if (!id || id / SHM_NODES_PER_BLOCK >= SHM_MAX_NODE_BLOCKS)
        return NULL;
    uint32_t block = __atomic_load_n(&process->node_blocks[id / SHM_NODES_PER_BLOCK],
                                     __ATOMIC_ACQUIRE);
    const struct shm_node *nodes = session_block(session, block);
    if (!nodes)
        return NULL;
    const struct shm_node *node = nodes + id % SHM_NODES_PER_BLOCK;
    if (__atomic_load_n(&node->state, __ATOMIC_ACQUIRE) != SHM_NODE_READY)
        return NULL;
    return node;
}

struct shm_ring *session_ring(const struct session *session, struct shm_process *process,
                              uint32_t index) {
    if (index < SHM_INNER_RINGS)
        return &process->rings[index];
    uint32_t i = index - SHM_INNER_RINGS;
    if (index >= SHM_MAX_RINGS)
        return NULL;
    struct shm_ring *rings = session_block(
        session, __atomic_load_n(&process->ring_blocks[i / SHM_RINGS_PER_BLOCK],
                                 __ATOMIC_ACQUIRE));
    return rings ? rings + i % SHM_RINGS_PER_BLOCK : NULL;
}

const struct shm_module *session_module(const struct session *session,
                                        const struct shm_process *process,
                                        uint32_t index) {
    if (!index || index > process->n_modules ||
        (index - 1) / SHM_MODULES_PER_BLOCK >= SHM_MAX_MODULE_BLOCKS)
        return NULL;
    uint32_t block = __atomic_load_n(
        &process->module_blocks[(index - 1) / SHM_MODULES_PER_BLOCK], __ATOMIC_ACQUIRE);
    const struct shm_module *modules = session_block(session, block);
    return modules ? modules + (index - 1) % SHM_MODULES_PER_BLOCK : NULL;
}

void session_each_site(const struct session *session,
                       void (*each)(void *context, const struct shm_process *process,
                                    uint32_t node_id, const struct shm_node *node),
                       void *context) {
    uint32_t n = session_n_processes(session);
    for (uint32_t i = 0; i < n; i++) {
        const struct shm_process *process = session_process(session, i);
        uint32_t last = process ? process->n_nodes : 0;
        if (last >= SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK)
            last = SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK - 1;
        for (uint32_t id = 1; id <= last; id++) {
            const struct shm_node *node = session_node(session, process, id);
            if (node && !node->module && !(node->flags & SHM_NODE_ALIAS) &&
                node->offset && node->offset < SHM_N_OPS)
                each(context, process, id, node);
        }
    }
}

/* --- orders of a snapshot run --- */

struct shm_orders *session_set_orders(struct session *session,
                                      const struct shm_order *orders, uint32_t n) {
    struct shm_header *arena = session->arena;
    struct shm_orders *to = session_block(session, SHM_HEADER_BLOCKS);
    if (!to || n > SHM_MAX_ORDERS ||
        !session_block(session, SHM_HEADER_BLOCKS + SHM_ORDER_BLOCKS - 1))
        return NULL;
    memset(to, 0, offsetof(struct shm_orders, orders));
    memset(to->index, 0, sizeof to->index);
    memcpy(to->orders, orders, n * sizeof *orders);
    for (uint32_t i = 0; i < n; i++) {
        if (i && key_equal(orders[i].site, orders[i - 1].site))
            continue;
        uint32_t at = (uint32_t)orders[i].site.lo & (SHM_ORDER_INDEX - 1);
        while (to->index[at])
            at = (at + 1) & (SHM_ORDER_INDEX - 1);
        to->index[at] = (uint16_t)(i + 1);
    }
    to->n = n;
    arena->blocks_next = SHM_HEADER_BLOCKS + SHM_ORDER_BLOCKS;
    session->state->next_seen = arena->blocks_next;
    arena->worker_pid = (uint32_t)getpid();
    __atomic_store_n(&arena->orders_block, SHM_HEADER_BLOCKS, __ATOMIC_RELEASE);
    session_keep(session);
    return to;
}

/* Whole before the target starts: blocks that are not there yet are made now. */
int session_set_scope(struct session *session, const struct shm_scope *scope) {
    struct shm_header *arena = session->arena;
    uint32_t first = arena->blocks_next;
    if (!scope)
        return 0;
    uint32_t end = first + shm_scope_blocks(scope->n_entries);
    if (end > session->state->bytes / SHM_BLOCK_BYTES)
        return -ENOBUFS;
    if (end + 1 > session->state->ready) { /* the target needs some, too */
        int r = session_allocate(session->arena_fd, session->state->ready, end + 1);
        if (r < 0)
            return r;
        raise_ready(session, end + 1);
    }
    memcpy(session_block(session, first), scope,
           sizeof *scope + scope->n_entries * sizeof scope->entries[0]);
    arena->blocks_next = end;
    session->state->next_seen = end;
    __atomic_store_n(&arena->scope_block, first, __ATOMIC_RELEASE);
    session_keep(session);
    return 0;
}

void session_drop_orders(struct session *session) {
    uint32_t block = __atomic_load_n(&session->arena->orders_block, __ATOMIC_ACQUIRE);
    struct shm_orders *orders = block ? session_block(session, block) : NULL;
    if (orders)
        __atomic_store_n(&orders->n, 0, __ATOMIC_RELEASE);
}
