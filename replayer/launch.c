/*
 * A worker starts thousands of programs. fork() would copy the page tables of everything
 * that dearth had in memory; so the new process shares our memory (CLONE_VM) on a stack
 * of its own until its exec, as posix_spawn() does. Two ways:
 *
 *   untraced   CLONE_VFORK: we sleep until it has exec'ed or ended
 *   traced     it waits on `go`; we PTRACE_SEIZE it, raise `go`, then follow its stops
 * until PTRACE_EVENT_EXEC says that our memory is ours alone again
 *
 * Everything between clone and exec is plain system calls: no allocation, no stdio, no
 * locks. `errno` is shared meanwhile; in the traced case we only sit in waitpid().
 *
 * The signal mask and the ignored signals that the program gets are those which dearth
 * itself was started with (read before main), not what dearth made of them.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/error.h"
#include "confine.h"

static sigset_t inherited_mask;
static bool inherited_ignored[NSIG], changed[NSIG];

__attribute__((constructor)) static void remember_inherited_signals(void) {
    sigprocmask(SIG_SETMASK, NULL, &inherited_mask);
    for (int sig = 1; sig < NSIG; sig++) {
        struct sigaction action;
        if (sigaction(sig, NULL, &action) == 0)
            inherited_ignored[sig] = action.sa_handler == SIG_IGN;
    }
}

/* Which signals have to be set: most are as they were. Looked at once; only SIGTERM's handler
 * changes in the life of a worker. */
static void find_changed_signals(void) {
    static bool done;
    for (int sig = 1; sig < NSIG && !done; sig++) {
        struct sigaction action;
        if (sigaction(sig, NULL, &action) == 0)
            changed[sig] =
                action.sa_handler != (inherited_ignored[sig] ? SIG_IGN : SIG_DFL);
    }
    changed[SIGTERM] = done = true;
}

static void restore_signals(void) {
    struct sigaction action = {0};
    for (int sig = 1; sig < NSIG; sig++) {
        action.sa_handler = inherited_ignored[sig] ? SIG_IGN : SIG_DFL;
        if (changed[sig])
            sigaction(sig, &action, NULL);
    }
    sigprocmask(SIG_SETMASK, &inherited_mask, NULL);
}

/* No core files, and nothing for a core handler either: a pipe in core_pattern ignores a
 * limit of 0 but honours 1 (fs/coredump.c). */
static void limit_resources(uint64_t memory_limit) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < 1 ? limit.rlim_max : 1;
        setrlimit(RLIMIT_CORE, &limit);
    }
    if (memory_limit && getrlimit(RLIMIT_AS, &limit) == 0) {
        if (limit.rlim_max == RLIM_INFINITY || memory_limit < limit.rlim_max)
            limit.rlim_cur = memory_limit;
        setrlimit(RLIMIT_AS, &limit);
    }
}

/* 0, or errno. Descriptors above 2 of ours are all close-on-exec. */
static int place_stdio(const int stdio[3]) {
    int from[3];
    for (int i = 0; i < 3; i++) {
        from[i] = stdio[i];
        /* one that lies where another has to go is moved up first */
        if (from[i] >= 0 && from[i] < 3 && from[i] != i)
            from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
        if (stdio[i] >= 0 && from[i] < 0)
            return errno;
    }
    for (int i = 0; i < 3; i++) {
        if (from[i] < 0)
            continue;
        if (from[i] == i ? fcntl(i, F_SETFD, 0) < 0 : dup2(from[i], i) < 0)
            return errno;
    }
    return 0;
}

/* A descriptor of the real file could be opened for writing through /proc/self/fd. 0, or errno. */
static int reopen_stdin(const struct launch *launch) {
    if (!launch->stdin_path)
        return 0;
    int fd = open(launch->stdin_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    lseek(fd, (off_t)launch->stdin_offset, SEEK_SET); /* a device stays where it is */
    return dup2(fd, STDIN_FILENO) < 0 ? errno : 0;
}

static int enter(const struct launch *launch) {
    if (launch->dies_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (launch->terminal_fd >= 0) {
        if (setpgid(0, 0) < 0)
            return errno;
        tcsetpgrp(launch->terminal_fd, getpid()); /* SIGTTOU is blocked here */
    } else if (setsid() < 0) {
        return errno;
    }
    int err = place_stdio(launch->stdio);
    if (err)
        return err;
    /* The same addresses in every attempt: less that differs between runs, and what crash.c knows of
     * a module holds for the next crash. Where it is forbidden nothing but that is lost. */
    personality(ADDR_NO_RANDOMIZE);
    if (launch->root_fd >= 0 && (fchdir(launch->root_fd) < 0 || chroot(".") < 0))
        return errno;
    if (launch->cwd && chdir(launch->cwd) < 0)
        return errno;
    limit_resources(launch->memory_limit);
    int err_stdin = reopen_stdin(launch);
    confine_enter();
    return err_stdin;
}

static int become_program(void *argument) {
    struct launch *launch = argument;
    while (__atomic_load_n(&launch->go, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, &launch->go, FUTEX_WAIT, 0, NULL, NULL, 0);
    /* The tracer's PTRACE_O_EXITKILL covers the whole tree; this covers an untraced one.
     */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    launch->error = enter(launch);
    if (launch->error)
        _exit(127);
    restore_signals();
    execve(launch->exe, launch->argv, launch->envp);
    launch->error = errno;
    _exit(127);
}

/* Until exec or end; anything else that stops it on the way is passed on. */
static void follow_to_exec(pid_t pid) {
    for (;;) {
        int status;
        siginfo_t info = {0};
        /* WNOWAIT: an end is left for the attempt's own loop to reap */
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED ||
            info.si_code == CLD_DUMPED)
            return;
        if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
            return;
        int event = status >> 16;
        int sig = event ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)sig);
        if (event == PTRACE_EVENT_EXEC)
            return;
    }
}

int launch_start(struct launch *launch, pid_t *first) {
    enum { STACK_BYTES = 64 * 1024 };
    static char *stack;
    if (!stack) {
        void *p = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (p == MAP_FAILED)
            return error_print_errno(-errno, "cannot map a stack to start programs");
        stack = p;
    }
    find_changed_signals();
    launch->error = 0;
    launch->go = launch->traced ? 0 : 1;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    int flags = CLONE_VM | SIGCHLD | (launch->traced ? 0 : CLONE_VFORK);
    pid_t pid = clone(become_program, stack + STACK_BYTES, flags, launch);
    int err = pid < 0 ? -errno : 0;
    if (pid > 0 && launch->traced) {
        bool seized = ptrace(PTRACE_SEIZE, pid, NULL,
                             (void *)(uintptr_t)launch->trace_options) == 0;
        if (seized) {
            __atomic_store_n(&launch->go, 1, __ATOMIC_RELEASE);
            syscall(SYS_futex, &launch->go, FUTEX_WAKE, 1, NULL, NULL, 0);
            follow_to_exec(pid);
        } else { /* tracing is forbidden here: start it again without */
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            launch->traced = false;
            sigprocmask(SIG_SETMASK, &before, NULL);
            return launch_start(launch, first);
        }
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (err)
        return error_print_errno(err, "cannot start a process for an attempt");
    *first = pid;
    return 0;
}
