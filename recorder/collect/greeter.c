/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of a suite as they start: see greeter.h. */
#include "greeter.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "circumstances.h"
#include "clock.h"
#include "error.h"
#include "life.h"
#include "own_limits.h"
#include "session.h"
#include "shm.h"
#include "text.h"

/* Entries of the directory that are looked at: as many as may come between two rounds of the collector,
 * which sees to the others. */
#define NEWEST 256u

/* A wake-up that comes between a look and the wait for the next is lost: not for long. */
#define LONGEST_NS 2000000

/* For a pipe that is being written; then all that were waited for in vain. A suite has thousands of programs. */
#define PIPE_NS           200000000
#define IN_VAIN_NS        10000000000 /* in sum; after that: */
#define PIPE_IMPATIENT_NS 10000000
#define LOOK_AGAIN_NS     200000
#define PIPES_IN_VAIN     64u

struct greeted {
    struct greeted *next;
    uint32_t serial;
    int pidfd; /* -1 = none */
    struct circumstances *circumstances;
    struct shm_process *waits; /* NULL = it goes on */
    uint64_t since_ns;
};

struct greeter {
    struct session *session;
    uint64_t pid_namespace;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t looked;
    struct greeted *list;            /* the newest first */
    uint32_t n_waiting;              /* of these */
    uint32_t busy;                   /* serial of whom it looks at now; 0 = nobody */
    uint64_t in_vain[PIPES_IN_VAIN]; /* inodes of pipes that were waited for */
    uint32_t n_in_vain;
    uint64_t in_vain_ns;
    const struct circumstances_options *options;
    bool running;
    uint32_t ending; /* atomic */
};

static long futex(uint32_t *word, int op, uint32_t value,
                  const struct timespec *at_most) {
    return syscall(SYS_futex, word, op, value, at_most, NULL, 0);
}

void greeter_let_go(struct shm_process *process) {
    __atomic_store_n(&process->seen, 1, __ATOMIC_RELEASE);
    futex(&process->seen, FUTEX_WAKE, INT_MAX, NULL);
}

static bool waits(const struct greeter *g, const struct shm_process *p) {
    return p && !__atomic_load_n(&p->seen, __ATOMIC_ACQUIRE) && p->serial &&
           p->origin != SHM_ORIGIN_FORK && p->pid_namespace == g->pid_namespace;
}

static struct greeted **find(struct greeted **list, uint32_t serial) {
    while (*list && (*list)->serial != serial)
        list = &(*list)->next;
    return list;
}

static bool was_in_vain(const struct greeter *g, uint64_t inode) {
    for (uint32_t i = 0; i < g->n_in_vain && i < PIPES_IN_VAIN; i++)
        if (g->in_vain[i] == inode)
            return true;
    return false;
}

/* From here on it may be the collector's. Return: does its program, @p, go on? */
static bool put(struct greeter *g, struct greeted *greeted, struct shm_process *p) {
    pthread_mutex_lock(&g->lock);
    uint64_t pipe = circumstances_waits(greeted->circumstances);
    bool later = pipe && !was_in_vain(g, pipe);
    greeted->waits = later ? p : NULL;
    greeted->next = g->list;
    g->list = greeted;
    g->n_waiting += later;
    if (g->busy == greeted->serial)
        g->busy = 0;
    pthread_cond_broadcast(&g->looked);
    pthread_mutex_unlock(&g->lock);
    return !later;
}

static void greet(struct greeter *g, struct shm_process *p) {
    pthread_mutex_lock(&g->lock);
    bool still =
        waits(g, p) && !*find(&g->list, p->serial); /* the collector may have been here */
    g->busy = still ? p->serial : 0;
    pthread_mutex_unlock(&g->lock);
    if (!still)
        return;
    struct greeted *greeted = text_alloc(sizeof *greeted);
    int pidfd = life_open(p->pid);
    *greeted = (struct greeted){.serial = g->busy,
                                .pidfd = pidfd < 0 ? -1 : pidfd,
                                .circumstances = circumstances_new(g->options, p->pid),
                                .since_ns = clock_mono_ns()};
    if (put(g, greeted, p))
        greeter_let_go(p);
}

bool greeter_wait(struct greeter *g, struct shm_process *p, uint32_t serial,
                  struct circumstances *circumstances) {
    pthread_mutex_lock(&g->lock);
    uint64_t pipe = circumstances_waits(circumstances);
    bool later = g->running && pipe && !was_in_vain(g, pipe);
    pthread_mutex_unlock(&g->lock);
    if (!later)
        return false;
    struct greeted *greeted = text_alloc(sizeof *greeted);
    *greeted = (struct greeted){.serial = serial,
                                .pidfd = -1,
                                .circumstances = circumstances,
                                .since_ns = clock_mono_ns()};
    put(g, greeted, p);
    return true;
}

/* --- those that wait for their standard input --- */

static void count_vain(struct greeter *g, const struct greeted *greeted, uint64_t ns) {
    g->in_vain[g->n_in_vain++ % PIPES_IN_VAIN] =
        circumstances_waits(greeted->circumstances);
    g->in_vain_ns += ns;
}

/* Return: does it go on? */
static bool look_again(struct greeter *g, struct greeted *greeted) {
    circumstances_look_again(greeted->circumstances, greeted->waits->pid);
    uint64_t waited_ns = clock_mono_ns() - greeted->since_ns;
    bool wanted = circumstances_waits(greeted->circumstances);
    if (wanted && waited_ns < (g->in_vain_ns < IN_VAIN_NS ? PIPE_NS : PIPE_IMPATIENT_NS))
        return false;
    if (wanted)
        count_vain(g, greeted, waited_ns);
    return true;
}

/* Under the lock: whom the collector takes out of the list is let go by it. */
static bool look_at_waiting(struct greeter *g) {
    pthread_mutex_lock(&g->lock);
    for (struct greeted *at = g->n_waiting ? g->list : NULL; at; at = at->next) {
        if (!at->waits || !look_again(g, at))
            continue;
        struct shm_process *p = at->waits;
        at->waits = NULL;
        g->n_waiting--;
        greeter_let_go(p);
    }
    bool some = g->n_waiting > 0;
    pthread_mutex_unlock(&g->lock);
    return some;
}

static void look(struct greeter *g) {
    const struct shm_header *arena = g->session->arena;
    uint32_t next = __atomic_load_n(&arena->next_slot, __ATOMIC_RELAXED);
    for (uint32_t i = 1; i <= NEWEST; i++) {
        uint32_t slot = (next - i) % SHM_MAX_PROCESSES;
        if (__atomic_load_n(&arena->processes[slot], __ATOMIC_RELAXED))
            greet(g, (struct shm_process *)session_process(g->session, slot));
    }
}

static void *run(void *context) {
    struct greeter *g = context;
    const struct timespec at_most = {.tv_nsec = LONGEST_NS},
                          soon = {.tv_nsec = LOOK_AGAIN_NS};
    uint32_t *n = &g->session->arena->n_processes;
    while (!__atomic_load_n(&g->ending, __ATOMIC_ACQUIRE)) {
        uint32_t before = __atomic_load_n(n, __ATOMIC_ACQUIRE);
        look(g);
        bool some = look_at_waiting(g);
        futex(n, FUTEX_WAIT, before, some ? &soon : &at_most);
    }
    return NULL;
}

int greeter_new(struct session *session, uint64_t pid_namespace,
                const struct circumstances_options *options, struct greeter **out) {
    struct greeter *g = text_alloc(sizeof *g);
    g->session = session;
    g->options = options;
    g->pid_namespace = pid_namespace;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->looked, NULL);
    *out = g;
    if (!pid_namespace)
        return 0;
    int r = own_limits_thread(&g->thread, run, g);
    g->running = r == 0;
    if (r == 0)
        return 0;
    *out = greeter_free(g);
    return error_print_errno(-r, "cannot start the thread that looks at programs");
}

struct greeter *greeter_free(struct greeter *g) {
    if (!g)
        return NULL;
    __atomic_store_n(&g->ending, 1, __ATOMIC_RELEASE);
    if (g->running)
        pthread_join(g->thread, NULL);
    for (struct greeted *at = g->list, *next; at; at = next) {
        next = at->next;
        if (at->waits)
            greeter_let_go(at->waits);
        if (at->pidfd >= 0)
            close(at->pidfd);
        circumstances_free(at->circumstances);
        free(at);
    }
    pthread_cond_destroy(&g->looked);
    pthread_mutex_destroy(&g->lock);
    free(g);
    return NULL;
}

static struct greeted *unlink_at(struct greeter *g, struct greeted **at) {
    struct greeted *found = *at;
    if (found)
        *at = found->next;
    if (found && found->waits)
        g->n_waiting--;
    return found;
}

/* @now: also one that waits; @later: NULL = nobody asks */
static struct circumstances *take(struct greeter *g, uint32_t serial, bool now,
                                  int *pidfd, bool *later) {
    pthread_mutex_lock(&g->lock);
    while (g->busy == serial)
        pthread_cond_wait(&g->looked, &g->lock);
    struct greeted **at = find(&g->list, serial), *found = *at;
    *pidfd = found ? found->pidfd : -1;
    *later = found && found->waits && !now;
    if (*later)
        found->pidfd = -1;
    else
        unlink_at(g, at);
    pthread_mutex_unlock(&g->lock);
    if (*later || !found)
        return NULL;
    struct circumstances *circumstances = found->circumstances;
    free(found);
    return circumstances;
}

struct circumstances *greeter_take(struct greeter *g, uint32_t serial, int *pidfd,
                                   bool *later) {
    return take(g, serial, false, pidfd, later);
}

struct circumstances *greeter_take_now(struct greeter *g, uint32_t serial) {
    int pidfd;
    bool later;
    struct circumstances *circumstances = take(g, serial, true, &pidfd, &later);
    if (pidfd >= 0)
        close(pidfd);
    return circumstances;
}
