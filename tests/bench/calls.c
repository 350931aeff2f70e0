/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing but calls: THREADS threads, each LOOPS times malloc and free, DEPTH functions deep; then one last
 * allocation, at a place of its own, whose failure is handled. Prints nanoseconds per malloc and free of
 * a thread.
 *
 *   calls LOOPS DEPTH THREADS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long loops;
static int depth;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static __attribute__((noinline)) void work(void) {
    for (long i = 0; i < loops; i++) {
        void *volatile p = malloc(16 + (size_t)(i % 64));
        free(p);
    }
}

static __attribute__((noinline)) void descend(int left) {
    if (left > 0)
        descend(left - 1);
    else
        work();
    __asm__ volatile(""); /* no tail call */
}

static void *run(void *unused) {
    descend(depth);
    return unused;
}

static __attribute__((noinline)) void last(void) {
    void *volatile p = malloc(4096);
    free(p);
}

int main(int argc, char **argv) {
    pthread_t threads[64];
    if (argc != 4 || (loops = atol(argv[1])) < 1 || (depth = atoi(argv[2])) < 0)
        return 2;
    int n = atoi(argv[3]);
    double begin = now();
    for (int i = 1; i < n && i < 64; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    run(NULL);
    for (int i = 1; i < n && i < 64; i++)
        pthread_join(threads[i], NULL);
    printf("%.1f\n", (now() - begin) / (double)loops);
    last();
    return 0;
}
