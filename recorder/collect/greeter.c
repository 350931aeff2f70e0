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

struct greeted {
    struct greeted *next;
    uint32_t serial;
    int pidfd; /* -1 = none */
    struct circumstances *circumstances;
};

struct greeter {
    struct session *session;
    uint64_t pid_namespace;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t looked;
    struct greeted *list; /* the newest first */
    uint32_t busy;        /* serial of whom it looks at now; 0 = nobody */
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

static void put(struct greeter *g, struct greeted *greeted) {
    pthread_mutex_lock(&g->lock);
    greeted->next = g->list;
    g->list = greeted;
    g->busy = 0;
    pthread_cond_broadcast(&g->looked);
    pthread_mutex_unlock(&g->lock);
}

static void greet(struct greeter *g, struct shm_process *p) {
    pthread_mutex_lock(&g->lock);
    bool still = waits(g, p); /* the collector may have been here */
    g->busy = still ? p->serial : 0;
    pthread_mutex_unlock(&g->lock);
    if (!still)
        return;
    struct greeted *greeted = text_alloc(sizeof *greeted);
    int pidfd = life_open(p->pid);
    *greeted = (struct greeted){.serial = g->busy,
                                .pidfd = pidfd < 0 ? -1 : pidfd,
                                .circumstances = circumstances_new(p->pid)};
    put(g, greeted);
    greeter_let_go(p);
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
    const struct timespec at_most = {.tv_nsec = LONGEST_NS};
    uint32_t *n = &g->session->arena->n_processes;
    while (!__atomic_load_n(&g->ending, __ATOMIC_ACQUIRE)) {
        uint32_t before = __atomic_load_n(n, __ATOMIC_ACQUIRE);
        look(g);
        futex(n, FUTEX_WAIT, before, &at_most);
    }
    return NULL;
}

int greeter_new(struct session *session, uint64_t pid_namespace, struct greeter **out) {
    struct greeter *g = text_alloc(sizeof *g);
    g->session = session;
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

static struct greeted *remove_from(struct greeted **list, uint32_t serial) {
    while (*list && (*list)->serial != serial)
        list = &(*list)->next;
    struct greeted *found = *list;
    if (found)
        *list = found->next;
    return found;
}

struct circumstances *greeter_take(struct greeter *g, uint32_t serial, int *pidfd) {
    *pidfd = -1;
    pthread_mutex_lock(&g->lock);
    while (g->busy == serial)
        pthread_cond_wait(&g->looked, &g->lock);
    struct greeted *found = remove_from(&g->list, serial);
    pthread_mutex_unlock(&g->lock);
    struct circumstances *circumstances = found ? found->circumstances : NULL;
    if (found)
        *pidfd = found->pidfd;
    free(found);
    return circumstances;
}
