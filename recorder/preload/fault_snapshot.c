/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots: at an ordered site this process is copied, the copy gets the failure and the
 * original goes on. The protocol is drawn in shm.h ("Snapshots").
 *
 *   first process    clone(CLONE_PARENT)    the copy is the worker's child, as we are
 *   any other        clone ─► clone, exit   adopted by the worker, the nearest subreaper
 *
 * Neither shows to the program: the intermediate's exit signal is 0, so no wait() without
 * __WALL and no SIGCHLD handler meets it; libc's fork handlers do not run. Only its own
 * thread exists in a copy, so a process with others is not copied; nor is one whose
 * children, timers or descriptors could not be its copy's too (the worker looks at those).
 *
 * In the copy preload.copy is 1 and struct local is wiped: hooks register nothing, they
 * only decide whether the failure lasts (fault_lasting). Not so where leaks are looked for: a
 * copy then knows its original's blocks and their sites, goes on to watch, and looks when it ends;
 * what it adds to the frame tree, the original writes over. A failure that lasts and has a scope takes
 * calls by their stacks: such a copy keeps its original's tree, too. What asks in it and has none, a new
 * thread or a child, is counted (shm_fault.unseen), and the fault left to a whole run.
 *
 * Who runs it: the thread that called the hook, re-entry flag held. Raw system calls only.
 */
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "arena.h"
#include "fault.h"
#include "fault_snapshot.h"
#include "leak.h"
#include "local.h"
#include "marks.h"
#include "node.h"
#include "preload.h"
#include "scope.h"
#include "stamp.h"
#include "sys.h"
#include "thread.h"

#define BUSY_FOR_NS   10000000000ull
#define BUSY_SLEEP_NS 200000
#define GIVE_WAY_NS   5000000ull

static struct shm_orders *orders_of(void) {
    uint32_t block = preload.orders_block;
    return block ? arena_block(block) : NULL;
}

/* --- may this process be copied? --- */

/* A folder has a link per subfolder, two of its own: /proc/self/task counts threads. */
static bool has_threads(void) {
    struct {
        uint32_t mask, blksize;
        uint64_t attributes;
        uint32_t nlink;
        uint8_t rest[256 - 20];
    } status; /* struct statx up to what is asked for; statx(2) */
    const uint32_t want_nlink = 4;
    long ret = sys_call(SYS_statx, AT_FDCWD, (long)"/proc/self/task", 0, want_nlink,
                        (long)&status, 0);
    return ret < 0 || status.nlink != 3;
}

static bool has_children(void) {
    siginfo_t info;
    return sys_call(SYS_waitid, P_ALL, 0, (long)&info,
                    WEXITED | WNOHANG | WNOWAIT | __WALL, 0, 0) != -ECHILD;
}

static bool has_timer(void) {
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer = {0};
        if (sys_call(SYS_getitimer, which, (long)&timer, 0, 0, 0, 0) < 0 ||
            timer.it_value.tv_sec || timer.it_value.tv_usec)
            return true;
    }
    char one;
    long fd = sys_open("/proc/self/timers", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fd != -ENOENT; /* a kernel without checkpoint/restore: not to be known */
    long got = sys_read(fd, &one, 1);
    sys_close(fd);
    return got != 0;
}

static enum shm_refusal refuses(void) {
    if (sys_is_sandboxed ||
        preload.wiper) /* what a copy must not have, only the kernel wipes */
        return SHM_REFUSED_UNAVAILABLE;
    if (has_threads())
        return SHM_REFUSED_THREADS;
    if (has_children())
        return SHM_REFUSED_CHILDREN;
    if (has_timer())
        return SHM_REFUSED_TIMER;
    return SHM_REFUSED_NOT;
}

/* --- the copy --- */

static bool is_cloexec(uint32_t wanted, int fd) {
    return wanted == SHM_CLOEXEC_AS_IT_IS
               ? sys_call(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) == FD_CLOEXEC
               : wanted == SHM_CLOEXEC_ON;
}

/* Descriptors that the worker made for this process replace those that it has.
 * Return: whether all are in place; an end without a message means "do not". */
static bool take_descriptors(int socket) {
    struct shm_copy_message message;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(SHM_COPY_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec body = {&message, sizeof message};
    struct msghdr m = {.msg_iov = &body,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control};
    long got;
    do
        got = sys_call(SYS_recvmsg, socket, (long)&m, MSG_CMSG_CLOEXEC, 0, 0, 0);
    while (got == -EINTR);
    if (got != (long)sizeof message || message.n > SHM_COPY_DESCRIPTORS ||
        (m.msg_flags & MSG_CTRUNC)) /* no room for them */
        return false;
    const int *given = (const int *)(const void *)CMSG_DATA(&control.head);
    for (uint32_t i = 0; i < message.n; i++) {
        int fd = message.place[i].fd;
        bool cloexec = is_cloexec(message.place[i].cloexec, fd);
        if (sys_call(SYS_dup3, given[i], fd, cloexec ? O_CLOEXEC : 0, 0, 0, 0) < 0)
            return false;
        sys_close(given[i]);
    }
    return true;
}

/* Who is copied, by which call? */
struct copied {
    struct thread *thread;
    uint32_t node;
    bool watched; /* SHM_LEAKS, and the copy is to look for leaks */
    bool seeing;  /* the copy looks at stacks: watched, or its failure has a scope */
};

static void prove(const struct shm_order *order, const struct copied *from) {
    struct shm_fault *fault = &preload.arena->faults[0];
    fault->hits = order->occurrence;
    fault->fired_time = stamp_now();
    fault->fired_size = order->fired_size;
    fault->fired_pid = sys_getpid();
    fault->fired_tid = sys_gettid();
    fault->fired_process = preload.process_block;
    fault->fired_node = from->seeing ? from->node : 0;
    fault_prove(0);
}

/* What fork() wipes. Return: whether all of it will be treated as @advice says. */
static bool advise_ours(struct thread *thread, int advice) {
    bool taken = sys_madvise(local, sizeof *local, advice) == 0;
    taken &= thread_advise(thread, advice);
    return node_advise(advice) && taken;
}

/* It goes on where its original was, under its own numbers; what it forks is nobody's. */
static void see_on(struct thread *thread) {
    advise_ours(thread, MADV_WIPEONFORK);
    local->pid = sys_getpid();
    thread->tid = sys_gettid();
    preload.flags |=
        SHM_FAULTS; /* a lasting failure is met where those of a whole run are */
}

/* Never returns when it cannot be a copy: then it must not run on as a second original. */
static void become_copy(const struct shm_order *order, const struct copied *from,
                        const int pair[2]) {
    /* kill(0, ...) of an error path must not reach the original */
    sys_call(SYS_setpgid, 0, 0, 0, 0, 0, 0);
    if (!take_descriptors(pair[1]))
        sys_call(SYS_exit_group, 127, 0, 0, 0, 0, 0);
    sys_close(pair[0]);
    sys_close(pair[1]);
    preload.copy = 1;
    preload.flags &= ~(uint32_t)(SHM_SNAPSHOT | SHM_COUNT_SITES | SHM_EVENTS);
    if (!from->watched)
        preload.flags &= ~(uint32_t)SHM_LEAKS;
    if (from->seeing)
        see_on(from->thread);
    if (from->watched)
        leak_copied();
    if (order->mode == SHM_FAULT_STICKY)
        store_release(&preload.sticky, 1);
    if (order->mode == SHM_FAULT_BURST && order->burst > 1)
        store_release(&preload.burst_left, order->burst - 1);
    if (!from->watched)
        preload.most = order->most;
    prove(order, from);
    dearth_fault_injected();
}

/* A copy has another process id than its original. A program that compares it with what it was told before
 * (are these temporary files mine to remove?) does something else in a copy than in a whole run. */
EXPORT pid_t getpid(void) {
    pid_t pid = (pid_t)sys_getpid();
    struct shm_orders *orders;
    if (likely(!preload.copy)) {
        if (!load_relaxed(&preload.knows_pid))
            store_relaxed(&preload.knows_pid, 1);
    } else if (preload.knows_pid && (orders = orders_of()) &&
               preload.arena->faults[0].fired_pid == (uint32_t)pid) {
        store_relaxed(&orders->asked_pid, 1);
    }
    return pid;
}

/* --- the original --- */

/* Return: > 0 in the original, 0 in the copy, or -errno. */
static long clone_nested(void) {
    long pid = arch_clone(0);
    if (pid == 0) {
        long copy = arch_clone(0);
        if (copy == 0)
            return 0;
        sys_call(SYS_exit_group, copy < 0, 0, 0, 0, 0, 0);
    }
    long ret = pid;
    int status;
    while (pid > 0 &&
           (ret = sys_call(SYS_wait4, pid, (long)&status, __WALL, 0, 0, 0)) == -EINTR)
        ;
    return ret;
}

/* One process of a tree at a time; who comes second waits as long as the other's copy runs, which is
 * stopped meanwhile and needs nothing of us. Return: whether it is our turn. */
static bool ask(struct shm_orders *orders) {
    if (likely(cas(&orders->asked, 0, SHM_ASKING)))
        return true;
    for (uint64_t begin = arena_now_ns(); arena_now_ns() - begin < BUSY_FOR_NS;) {
        store_relaxed(&orders->waited, 1);
        arena_sleep(BUSY_SLEEP_NS);
        if (!load_relaxed(&orders->asked) && cas(&orders->asked, 0, SHM_ASKING)) {
            store_relaxed(&orders->waited, 0);
            return true;
        }
    }
    return false;
}

/* Whoever has just asked would be the first to ask again, and what it is copied for may want the other one
 * to have done its part: an end of a pipe that is written to and closed. */
static void give_way(struct shm_orders *orders) {
    if (!load_relaxed(&orders->waited) || !swap(&orders->waited, 0))
        return;
    for (uint64_t begin = arena_now_ns();
         !load_relaxed(&orders->asked) && arena_now_ns() - begin < GIVE_WAY_NS;)
        arena_sleep(BUSY_SLEEP_NS);
}

static bool is_nested(void) {
    return (uint32_t)sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0) != preload.arena->worker_pid;
}

/* Return: as clone_nested(). */
static long clone_as(bool nested, const struct copied *from) {
    if (from->seeing && !advise_ours(from->thread, MADV_KEEPONFORK)) {
        advise_ours(from->thread, MADV_WIPEONFORK);
        return -EINVAL;
    }
    long pid = nested ? clone_nested() : arch_clone(CLONE_PARENT);
    if (from->seeing && pid)
        advise_ours(from->thread, MADV_WIPEONFORK);
    return pid;
}

/* The copy has removed files that are open here: they were made anew. Without them this would be another
 * run than that without copies, and ends so that it is taken for one. */
static void renew_descriptors(struct shm_orders *orders, int socket) {
    if (!load_acquire(&orders->renewed))
        return;
    if (!take_descriptors(socket))
        sys_call(SYS_exit_group, 127, 0, 0, 0, 0, 0);
    store_release(&orders->renewed, 0);
}

/* Return: whether this is the copy. */
static bool make_copy(struct shm_orders *orders, uint32_t i, const struct copied *from) {
    struct shm_order *order = &orders->orders[i];
    int pair[2];
    if (sys_call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (long)pair, 0,
                 0) < 0) {
        store_release(&order->refusal, SHM_REFUSED_LIMIT);
        return false;
    }
    if (!ask(orders)) {
        sys_close(pair[0]);
        sys_close(pair[1]);
        store_release(&order->refusal, SHM_REFUSED_BUSY);
        return false;
    }
    bool nested = is_nested();
    orders->pid = (int32_t)sys_getpid();
    orders->channel = pair[0];
    orders->own = pair[1];
    orders->nested = nested;
    store_release(&orders->asked, i + 1);
    long pid = clone_as(nested, from);
    if (pid == 0) {
        become_copy(order, from, pair);
        return true;
    }
    if (pid > 0)
        renew_descriptors(orders, pair[1]);
    store_release(&orders->asked, 0);
    if (pid < 0)
        store_release(&order->refusal, SHM_REFUSED_LIMIT);
    else
        add_relaxed(&orders->copies, 1);
    sys_close(pair[0]);
    sys_close(pair[1]);
    give_way(orders);
    return false;
}

/* An order for a site that was refused before may still be met by another process, or by
 * this one when its threads have ended. */
static bool take(struct shm_orders *orders, uint32_t i, uint64_t size,
                 struct copied *from) {
    struct shm_order *order = &orders->orders[i];
    if (__atomic_add_fetch(&order->hits, 1, __ATOMIC_ACQ_REL) != order->occurrence)
        return false;
    enum shm_refusal refusal = refuses();
    if (refusal != SHM_REFUSED_NOT) {
        store_release(&order->refusal, refusal);
        return false;
    }
    order->fired_size = size;
    from->watched = order->leaks && preload.flags & SHM_LEAKS;
    from->seeing = from->watched || (scope_given() && order->mode != SHM_FAULT_ONCE);
    return make_copy(orders, i, from);
}

bool fault_snapshot_due(struct thread *thread, uint32_t node, uint64_t size) {
    struct shm_orders *orders = orders_of();
    struct copied from = {.thread = thread, .node = node};
    if (!orders || !node || marks_forbid())
        return false;
    struct dearth_key key = node_at(node)->key;
    const uint32_t mask = SHM_ORDER_INDEX - 1;
    uint32_t n = orders->n < SHM_MAX_ORDERS ? orders->n : SHM_MAX_ORDERS;
    uint32_t at = (uint32_t)key.lo & mask;
    for (uint32_t i = 0; i <= mask && orders->index[at]; i++, at = (at + 1) & mask) {
        uint32_t first = orders->index[at] - 1u;
        if (first >= n || !key_equal(orders->orders[first].site, key))
            continue;
        for (uint32_t k = first; k < n && key_equal(orders->orders[k].site, key); k++)
            if (take(orders, k, size, &from))
                return true;
        return false;
    }
    return false;
}
