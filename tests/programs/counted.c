/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: counts what it does in memory of its own that outlives it, so that what a
 * recording says of a program that was killed can be compared with what it did.
 *
 * usage: counted series N SEED      N children, each killed by SIGKILL at a random moment
 *        counted run FILE THREADS CALLS [SECONDS]   until each thread has made CALLS calls and
 *                           SECONDS have passed; FILE: counters
 *        counted print FILE
 * Prints, for each child (or the one process): its pid, then begun and done of malloc
 * calls, bytes asked of it, free calls and realloc calls. A call that the signal met under way
 * is begun and not done: a recording may have it or not.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

#define THREADS 4
#define BLOCKS  64

struct counts {
    uint64_t malloc_begun, malloc_done, bytes_begun, bytes_done;
    uint64_t free_begun, free_done, realloc_begun, realloc_done;
};

struct slot {
    int64_t pid;
    struct counts threads[THREADS];
};

struct worker {
    pthread_t id;
    struct counts *counts;
    uint64_t seed, calls;
};

#define COUNT(field, n) __atomic_store_n(&(field), (field) + (n), __ATOMIC_SEQ_CST)

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

OWN_FRAME void *make(struct counts *c, size_t size) {
    COUNT(c->bytes_begun, size);
    COUNT(c->malloc_begun, 1);
    void *p = opaque(malloc(size));
    COUNT(c->malloc_done, 1);
    COUNT(c->bytes_done, size);
    return p;
}

OWN_FRAME void end(struct counts *c, void *p) {
    COUNT(c->free_begun, 1);
    free(opaque(p));
    COUNT(c->free_done, 1);
}

OWN_FRAME void *resize(struct counts *c, void *p, size_t size) {
    COUNT(c->realloc_begun, 1);
    p = opaque(realloc(p, size));
    COUNT(c->realloc_done, 1);
    return p;
}

static void *work(void *argument) {
    struct worker *w = argument;
    void *blocks[BLOCKS] = {0};
    for (uint64_t i = 0; i < w->calls; i++) {
        uint64_t r = next_random(&w->seed);
        void **block = &blocks[r % BLOCKS];
        size_t size = r >> 8 & 511;
        if (!*block)
            *block = make(w->counts, size + 1);
        else if (r >> 60)
            end(w->counts, *block), *block = NULL;
        else
            *block = resize(w->counts, *block, size + 1);
    }
    return NULL;
}

static void run(struct slot *slot, int threads, uint64_t calls, uint64_t seed) {
    struct worker workers[THREADS];
    for (int i = 0; i < threads; i++)
        workers[i] = (struct worker){.counts = &slot->threads[i],
                                     .seed = seed * 4 + (uint64_t)i + 1,
                                     .calls = calls};
    for (int i = 1; i < threads; i++)
        if (pthread_create(&workers[i].id, NULL, work, &workers[i]) != 0)
            _exit(3);
    work(&workers[0]);
    for (int i = 1; i < threads; i++)
        pthread_join(workers[i].id, NULL);
}

static void print(const struct slot *slot) {
    uint64_t sums[sizeof(struct counts) / sizeof(uint64_t)] = {0};
    for (int i = 0; i < THREADS; i++)
        for (size_t k = 0; k < sizeof sums / sizeof *sums; k++)
            sums[k] += ((const uint64_t *)&slot->threads[i])[k];
    printf("%lld", (long long)slot->pid);
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++)
        printf(" %llu", (unsigned long long)sums[k]);
    printf("\n");
}

static int series(int n, uint64_t seed) {
    struct slot *slots = mmap(NULL, (size_t)n * sizeof *slots, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED)
        return 2;
    for (int i = 0; i < n; i++) {
        long ns = (long)(next_random(&seed) % 4000000);
        struct timespec pause = {0, ns};
        pid_t pid = fork();
        if (pid < 0)
            return 2;
        if (!pid) {
            end(&slots[i].threads[0],
                make(&slots[i].threads[0], 1)); /* it is known now */
            __atomic_store_n(&slots[i].pid, getpid(), __ATOMIC_SEQ_CST);
            run(&slots[i], 1 + i % 3, UINT64_MAX, seed);
        }
        while (!__atomic_load_n(&slots[i].pid, __ATOMIC_SEQ_CST))
            usleep(50);
        nanosleep(&pause, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    for (int i = 0; i < n; i++)
        print(&slots[i]);
    return 0;
}

static struct slot *map_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct slot)) < 0)
        return NULL;
    void *p = mmap(NULL, sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "series") == 0)
        return series(atoi(argv[2]), strtoull(argv[3], NULL, 10) * 2654435761u + 1);
    struct slot *slot = argc > 2 ? map_file(argv[2]) : NULL;
    if (!slot)
        return 2;
    if (argc >= 5 && strcmp(argv[1], "run") == 0) {
        slot->pid = getpid();
        run(slot, atoi(argv[3]) % (THREADS + 1), strtoull(argv[4], NULL, 10), 7);
        if (argc > 5)
            sleep((unsigned)atoi(argv[5]));
    } else {
        print(slot);
    }
    return 0;
}
