/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker starts thousands of programs.
 *
 *   worker ──clone─► stand-in ──clone──► the program       all three share the worker's memory
 *      ▲ first, ready   │ sleeps until     │ waits on `go` where it is to be traced
 *      └────────────────┘ the exec         ▼ exec
 *
 * The stand-in is a new process for each program: the signals, limits and priorities that a program
 * gives its parent are gone with it. It shares the worker's memory (CLONE_VM) on a stack of its own:
 * with a copy, each start costs both a hundred page faults. So does the program until its exec, with
 * CLONE_VFORK, as posix_spawn() does; nothing that may be traced has that memory afterwards
 * (PR_SET_DUMPABLE). A command beside the program is started by the worker itself in the same way.
 *
 * An emulator of a processor (qemu-user) shares no memory between processes, and makes forks of both. What
 * they tell each other lies in shared memory (struct shared); the exec shows by a pipe that it closes.
 *
 * Everything between clone and exec is plain system calls: no allocation, no stdio, no
 * locks. errno is the worker's too: until the exec the worker, which waits, does not rely on it; from
 * then on the stand-in makes system calls that leave it alone (arch_call()).
 *
 * The signal mask and the ignored signals that the program gets are those which dearth
 * itself was started with (read before main), not what dearth made of them.
 */
#include "launch.h"
#include "arch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "error.h"
#include "text.h"
#include "unit.h"

/* Seen by the worker, the stand-in and, until its exec, the program. */
struct shared {
    uint32_t go;    /* futex: the program may run */
    uint32_t first; /* futex: its pid, once there is one */
    uint32_t ready; /* futex: it has exec'ed or failed */
    int32_t error;
    uint32_t ended; /* `status` is that of the program, reaped by the stand-in */
    int32_t status;
    uint64_t signals; /* that the stand-in got */
    pid_t worker;
};
static struct shared *shared;

/* Their ends. A worker has one stand-in and one program on its way at a time. */
static struct { char *stand_in_end, *program_end; } stacks;

static bool apart; /* processes share no memory here */

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
    unit_take_place(launch->place);
    limit_resources(launch->memory_limit);
    int err_stdin = reopen_stdin(launch);
    confine_enter();
    return err_stdin;
}

static void wake(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* At most a tenth of a second: who was to wake us may be gone. Return: the word. */
static uint32_t wait_for(uint32_t *word) {
    const struct timespec at_most = {.tv_nsec = 100000000};
    uint32_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (value)
        return value;
    syscall(SYS_futex, word, FUTEX_WAIT, 0, &at_most, NULL, 0);
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static char **shell_arguments; /* of a shell that runs the program as a script */

static void find_shell_arguments(const struct launch *launch) {
    size_t n = 0;
    while (launch->argv[n])
        n++;
    shell_arguments = text_alloc((n + 3) * sizeof *shell_arguments);
    shell_arguments[0] = (char *)"sh";
    shell_arguments[1] = (char *)launch->exe;
    for (size_t i = 1; i < n; i++)
        shell_arguments[i + 1] = launch->argv[i];
}

static int become_program(void *argument) {
    struct launch *launch = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* should nobody be left to let it go */
    __atomic_store_n(&shared->first, (uint32_t)syscall(SYS_getpid), __ATOMIC_RELEASE);
    if (launch->traced)
        syscall(SYS_futex, &shared->first, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    while (!wait_for(&shared->go))
        ;
    if (!launch->dies_with_parent)
        prctl(PR_SET_PDEATHSIG, 0);
    shared->error = enter(launch);
    if (shared->error)
        _exit(127);
    restore_signals();
    prctl(PR_SET_DUMPABLE,
          0); /* whose memory this still is: execve() makes the program's traceable */
    execve(launch->exe, launch->argv, launch->envp);
    if (errno == ENOEXEC) /* a script without "#!": run as shells do */
        execve("/bin/sh", shell_arguments, launch->envp);
    shared->error = errno;
    _exit(127);
}

/* Everything above standard error: nobody may take our ends of its pipes for open ones. */
static void close_descriptors(void) {
    enum { FIRST = 3, MOST = 4096 };
#ifdef SYS_close_range /* Linux 5.9 */
    if (arch_call(SYS_close_range, FIRST, (long)~0u, 0, 0, 0, 0) == 0)
        return;
#endif
    for (int fd = FIRST; fd < MOST; fd++)
        arch_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* What CLONE_VFORK does, where that does nothing. */
static pid_t fork_program(struct launch *launch, char *stack_end) {
    int pair[2];
    char nothing;
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = clone(become_program, stack_end, SIGCHLD, launch);
    int err = errno;
    close(pair[1]);
    while (pid > 0 && read(pair[0], &nothing, 1) < 0 && errno == EINTR)
        ;
    close(pair[0]);
    errno = err;
    return pid;
}

/* Sleeps until the program has exec'ed or ended. Return: as clone(). */
static pid_t clone_program(struct launch *launch, char *stack_end) {
    if (apart)
        return fork_program(launch, stack_end);
    return clone(become_program, stack_end, CLONE_VM | CLONE_VFORK | SIGCHLD, launch);
}

/* The program's parent: every signal is blocked in it, nothing is open. */
static int stand_in(void *argument) {
    struct launch *launch = argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shared->worker)
        _exit(1);
    setpgid(0, 0);
    if (launch->parent_word)
        *launch->parent_word = (uint32_t)getpid();
    pid_t first = clone_program(launch, stacks.program_end);
    if (first < 0)
        shared->error = errno;
    __atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
    arch_call(SYS_futex, (long)&shared->ready, FUTEX_WAKE, INT_MAX, 0, 0, 0);
    close_descriptors();
    int status;
    for (long pid; (pid = arch_call(SYS_wait4, -1, (long)&status, __WALL, 0, 0, 0)) > 0 ||
                   pid == -EINTR;)
        if (pid == first) {
            shared->status = status;
            __atomic_store_n(&shared->ended, 1, __ATOMIC_RELEASE);
        }
    uint64_t pending = 0;
    arch_call(SYS_rt_sigpending, (long)&pending, sizeof pending, 0, 0, 0, 0);
    shared->signals = pending & ~(1ull << (SIGCHLD - 1) | 1ull << (SIGCONT - 1));
    arch_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    return 0;
}

bool launch_end(int *status) {
    if (!shared || !__atomic_load_n(&shared->ended, __ATOMIC_ACQUIRE))
        return false;
    *status = shared->status;
    return true;
}

uint64_t launch_signals(void) {
    return shared ? shared->signals : 0;
}

/* Until exec or end; anything else that stops it on the way is passed on. */
static void follow_to_exec(pid_t pid, bool calls) {
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
        ptrace(calls && event == PTRACE_EVENT_EXEC ? PTRACE_SYSCALL : PTRACE_CONT, pid,
               NULL, (void *)(intptr_t)sig);
        if (event == PTRACE_EVENT_EXEC)
            return;
    }
}

static char *map_stack(void) {
    enum { STACK_BYTES = 64 * 1024 };
    void *p = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return p == MAP_FAILED ? NULL : (char *)p + STACK_BYTES;
}

/* Once in the life of a worker. Return: whether there is memory for it. */
static bool prepare(void) {
    if (!shared) {
        void *p = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        shared = p == MAP_FAILED ? NULL : p;
    }
    if (!stacks.stand_in_end)
        stacks.stand_in_end = map_stack();
    if (!stacks.program_end)
        stacks.program_end = map_stack();
    return shared && stacks.stand_in_end && stacks.program_end;
}

static bool is_gone(pid_t child) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
           info.si_pid != 0;
}

/* Until there is a program that waits for us, or it is known that there will be none. One that is not traced
 * does not wait, and whoever is woken for nothing takes the processor from it. */
static pid_t wait_for_first(const struct launch *launch) {
    uint32_t *word = launch->traced ? &shared->first : &shared->ready;
    while (!wait_for(word) && !__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) &&
           !is_gone(launch->parent))
        ;
    return (pid_t)__atomic_load_n(&shared->first, __ATOMIC_ACQUIRE);
}

static void wait_until_ready(const struct launch *launch) {
    while (!wait_for(&shared->ready) && !is_gone(launch->parent))
        ;
}

/* Return: as clone(). */
static pid_t clone_stand_in(struct launch *launch) {
    pid_t pid =
        apart ? -1 : clone(stand_in, stacks.stand_in_end, CLONE_VM | SIGCHLD, launch);
    if (pid < 0 && (apart || errno == EINVAL)) {
        apart = true;
        pid = clone(stand_in, stacks.stand_in_end, SIGCHLD, launch);
    }
    return pid;
}

/* Return: the program's pid, or a negative errno. */
static pid_t start_below_stand_in(struct launch *launch) {
    *shared = (struct shared){.go = !launch->traced, .worker = getpid()};
    launch->parent = clone_stand_in(launch);
    if (launch->parent < 0)
        return -errno;
    pid_t first = wait_for_first(launch);
    if (!first) {
        waitpid(launch->parent, NULL, 0);
        launch->parent = 0;
        return shared->error ? -shared->error : -ECHILD;
    }
    if (!launch->traced) {
        wait_until_ready(launch);
        return first;
    }
    if (ptrace(PTRACE_SEIZE, first, NULL, (void *)(uintptr_t)launch->trace_options) ==
        0) {
        wake(&shared->go, 1);
        follow_to_exec(first, launch->calls);
        return first;
    }
    /* tracing is forbidden here: start it again without */
    kill(first, SIGKILL);
    waitpid(launch->parent, NULL, 0);
    launch->traced = false;
    return start_below_stand_in(launch);
}

static pid_t start_ours(struct launch *launch) {
    *shared = (struct shared){.go = 1};
    pid_t pid = clone_program(launch, stacks.program_end);
    return pid < 0 ? -errno : pid;
}

int launch_start(struct launch *launch, pid_t *first) {
    if (!prepare())
        return error_print_errno(-errno, "cannot map a stack to start programs");
    find_changed_signals();
    find_shell_arguments(launch);
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    launch->parent = 0;
    if (launch->stand_in)
        prctl(PR_SET_DUMPABLE, 1); /* the program, until its exec, is to be traced */
    pid_t pid = launch->stand_in ? start_below_stand_in(launch) : start_ours(launch);
    prctl(PR_SET_DUMPABLE, 0);
    launch->error = shared->error;
    free(shell_arguments); /* the program has memory of its own by now */
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return error_print_errno(pid, "cannot start a process for an attempt");
    *first = pid;
    return 0;
}
