/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw system calls.
 *
 * libc's wrappers set errno, are cancellation points, may be interposed by the target and
 * some are not there before libc is up. None of that is true of the instruction itself.
 *
 * Return value everywhere: what the kernel returns, errors as -errno.
 * Context: any thread, any signal handler, any moment of the process's life.
 */
#ifndef DEARTH_PRELOAD_SYS_H
#define DEARTH_PRELOAD_SYS_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "arch.h"
#include "memlock.h"
#include "sandbox.h"

static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f) {
    return arch_call(nr, a, b, c, d, e, f);
}

static inline long sys_open(const char *path, int flags) {
    return sys_call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0, 0);
}

static inline void sys_close(long fd) {
    sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long sys_read(long fd, void *buf, size_t n) {
    return sys_call(SYS_read, fd, (long)buf, (long)n, 0, 0, 0);
}

/** Map memory. Return: the address, NULL when the kernel refuses, or may not be asked. */
static inline void *sys_mmap_from(size_t n, int flags, long fd, uint64_t offset) {
    if (__builtin_expect(sandbox_is_strict, 0))
        return NULL;
    if (__builtin_expect(sys_is_locked, 0) && flags & MAP_PRIVATE) {
        void *unlocked = memlock_map(n);
        if (unlocked)
            return unlocked;
    }
    long p = sys_call(SYS_mmap, 0, (long)n, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE,
                      fd, (long)offset);
    return p < 0 && p > -4096 ? NULL : (void *)p;
}
static inline void *sys_mmap(size_t n, int flags, long fd) {
    return sys_mmap_from(n, flags, fd, 0);
}

static inline void sys_munmap(void *p, size_t n) {
    sys_call(SYS_munmap, (long)p, (long)n, 0, 0, 0, 0);
}

static inline long sys_madvise(void *p, size_t n, int advice) {
    return sys_call(SYS_madvise, (long)p, (long)n, advice, 0, 0, 0);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/** Map the pages of a private range at once, before they are written to one by one. Kernels before
 * 5.14 refuse: nothing is lost then but time. */
static inline void sys_populate(void *p, size_t n) {
    if (!sys_is_sandboxed)
        sys_call(SYS_madvise, (long)p, (long)n, MADV_POPULATE_WRITE, 0, 0, 0);
}

/* Not in a sandbox: there, struct local has it, and in a child that is not registered yet the
 * thread is the main one. */
static inline uint32_t sys_getpid(void) {
    return (uint32_t)sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static inline uint32_t sys_gettid(void) {
    if (__builtin_expect(sys_is_sandboxed, 0))
        return sandbox_tid();
    return (uint32_t)sys_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static inline long sys_tgkill(uint32_t pid, uint32_t tid, int sig) {
    return sys_call(SYS_tgkill, pid, tid, sig, 0, 0, 0);
}

static inline long sys_kill(uint32_t pid, int sig) {
    return sys_call(SYS_kill, pid, sig, 0, 0, 0, 0);
}

static inline void sys_sleep_ns(long ns) {
    struct timespec t = {.tv_sec = 0, .tv_nsec = ns};
    sys_call(SYS_nanosleep, (long)&t, 0, 0, 0, 0, 0);
}

/* Valgrind complains about the trick below. Set once, in process_start(). */
extern int sys_is_valgrind;

/**
 * Tell whether the 8 bytes at @p can be read, without reading them here.
 * rt_sigprocmask copies the set in before it looks at `how`: a bad address is EFAULT, a
 * good one is EINVAL, and nothing is changed. Source: the technique is libunwind 1.7's.
 */
static inline int sys_readable(const void *p) {
    const long bad_how = -1;
    if (__builtin_expect(sys_is_sandboxed, 0))
        return sandbox_readable(p);
    if (sys_is_valgrind) {
        uint64_t word;
        struct iovec to = {&word, sizeof word},
                     from = {(void *)(uintptr_t)p, sizeof word};
        return sys_call(SYS_process_vm_readv, sys_getpid(), (long)&to, 1, (long)&from, 1,
                        0) == sizeof word;
    }
    return sys_call(SYS_rt_sigprocmask, bad_how, (long)p, 0, 8, 0, 0) != -14 /* EFAULT */;
}

#endif
