/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that testing a site in a copy can cost: what floor.sh compares `dearth replay --how snapshot` with.
 *
 *   call ─► stack seen before? ─ yes ─► libc
 *               │ no: a site
 *               └─► clone ─┬─ copy:     files of its own, the call fails, the program goes on to its end
 *                          └─ original: waits for it, then libc
 *
 * Nothing is recorded, judged, limited (but by alarm), kept apart or read. Calls of the first process's malloc, calloc
 * and realloc alone; clone without rewriting the thread's id, so that locks stay their owner's; no exit signal, so that
 * the program's wait() does not meet it. x86-64 and AArch64, glibc.
 *
 *   FLOOR=look   stacks are looked at, nothing is copied
 *   FLOOR=copy   each site once in a copy
 *   FLOOR_OUT    file to which a line is added at exit: sites, then microseconds of user and system time of
 *                the original, and of its copies
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

enum {
    MOST_FRAMES = 256,
    MOST_SITES = 1 << 16,
    MOST_FILES = 64,
    LIMIT_S = 2 /* of a copy: dearth's least */
};

static uint64_t seen[MOST_SITES * 2]; /* open addressing; 0 = free */
static unsigned long sites;
static bool counts, copies, busy, is_copy;
static pid_t first;

/* --- sites --- */

/* A call that is on the path already leads back to where it was: recursion alone is no other site. */
static int fold(void **frames, int n) {
    int kept = 0;
    for (int i = n;
         i-- > 0;) { /* outermost first, in place: what is kept is behind what is read */
        int at = n - kept;
        while (at < n && frames[at] != frames[i])
            at++;
        if (at < n)
            kept = n - at;
        else
            frames[n - ++kept] = frames[i];
    }
    return kept;
}

static bool is_new(void) {
    void *frames[MOST_FRAMES];
    int n = backtrace(frames, MOST_FRAMES) - 2; /* ours */
    int kept = n > 0 ? fold(frames + 2, n) : 0;
    uint64_t key = 14695981039346656037u; /* FNV-1a, a word at a time */
    for (int i = n - kept; i < n; i++) {
        key = (key ^ (uint64_t)frames[2 + i]) * 1099511628211u;
        key ^= key >> 29;
    }
    key |= 1;
    unsigned at = (unsigned)(key >> 20) % (MOST_SITES * 2);
    while (seen[at] && seen[at] != key)
        at = (at + 1) % (MOST_SITES * 2);
    if (seen[at] || sites == MOST_SITES)
        return false;
    seen[at] = key;
    sites++;
    return true;
}

/* --- copies --- */

/* A position in a file would be shared with the original; what is printed goes nowhere. */
static void take_files(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < MOST_FILES; fd++) {
        struct stat status;
        char path[32];
        int flags = fd == null ? -1 : fcntl(fd, F_GETFL);
        if (flags < 0)
            continue;
        if ((flags & O_ACCMODE) != O_RDONLY) {
            dup2(null, fd);
            continue;
        }
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int again = open(path, O_RDONLY | O_CLOEXEC);
        lseek(again, lseek(fd, 0, SEEK_CUR), SEEK_SET);
        dup3(again, fd, fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);
        close(again);
    }
    close(null);
}

/* Return: whether this is the copy. */
static bool copy(void) {
    long pid = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (pid == 0) {
        is_copy = true;
        alarm(LIMIT_S);
        take_files();
        return true;
    }
    while (pid > 0 && waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return false;
}

static bool fails(void) {
    if (is_copy || busy || !counts)
        return false;
    int before = errno;
    busy = true;
    bool failing = is_new() && copies && getpid() == first && copy();
    busy = false;
    errno = failing ? ENOMEM : before;
    return failing;
}

/* --- what is called --- */

void *malloc(size_t n) {
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t n) {
    return (n || !block) && fails() ? NULL : __libc_realloc(block, n);
}

__attribute__((constructor)) static void start(void) {
    const char *how = getenv("FLOOR");
    void *frames[4];
    struct rlimit none = {0, 0};
    unsetenv("LD_PRELOAD");
    setrlimit(RLIMIT_CORE, &none);
    backtrace(frames, 4); /* loads what it needs */
    first = getpid();
    copies = how && strcmp(how, "copy") == 0;
    counts = how != NULL;
}

static long long us(struct timeval t) {
    return t.tv_sec * 1000000LL + t.tv_usec;
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("FLOOR_OUT");
    struct rusage own, of_copies;
    counts = false;
    if (is_copy || getpid() != first || !path)
        return;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &of_copies);
    FILE *file = fopen(path, "a");
    if (!file)
        return;
    fprintf(file, "%lu %lld %lld %lld %lld\n", sites, us(own.ru_utime), us(own.ru_stime),
            us(of_copies.ru_utime), us(of_copies.ru_stime));
    fclose(file);
}
