/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preload_run: run a program under the preload library with an arena of our own, and say
 * what came through it. A collector in 200 lines, for tests of the library alone.
 *
 *   preload_run [--lib FILE] [--flags N] [--depth N] [--fault KEY:OCCURRENCE:MODE[:LEAF]]
 *               [--sites] [--events] [--blocks N] [--kill MICROSECONDS] [--late] -- PROG ARGS
 *
 * --late: nothing is read before the program has ended.
 *
 * Prints to stderr, one line each: "process ...", "note ...", "site ...", "fault ...",
 * "total allocs A frees F bytes B fails N injected N lost N ...". The counts follow
 * Valgrind's: a realloc is an alloc and a free. Exit status: the program's.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm.h"

static struct shm_header *arena;
static struct {
    uint64_t allocs, frees, bytes, fails, injected, reallocs, threads, lost, bad;
    uint64_t compared, different;
} total;
static uint32_t read_heads[1u << 20]; /* records already read of each block */
static int print_events, late;

static void *block(uint32_t id) {
    return (char *)arena + (uint64_t)id * SHM_BLOCK_BYTES;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const struct shm_node *node_at(const struct shm_process *p, uint32_t id) {
    if (!id || id / SHM_NODES_PER_BLOCK >= SHM_MAX_NODE_BLOCKS)
        return NULL;
    uint32_t b =
        __atomic_load_n(&p->node_blocks[id / SHM_NODES_PER_BLOCK], __ATOMIC_ACQUIRE);
    return b ? (const struct shm_node *)block(b) + id % SHM_NODES_PER_BLOCK : NULL;
}

/* I2: whatever an event names is ready, up to the root, and its keys are right. */
static int node_valid(const struct shm_process *p, uint32_t id) {
    const struct shm_node *node = node_at(p, id);
    if (!node || node->module || node->state != SHM_NODE_READY)
        return 0;
    for (int depth = 0; id; depth++) {
        node = node_at(p, id);
        if (!node || node->state != SHM_NODE_READY || node->flags & SHM_NODE_ALIAS ||
            depth > 5000)
            return 0;
        struct dearth_key parent = {0};
        if (node->parent)
            parent = node_at(p, node->parent)->key;
        if (!node->module &&
            !key_equal(node->key, key_site(parent, (uint32_t)node->offset)))
            return 0;
        id = node->parent;
    }
    return 1;
}

static void take_event(const struct shm_process *p, const struct shm_event *e) {
    if (print_events)
        fprintf(stderr, "event pid %u kind %u op %u %#lx %lu node %u aux %u\n", p->pid,
                e->kind, e->op, (unsigned long)e->address, (unsigned long)e->size,
                e->node, e->aux);
    switch (e->kind) {
    case SHM_EV_ALLOC:
        total.allocs++;
        total.bytes += e->size;
        break;
    case SHM_EV_FAIL:
    case SHM_EV_REALLOC_FAIL:
        total.fails++;
        break;
    case SHM_EV_INJECTED:
        total.injected++;
        break;
    case SHM_EV_FREE:
        total.frees++;
        break;
    case SHM_EV_REALLOC_END:
        total.reallocs++;
        total.allocs++;
        total.frees++;
        total.bytes += e->size;
        break;
    case SHM_EV_THREAD:
        total.threads++;
        return;
    case SHM_EV_REALLOC_BEGIN:
        return;
    default:
        total.bad++;
        return;
    }
    if (e->kind != SHM_EV_FREE && !node_valid(p, e->node))
        total.bad++;
}

static void recycle(uint32_t id) {
    uint64_t head = __atomic_load_n(&arena->free_list, __ATOMIC_ACQUIRE), want;
    do {
        struct shm_free *free_block = block(id);
        __atomic_store_n(&free_block->mark, shm_free_mark(id), __ATOMIC_RELAXED);
        __atomic_store_n(&free_block->next, (uint32_t)head, __ATOMIC_RELAXED);
        want = ((head >> 32) + 1) << 32 | id;
    } while (!__atomic_compare_exchange_n(&arena->free_list, &head, want, 0,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

static void drain_ring(const struct shm_process *p, struct shm_ring *ring) {
    uint32_t id;
    while ((id = __atomic_load_n(&ring->first, __ATOMIC_ACQUIRE))) {
        struct shm_segment *s = block(id);
        uint32_t next = __atomic_load_n(&s->next, __ATOMIC_ACQUIRE);
        uint32_t head = __atomic_load_n(&s->head, __ATOMIC_ACQUIRE);
        for (uint32_t i = read_heads[id]; i < head; i++)
            take_event(p, &s->records[i]);
        read_heads[id] = head;
        if (!next || head < SHM_SEGMENT_EVENTS)
            return;
        read_heads[id] = 0;
        __atomic_store_n(&ring->first, next, __ATOMIC_RELEASE);
        __atomic_fetch_add(&ring->given, 1, __ATOMIC_RELEASE);
        recycle(id);
    }
}

static struct shm_ring *ring_at(struct shm_process *p, uint32_t i) {
    if (i < SHM_INNER_RINGS)
        return &p->rings[i];
    i -= SHM_INNER_RINGS;
    uint32_t id =
        __atomic_load_n(&p->ring_blocks[i / SHM_RINGS_PER_BLOCK], __ATOMIC_ACQUIRE);
    return id ? (struct shm_ring *)block(id) + i % SHM_RINGS_PER_BLOCK : NULL;
}

static void drain(void) {
    arena->heartbeat++;
    for (uint32_t i = 0; i < arena->n_processes && i < SHM_MAX_PROCESSES; i++) {
        uint32_t id = __atomic_load_n(&arena->processes[i], __ATOMIC_ACQUIRE);
        if (!id)
            continue;
        struct shm_process *p = block(id);
        for (uint32_t r = 0; r < p->n_rings; r++)
            if (ring_at(p, r))
                drain_ring(p, ring_at(p, r));
    }
}

static const struct shm_module *module_at(const struct shm_process *p, uint32_t index) {
    uint32_t b = p->module_blocks[(index - 1) / SHM_MODULES_PER_BLOCK];
    return (const struct shm_module *)block(b) + (index - 1) % SHM_MODULES_PER_BLOCK;
}

static void print_site(const struct shm_process *p, const struct shm_node *site) {
    const struct shm_node *leaf = node_at(p, site->parent);
    const struct shm_module *m = leaf ? module_at(p, leaf->module) : NULL;
    struct dearth_key key = {0};
    if (m)
        key = key_module(m->build_id, m->build_id_bytes);
    fprintf(stderr,
            "site %016lx%016lx op %lu count %lu bytes %lu flags %u leaf %016lx%016lx:%lx",
            site->key.hi, site->key.lo, site->offset, site->count, site->bytes,
            site->flags, key.hi, key.lo, leaf ? leaf->offset : 0);
    for (uint32_t id = site->parent; id;) {
        const struct shm_node *node = node_at(p, id);
        m = module_at(p, node->module);
        const char *base = strrchr(m->path, '/');
        fprintf(stderr, " %s+%#lx", base ? base + 1 : m->path, node->offset);
        id = node->parent;
    }
    fprintf(stderr, "\n");
}

static void print_process(struct shm_process *p, uint32_t id, int sites) {
    static const char *const origins[] = {"first", "fork", "exec"};
    fprintf(stderr,
            "process %u pid %u ppid %u parent %u origin %s state %u threads %u rings %u "
            "modules %u nodes %u fallbacks %lu incomplete %lu truncated %lu boot %lu "
            "lost %lu exe %s argc %u argv0 %s cwd %s\n",
            id, p->pid, p->ppid, p->parent, origins[p->origin], p->state, p->n_threads,
            p->n_rings, p->n_modules, p->n_nodes, p->fallbacks, p->incomplete,
            p->truncated, p->boot_events, p->lost, p->exe, p->argc_stored, p->argv,
            p->cwd);
    /* A library built with UNWIND_SELF_CHECK leaves its counts here. */
    const uint64_t *check = (const uint64_t *)p->reserved;
    total.compared += check[0];
    total.different += check[1];
    if (check[1])
        fprintf(stderr, "different at %lu: ours %#lx, libunwind's %#lx, after %#lx\n",
                check[2], check[3], check[4], check[5]);
    total.lost += p->lost + p->nodes_lost;
    for (uint32_t r = 0; r < p->n_rings; r++)
        total.lost += ring_at(p, r) ? ring_at(p, r)->lost : 0;
    for (uint32_t i = 0; i < SHM_MAX_NOTES; i++)
        if (p->notes[i].state)
            fprintf(stderr, "note %u %s\n", p->notes[i].kind, p->notes[i].text);
    for (uint32_t n = 1; sites && n <= p->n_nodes; n++) {
        const struct shm_node *node = node_at(p, n);
        if (node && node->state == SHM_NODE_READY && !node->module && node->offset &&
            !(node->flags & SHM_NODE_ALIAS))
            print_site(p, node);
    }
}

/* "leaks STATE of PROCESS: BLOCKS BYTES DIRECT; LIVE blocks, us", then its sites */
static void print_leaks(void) {
    for (uint32_t id = arena->leaks; id;) {
        const struct shm_leaks *leaks = block(id);
        uint64_t blocks = 0, bytes = 0, direct = 0;
        for (uint32_t i = 0; i < leaks->n; i++) {
            blocks += leaks->leaks[i].blocks;
            bytes += leaks->leaks[i].bytes;
            direct += leaks->leaks[i].direct;
        }
        fprintf(stderr,
                "leaks state %u process %u blocks %lu bytes %lu direct %lu "
                "overflow %lu live %lu us %lu\n",
                leaks->state, leaks->process, blocks + leaks->overflow_blocks,
                bytes + leaks->overflow_bytes, direct, leaks->overflow_blocks,
                leaks->live_blocks, leaks->cpu_ns / 1000);
        for (uint32_t i = 0; i < leaks->n; i++) {
            const struct shm_process *p = block(leaks->process);
            fprintf(stderr, "leak blocks %lu bytes %lu direct %lu ",
                    leaks->leaks[i].blocks, leaks->leaks[i].bytes,
                    leaks->leaks[i].direct);
            if (node_valid(p, leaks->leaks[i].node))
                print_site(p, node_at(p, leaks->leaks[i].node));
            else
                fprintf(stderr, "of no site\n");
        }
        id = leaks->next;
    }
}

static void print_all(int sites) {
    for (uint32_t i = 0; i < arena->n_processes && i < SHM_MAX_PROCESSES; i++)
        if (arena->processes[i])
            print_process(block(arena->processes[i]), arena->processes[i], sites);
    for (uint32_t i = 0; i < arena->n_faults; i++) {
        const struct shm_fault *f = &arena->faults[i];
        fprintf(stderr, "fault fired %u hits %lu size %lu also %lu\n", f->fired, f->hits,
                f->fired_size, f->also_failed);
    }
    print_leaks();
    fprintf(stderr,
            "total allocs %lu frees %lu bytes %lu fails %lu injected %lu reallocs %lu "
            "threads %lu lost %lu bad %lu blocks %u processes %u "
            "alone %lu compared %lu different %lu\n",
            total.allocs, total.frees, total.bytes, total.fails, total.injected,
            total.reallocs, total.threads, total.lost, total.bad, arena->blocks_next,
            arena->n_processes, arena->processes_lost, total.compared, total.different);
}

static void create(const char *path, uint32_t blocks, uint32_t flags, uint32_t depth,
                   const char *library) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    uint64_t bytes = (uint64_t)blocks * SHM_BLOCK_BYTES;
    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0) {
        perror(path);
        exit(125);
    }
    arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    arena->magic = SHM_MAGIC;
    arena->version = SHM_VERSION;
    arena->flags = flags;
    arena->clock = getenv("PRELOAD_RUN_TSC") ? SHM_CLOCK_TSC : SHM_CLOCK_MONOTONIC_NS;
    arena->max_depth = depth;
    arena->arena_bytes = bytes;
    arena->collector_pid = (uint32_t)getpid();
    arena->blocks_total = arena->blocks_ready = blocks;
    arena->blocks_next = SHM_HEADER_BLOCKS;
    snprintf(arena->preload_path, sizeof arena->preload_path, "%s", library);
}

static void arm(const char *text) {
    struct shm_fault *f = &arena->faults[arena->n_faults++];
    unsigned long hi, lo, occurrence, leaf_hi = 0, leaf_lo = 0, leaf = 0;
    char mode[16];
    if (sscanf(text, "%16lx%16lx:%lu:%15[^:]:%16lx%16lx:%lx", &hi, &lo, &occurrence, mode,
               &leaf_hi, &leaf_lo, &leaf) < 4)
        exit(125);
    f->leaf_module = (struct dearth_key){leaf_lo, leaf_hi};
    f->leaf_offset = leaf;
    f->site = (struct dearth_key){lo, hi};
    f->occurrence = occurrence;
    f->mode = !strcmp(mode, "sticky")      ? SHM_FAULT_STICKY
              : !strncmp(mode, "burst", 5) ? SHM_FAULT_BURST
                                           : SHM_FAULT_ONCE;
    f->burst = f->mode == SHM_FAULT_BURST ? (uint32_t)atoi(mode + 5) : 0;
    arena->flags |= SHM_FAULTS;
}

static pid_t start(const char *path, const char *library, char **argv) {
    char preload[2100], where[1100];
    const char *theirs = getenv("LD_PRELOAD");
    pid_t pid = fork();
    if (pid)
        return pid;
    snprintf(preload, sizeof preload, "%s%s%s", library, theirs ? ":" : "",
             theirs ? theirs : "");
    snprintf(where, sizeof where, "%s", path);
    setenv("LD_PRELOAD", preload, 1);
    unsetenv("PRELOAD_RUN_TSC");
    setenv(SHM_ENV_ARENA, where, 1);
    execvp(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

/* Also waits for what the program left behind: we are its subreaper. */
static int follow(pid_t pid, uint64_t kill_after_us) {
    int status = 0, result = 0;
    uint64_t deadline = 0, begin = now_ns();
    for (;;) {
        if (kill_after_us && now_ns() - begin > kill_after_us * 1000)
            kill(pid, SIGKILL);
        pid_t got = waitpid(-1, &status, WNOHANG);
        if (got == pid) {
            result = status;
            deadline = now_ns() + 3000000000u;
        }
        if (got < 0 && errno == ECHILD)
            break;
        if (deadline && now_ns() > deadline)
            break;
        if (!late)
            drain();
        usleep(500);
    }
    drain();
    return WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"lib", 1, 0, 'l'},    {"flags", 1, 0, 'f'},
                                            {"depth", 1, 0, 'd'},  {"fault", 1, 0, 'F'},
                                            {"sites", 0, 0, 's'},  {"blocks", 1, 0, 'b'},
                                            {"events", 0, 0, 'e'}, {"kill", 1, 0, 'k'},
                                            {"late", 0, 0, 'L'},   {0}};
    const char *library = getenv("DEARTH_PRELOAD"), *faults[SHM_MAX_FAULTS];
    uint32_t flags = SHM_EVENTS, depth = 512, blocks = 1u << 14, n_faults = 0;
    uint64_t kill_after_us = 0;
    int c, sites = 0;
    while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (c == 'l')
            library = optarg;
        else if (c == 'f')
            flags = (uint32_t)atoi(optarg);
        else if (c == 'd')
            depth = (uint32_t)atoi(optarg);
        else if (c == 'F' && n_faults < SHM_MAX_FAULTS)
            faults[n_faults++] = optarg;
        else if (c == 's')
            sites = 1;
        else if (c == 'b')
            blocks = (uint32_t)atoi(optarg);
        else if (c == 'k')
            kill_after_us = strtoull(optarg, NULL, 10);
        else if (c == 'L')
            late = 1;
        else if (c == 'e')
            print_events = 1;
        else
            return 125;
    }
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/preload-run-%d", getpid());
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    create(path, blocks, flags, depth, library);
    for (uint32_t i = 0; i < n_faults; i++)
        arm(faults[i]);
    int status = follow(start(path, library, argv + optind), kill_after_us);
    unlink(path);
    print_all(sites);
    return status;
}
