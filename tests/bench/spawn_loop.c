/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare cost of starting a program: what `dearth replay` is compared with.
 *
 *   spawn_loop JOBS N PROGRAM ARGUMENT...
 *
 * Runs the program N times, JOBS at a time, as cheaply as Linux can (vfork, exec, wait), and prints
 * the number of executions per second. Standard input and output of the program are /dev/null, its
 * standard error too; its status does not matter, but that it can be started does. With EACH=NAME in the
 * environment each execution has a variable NAME of its own: its number, from 1, in steps of $EACH_STEP (1); $EACH_PRELOAD is
 * what they have as LD_PRELOAD.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_one(void) {
    while (wait(NULL) < 0 && errno == EINTR)
        ;
}

/* For run @i, when each has a number. */
static void number(const char *each, long i) {
    char text[32];
    if (!each)
        return;
    const char *step = getenv("EACH_STEP");
    snprintf(text, sizeof text, "%ld", 1 + i * (step ? atol(step) : 1));
    setenv(each, text, 1);
}

int main(int argc, char **argv) {
    if (argc < 4 || atoi(argv[1]) < 1 || atol(argv[2]) < 1) {
        fprintf(stderr, "usage: spawn_loop JOBS N PROGRAM [ARGUMENT]...\n");
        return 2;
    }
    int jobs = atoi(argv[1]), running = 0;
    long n = atol(argv[2]);
    posix_spawn_file_actions_t null;
    posix_spawn_file_actions_init(&null);
    posix_spawn_file_actions_addopen(&null, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&null, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&null, 2, "/dev/null", O_WRONLY, 0);
    const char *each = getenv("EACH"), *preload = getenv("EACH_PRELOAD");
    if (preload)
        setenv("LD_PRELOAD", preload, 1);
    double start = now();
    for (long i = 0; i < n; i++) {
        pid_t pid;
        if (running == jobs) {
            wait_one();
            running--;
        }
        number(each, i);
        int err = posix_spawnp(&pid, argv[3], &null, NULL, argv + 3, environ);
        if (err) {
            fprintf(stderr, "spawn_loop: %s: %s\n", argv[3], strerror(err));
            return 2;
        }
        running++;
    }
    for (; running; running--)
        wait_one();
    printf("%.1f\n", (double)n / (now() - start));
    return 0;
}
