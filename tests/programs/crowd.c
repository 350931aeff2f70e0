/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: many processes or threads, one after another or all at once, each making CALLS calls of
 * malloc() in crowd_work().
 *
 * usage: crowd forks|alive|holding|orphans|threads|short-threads|leaderless|shared N CALLS
 *   forks          N children, four at a time
 *   alive          N children, all there before the first one works
 *   holding        N children, none of which ends before all have worked
 *   orphans        N children whose parent ends before they work
 *   threads        N threads, all there before the first one works
 *   short-threads  N threads, one after another
 *   leaderless     N threads that go on after main() has ended its own
 *   shared         N children that run on in the memory of a parent that was killed
 * Prints the calls that it has made.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

static int n, calls;
static struct shared {
    atomic_long made;
    atomic_int over;
    pthread_barrier_t together; /* waiting costs nothing: thousands do */
} * shared;

OWN_FRAME void crowd_work(void) {
    for (int i = 0; i < calls; i++)
        free(opaque(malloc(24 + (size_t)i % 64)));
    atomic_fetch_add(&shared->made, calls);
    atomic_fetch_add(&shared->over, 1);
}

static void wait_for(atomic_int *count, int wanted) {
    const struct timespec moment = {0, 2000000};
    while (atomic_load(count) < wanted)
        nanosleep(&moment, NULL);
}

enum meeting { NOT, BEFORE, AFTER };

static void child(enum meeting meet) {
    if (meet == BEFORE)
        pthread_barrier_wait(&shared->together);
    crowd_work();
    if (meet == AFTER)
        pthread_barrier_wait(&shared->together);
    _exit(0);
}

static void forks(int at_once, enum meeting meet) {
    int running = 0;
    for (int i = 0; i < n; i++) {
        if (running == at_once && wait(NULL) > 0)
            running--;
        pid_t pid = fork();
        if (pid == 0)
            child(meet);
        if (pid < 0) {
            perror("fork");
            exit(1);
        }
        running++;
    }
    while (wait(NULL) > 0)
        ;
}

static void orphans(void) {
    for (int i = 0; i < n; i++) {
        pid_t middle = fork();
        if (middle == 0) {
            pid_t parent = getpid();
            if (fork() != 0)
                _exit(0);
            while (getppid() == parent)
                sched_yield();
            child(NOT);
        }
        waitpid(middle, NULL, 0);
    }
    wait_for(&shared->over, n);
}

static void *thread(void *all) {
    if (all)
        pthread_barrier_wait(&shared->together);
    crowd_work();
    return NULL;
}

static void threads(int at_once) {
    pthread_attr_t small;
    pthread_t *ids = calloc((size_t)n, sizeof *ids);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < n; i++) {
        if (pthread_create(&ids[i], &small, thread, at_once ? &n : NULL)) {
            perror("pthread_create");
            exit(1);
        }
        if (!at_once)
            pthread_join(ids[i], NULL);
    }
    for (int i = 0; i < n && at_once; i++)
        pthread_join(ids[i], NULL);
    free(ids);
}

static void *late(void *unused) {
    const struct timespec while_ = {0, 500000000};
    (void)unused;
    nanosleep(&while_, NULL);
    crowd_work();
    if (atomic_load(&shared->over) == n) {
        printf("%ld\n", atomic_load(&shared->made));
        fflush(stdout);
    }
    return NULL;
}

static void leaderless(void) {
    pthread_t id;
    for (int i = 0; i < n; i++)
        pthread_create(&id, NULL, late, NULL);
    pthread_exit(NULL);
}

static int in_memory_of_the_dead(void *unused) {
    const struct timespec while_ = {0, 300000000};
    (void)unused;
    nanosleep(&while_, NULL);
    crowd_work();
    _exit(0);
}

static void in_shared_memory(void) {
    for (int i = 0; i < n; i++) {
        pid_t parent = fork();
        if (parent == 0) {
            static char stack[1 << 16] __attribute__((aligned(16)));
            crowd_work();
            clone(in_memory_of_the_dead, stack + sizeof stack, CLONE_VM, NULL);
            kill(getpid(), SIGKILL);
        }
        waitpid(parent, NULL, 0);
    }
    wait_for(&shared->over, 2 * n);
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    n = argc > 2 ? atoi(argv[2]) : 1;
    calls = argc > 3 ? atoi(argv[3]) : 1;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t between;
    if (shared == MAP_FAILED || n < 1)
        return 1;
    pthread_barrierattr_init(&between);
    pthread_barrierattr_setpshared(&between, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->together, &between, (unsigned)n);
    if (strcmp(how, "forks") == 0)
        forks(4, NOT);
    else if (strcmp(how, "alive") == 0)
        forks(n, BEFORE);
    else if (strcmp(how, "holding") == 0)
        forks(n, AFTER);
    else if (strcmp(how, "orphans") == 0)
        orphans();
    else if (strcmp(how, "threads") == 0)
        threads(n);
    else if (strcmp(how, "short-threads") == 0)
        threads(0);
    else if (strcmp(how, "leaderless") == 0)
        leaderless();
    else if (strcmp(how, "shared") == 0)
        in_shared_memory();
    else
        return 2;
    printf("%ld\n", atomic_load(&shared->made));
    return 0;
}
