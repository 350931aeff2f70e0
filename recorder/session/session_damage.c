/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a target can do to the arena by mistake: write over the header, cut the file off, remove the
 * folder. Each is noticed, put right where that is possible, and counted.
 *
 *   header, fields that dearth alone writes   compared with state->own, copied back
 *   header, counters                          never go back, never pass their bound: put right
 *   file cut off                              SIGBUS here ─► zero pages in its place; made whole again
 *   folder removed                            a replay makes another one at the next reset
 *   proof of a fault                          a nonce of the attempt, and a copy behind the mapping
 *
 * Invariant: state->own holds what dearth wrote last; it is taken from the arena only while no target
 * runs, or right after it was compared.
 *
 * Who runs it: dearth, one thread; the handler any.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session_private.h"
#include "text.h"

#define PAGE 4096u

/* --- the header --- */

#define FIELD(name)                                                                      \
    { offsetof(struct shm_header, name), sizeof((struct shm_header *)0)->name }
#define FROM_TO(first, last)                                                             \
    {                                                                                    \
        offsetof(struct shm_header, first), offsetof(struct shm_header, last) +          \
                                                sizeof((struct shm_header *)0)->last -   \
                                                offsetof(struct shm_header, first)       \
    }
static const struct {
    size_t at, bytes;
} ours[] = {
    FROM_TO(magic, collector_pid),
    FIELD(blocks_total),
    FROM_TO(preload_path, n_faults),
    FIELD(orders_block),
    FIELD(scope_block),
    FROM_TO(start_mono_ns, boot_id),
    FROM_TO(chance.threshold, chance.space),
    FROM_TO(nonce, proofs),
    FIELD(paused),
    FROM_TO(sample_bytes, only_exe),
};
#define N_OURS      (sizeof ours / sizeof *ours)
/* Of a fault, the order. */
#define ORDER_BYTES offsetof(struct shm_fault, hits)

void session_keep(struct session *session) {
    struct session_state *state = session->state;
    for (size_t i = 0; i < N_OURS; i++)
        memcpy((char *)&state->own + ours[i].at, (char *)session->arena + ours[i].at,
               ours[i].bytes);
    for (uint32_t i = 0; i < SHM_MAX_FAULTS; i++) {
        memcpy(&state->own.faults[i], &session->arena->faults[i], ORDER_BYTES);
        state->own.faults[i].thread = session->arena->faults[i].thread;
    }
}

static bool put_back(void *there, const void *own, size_t bytes) {
    if (memcmp(there, own, bytes) == 0)
        return false;
    memcpy(there, own, bytes);
    return true;
}

bool session_restore(struct session *session) {
    struct session_state *state = session->state;
    bool found = false;
    for (size_t i = 0; i < N_OURS; i++)
        found |= put_back((char *)session->arena + ours[i].at,
                          (char *)&state->own + ours[i].at, ours[i].bytes);
    for (uint32_t i = 0; i < SHM_MAX_FAULTS; i++) {
        struct shm_fault *there = &session->arena->faults[i];
        found |= put_back(there, &state->own.faults[i], ORDER_BYTES);
        found |=
            put_back(&there->thread, &state->own.faults[i].thread, sizeof there->thread);
    }
    return found;
}

/* Blocks below `to` have been handed out, so it can only have grown: what was handed out since we
 * looked last is not known, so none of those is handed out again. */
static bool check_next(struct session *session) {
    struct session_state *state = session->state;
    uint32_t *next = &session->arena->blocks_next;
    uint32_t n = __atomic_load_n(next, __ATOMIC_ACQUIRE);
    if (n >= state->next_seen && n <= state->ready) {
        state->next_seen = n;
        return false;
    }
    __atomic_store_n(next, state->ready, __ATOMIC_RELEASE);
    state->next_seen = state->ready;
    return true;
}

static bool check_flag(uint32_t *flag) {
    if (__atomic_load_n(flag, __ATOMIC_RELAXED) <= 1)
        return false;
    __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
    return true;
}

static bool check_counters(struct session *session) {
    struct session_state *state = session->state;
    struct shm_header *arena = session->arena;
    bool found = check_next(session);
    uint32_t n = __atomic_load_n(&arena->n_processes, __ATOMIC_ACQUIRE);
    if (n < state->processes_seen || n - state->processes_seen > SHM_MAX_PROCESSES) {
        found = true;
        n = state->processes_seen;
        __atomic_store_n(&arena->n_processes, n, __ATOMIC_RELEASE);
    }
    state->processes_seen = n;
    if (__atomic_load_n(&arena->blocks_ready, __ATOMIC_RELAXED) != state->ready) {
        found = true;
        __atomic_store_n(&arena->blocks_ready, state->ready, __ATOMIC_RELEASE);
    }
    /* A target gives us up only when we are dead. */
    if (__atomic_load_n(&arena->detached, __ATOMIC_RELAXED) != state->detached) {
        found = true;
        __atomic_store_n(&arena->detached, state->detached, __ATOMIC_RELEASE);
    }
    found |= check_flag(&arena->marked);
    found |= check_flag(&arena->any_fired);
    return found;
}

/* --- the file --- */

/* Mappings of this process, for the handler: few, entered once, never removed but emptied. */
static struct mapping {
    char *volatile start;
    uint64_t bytes;
    volatile sig_atomic_t cut;
    struct mapping *next;
} *volatile mappings;
static struct sigaction bus_before;

static void on_bus(int sig, siginfo_t *info, void *context) {
    (void)context;
    for (struct mapping *m = mappings; m; m = m->next) {
        char *at = info->si_addr;
        if (!m->start || at < m->start || at >= m->start + m->bytes)
            continue;
        char *page = at - (uintptr_t)at % PAGE;
        void *p = mmap(page, PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        m->cut = 1;
        if (p != MAP_FAILED)
            return; /* it reads zeros, which is no record, no node, no process */
    }
    sigaction(sig, &bus_before, NULL); /* not of ours: it comes again */
}

void session_watch_file(struct session *session) {
    struct session_state *state = session->state;
    struct mapping *m = NULL;
    for (m = mappings; m && m->start; m = m->next)
        ;
    if (!mappings) {
        struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &bus_before);
    }
    if (!m) {
        m = text_alloc(sizeof *m);
        m->next = mappings;
        mappings = m;
    }
    m->bytes = state->bytes;
    m->cut = 0;
    m->start = (char *)session->arena;
    state->mapping = m;
}

void session_unwatch_file(struct session *session) {
    struct mapping *m = session->state->mapping;
    if (m)
        m->start = NULL;
}

/* The file lies at the address where it has always been. */
static void map_again(struct session *session) {
    struct session_state *state = session->state;
    (void)!mmap(session->arena, state->bytes, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_FIXED, session->arena_fd, 0);
}

/* Cut off? Made whole, so that the target finds memory again; what was in it is gone. */
static bool check_file(struct session *session) {
    struct session_state *state = session->state;
    struct mapping *mapping = state->mapping;
    struct stat st;
    if (fstat(session->arena_fd, &st) < 0)
        return false;
    bool found = false;
    if (st.st_size < (off_t)state->file_bytes) {
        found = ftruncate(session->arena_fd, (off_t)state->file_bytes) == 0 &&
                session_allocate_all(state, session->arena_fd, state->ready) == 0;
        found |= true;
    }
    if (mapping && mapping->cut) {
        mapping->cut = 0;
        found = true;
        map_again(session);
    }
    if (!st.st_nlink && !state->unlinked) {
        state->unlinked = true;
        found = true;
    }
    return found;
}

int session_rebuild(struct session *session) {
    struct session_state *state = session->state;
    const int how = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    struct stat st;
    if (fstat(session->arena_fd, &st) < 0 || st.st_nlink)
        return 0;
    /* not by its path: a worker has another file system over it */
    int fd = openat(state->directory_fd, "arena", how, 0600);
    if (fd < 0 && errno == ENOENT && mkdir(session->directory, 0700) == 0)
        fd = open(session->arena_path, how, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
        ftruncate(fd, (off_t)state->file_bytes) < 0 ||
        session_allocate_all(state, fd, state->ready) < 0) {
        if (fd >= 0)
            close(fd);
        return -EIO;
    }
    dup3(fd, session->arena_fd, O_CLOEXEC);
    close(fd);
    map_again(session);
    if (state->link_path && state->library_path)
        (void)!symlinkat(state->library_path, state->directory_fd, "preload.so");
    state->unlinked = false;
    return 1;
}

/* --- all --- */

uint32_t session_mend(struct session *session) {
    struct session_state *state = session->state;
    bool found = check_file(session);
    found |= session_restore(session);
    found |= check_counters(session);
    uint32_t theirs = __atomic_load_n(&session->arena->damaged, __ATOMIC_RELAXED);
    found |= theirs != state->damaged_seen;
    state->damaged_seen = theirs;
    state->damaged += found;
    return state->damaged;
}

/* Fresh blocks are zero: one word of each page is looked at. */
bool session_fresh_is_clean(const struct session *session, uint32_t from) {
    const struct session_state *state = session->state;
    for (uint64_t at = (uint64_t)from * SHM_BLOCK_BYTES;
         at < (uint64_t)state->ready * SHM_BLOCK_BYTES; at += PAGE)
        if (*(const uint64_t *)((const char *)session->arena + at + PAGE / 2))
            return false;
    return true;
}

/* Does what is in the arena hang together as far as a replay reads it? */
static bool is_plausible(const struct session *session) {
    const struct shm_header *arena = session->arena;
    uint32_t n = session_n_processes(session);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = arena->processes[i];
        const struct shm_process *p = session_block(session, id);
        if (id && (!p || p->state > SHM_PROCESS_EXITED || p->origin > SHM_ORIGIN_EXEC ||
                   p->n_rings > SHM_MAX_RINGS))
            return false;
    }
    for (uint32_t i = 0; i < SHM_MAX_FAULTS; i++)
        if (arena->faults[i].fired && !session_fired(session, i))
            return false;
    return !arena->leaks || session_block(session, arena->leaks);
}

uint32_t session_inspect(struct session *session) {
    struct session_state *state = session->state;
    uint32_t before = state->damaged;
    if (session_mend(session) == before &&
        (!is_plausible(session) || !session_fresh_is_clean(session, state->next_seen)))
        state->damaged++;
    return state->damaged;
}

/* --- proofs --- */

void session_draw_nonce(struct session *session) {
    uint64_t nonce = 0;
    if (getrandom(&nonce, sizeof nonce, GRND_NONBLOCK) != sizeof nonce)
        nonce = session_ticks(session) * 0x9e3779b97f4a7c15ull;
    session->arena->nonce = nonce | 1;
}

/* Only what was written is read again: a hole costs nothing. */
void session_forget_proofs(struct session *session) {
    static const struct shm_proof none[SHM_MAX_FAULTS];
    const struct session_state *state = session->state;
    if (state->has_proofs)
        (void)!pwrite(session->arena_fd, none, sizeof none, (off_t)state->bytes);
}

bool session_proof(const struct session *session, uint32_t index, struct shm_proof *out) {
    const struct session_state *state = session->state;
    const off_t at = (off_t)(state->bytes + index * sizeof *out);
    return state->has_proofs && index < SHM_MAX_FAULTS &&
           pread(session->arena_fd, out, sizeof *out, at) == (ssize_t)sizeof *out &&
           out->nonce == state->own.nonce &&
           out->fired == shm_fired(state->own.nonce, index);
}

bool session_fired(const struct session *session, uint32_t index) {
    const struct session_state *state = session->state;
    return __atomic_load_n(&session->arena->faults[index].fired, __ATOMIC_ACQUIRE) ==
           shm_fired(state->own.nonce, index);
}

bool session_failed(const struct session *session, uint32_t index) {
    const struct shm_chance_failed *failed = &session->arena->chance.failed[index];
    return __atomic_load_n(&failed->state, __ATOMIC_ACQUIRE) ==
           shm_fired(session->state->own.nonce, index);
}
