/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preload library for dearth, not for its targets: says how much processor time each of its own processes took, for
 * floor.sh. Its workers are forked and end by _exit(); what they start does not have it.
 *
 *   OWN_TIME   file to which a line is added by each: "main" or "worker", microseconds of user and of system
 *              time, and of the main process's own the same of all that it waited for
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static pid_t first;
static int file = -1; /* opened early: a worker's tree is another */

static long long us(struct timeval t) {
    return t.tv_sec * 1000000LL + t.tv_usec;
}

static void say(void) {
    struct rusage own, others;
    if (file < 0)
        return;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &others);
    dprintf(file, "%s %lld %lld %lld %lld\n", getpid() == first ? "main" : "worker",
            us(own.ru_utime), us(own.ru_stime), us(others.ru_utime), us(others.ru_stime));
    close(file);
    file = -1;
}

__attribute__((noreturn)) void _exit(int status) {
    void (*real)(int) = (void (*)(int))dlsym(RTLD_NEXT, "_exit");
    say();
    real(status);
    __builtin_unreachable();
}

__attribute__((constructor)) static void start(void) {
    const char *to = getenv("OWN_TIME");
    if (to)
        file = open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    first = getpid();
    unsetenv("LD_PRELOAD");
    unsetenv("OWN_TIME");
}

__attribute__((destructor)) static void end(void) {
    say();
}
