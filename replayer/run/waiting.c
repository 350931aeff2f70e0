/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread waits for: see waiting.h.
 *
 *   /proc/TID/syscall   "202 0x7f.. 0x80 0x2 0x0 ..."   number and arguments while it sleeps
 *                       "running"                       else; "-1 ..." when it sleeps elsewhere
 */
#include "waiting.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CALL_BYTES = 64, N_ARGUMENTS = 6 };

struct call {
    long number;
    unsigned long long arguments[N_ARGUMENTS];
};

static bool read_call(pid_t tid, struct call *call) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", tid, tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    line[n > 0 ? n : 0] = 0;
    char *p = line;
    call->number = strtol(line, &p, 10);
    if (p == line || call->number < 0)
        return false;
    for (int i = 0; i < N_ARGUMENTS; i++)
        call->arguments[i] = strtoull(p, &p, 16);
    return true;
}

/* Calls that wait, and which argument is the descriptor they wait for; -1 = none. */
static const struct {
    long number;
    const char *name;
    int descriptor;
} calls[] = {
    {SYS_read, "read", 0},
    {SYS_readv, "readv", 0},
    {SYS_write, "write", 0},
    {SYS_writev, "writev", 0},
    {SYS_recvfrom, "recvfrom", 0},
    {SYS_recvmsg, "recvmsg", 0},
    {SYS_sendto, "sendto", 0},
    {SYS_sendmsg, "sendmsg", 0},
    {SYS_accept, "accept", 0},
    {SYS_accept4, "accept4", 0},
    {SYS_connect, "connect", 0},
    {SYS_flock, "flock", 0},
    {SYS_fcntl, "fcntl", 0},
    {SYS_epoll_pwait, "epoll_wait", 0},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait", 0},
    {SYS_poll, "poll", -1},
    {SYS_select, "select", -1},
    {SYS_pause, "pause", -1},
#endif
    {SYS_ppoll, "poll", -1},
    {SYS_pselect6, "select", -1},
    {SYS_nanosleep, "nanosleep", -1},
    {SYS_clock_nanosleep, "nanosleep", -1},
    {SYS_futex, "futex", -1},
    {SYS_wait4, "wait4", -1},
    {SYS_waitid, "waitid", -1},
    {SYS_rt_sigsuspend, "sigsuspend", -1},
    {SYS_rt_sigtimedwait, "sigtimedwait", -1},
    {SYS_semop, "semop", -1},
    {SYS_msgrcv, "msgrcv", -1},
};

static const char *kind_of_file(pid_t tid, unsigned long long fd,
                                char to[static PATH_MAX]) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%llu", tid, fd);
    ssize_t n = readlink(path, to, PATH_MAX - 1);
    to[n > 0 ? n : 0] = 0;
    return n <= 0                                ? "closed"
           : strncmp(to, "pipe:", 5) == 0        ? "a pipe"
           : strncmp(to, "socket:", 7) == 0      ? "a socket"
           : strncmp(to, "anon_inode:", 11) == 0 ? to + 11
                                                 : to;
}

/* Source: futex(2), FUTEX_PRIVATE_FLAG left out: these take a time limit, NULL for none. glibc waits
 * for locks with the first and the second, for conditions and threads with the third. */
enum { FUTEX_WAIT_OP = 0, FUTEX_LOCK_PI_OP = 6, FUTEX_WAIT_BITSET_OP = 9 };

static unsigned futex_op(const struct call *call) {
    return (unsigned)call->arguments[1] & 127u;
}

static bool is_lock(const struct call *call) {
    return futex_op(call) == FUTEX_WAIT_OP || futex_op(call) == FUTEX_LOCK_PI_OP;
}

static bool waits_for_ever(const struct call *call) {
    return call->arguments[3] == 0 &&
           (is_lock(call) || futex_op(call) == FUTEX_WAIT_BITSET_OP);
}

static void describe(pid_t tid, const struct call *call, char *out) {
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (calls[i].number != call->number)
            continue;
        char to[PATH_MAX];
        int at = calls[i].descriptor;
        if (call->number == SYS_futex)
            snprintf(out, CALL_BYTES, "futex (%s)",
                     is_lock(call) ? "a lock" : "a condition, or the end of a thread");
        else if (at >= 0)
            snprintf(out, CALL_BYTES, "%s (%llu, %.40s)", calls[i].name,
                     call->arguments[at] & 0xffffffffu,
                     kind_of_file(tid, call->arguments[at] & 0xffffffffu, to));
        else
            snprintf(out, CALL_BYTES, "%s", calls[i].name);
        return;
    }
    snprintf(out, CALL_BYTES, "system call %ld", call->number);
}

int waiting_reads(pid_t tid) {
    struct call call;
    return read_call(tid, &call) && call.number == SYS_read ? (int)call.arguments[0] : -1;
}

enum waiting waiting_of(pid_t tid, char *out) {
    struct call call;
    if (out)
        out[0] = 0;
    if (!read_call(tid, &call))
        return WAITING_NOT;
    if (out)
        describe(tid, &call, out);
    if (call.number == SYS_futex && waits_for_ever(&call))
        return is_lock(&call) ? WAITING_LOCK : WAITING_EVENT;
    return call.number == SYS_wait4 || call.number == SYS_waitid ? WAITING_CHILDREN
                                                                 : WAITING_OTHER;
}
