/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that forbid themselves most system calls, to torture_target.c's rules (expectations too).
 * Whatever the library asks the kernel for beyond memory ends them.
 *
 * usage: torture_sandbox CASE     status 77 when the kernel has no seccomp for us
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../programs/program.h"

#define TOUCH(n)  free(opaque(malloc(n)))
#define BARRIER() __asm__ volatile("" ::: "memory")

static void say(const char *text) {
    if (write(1, text, strlen(text)) < 0)
        _exit(98);
}

/* What malloc(), threads and fork() of glibc need, and no more; @otherwise for all others. */
static int enclose(unsigned otherwise, int by_syscall) {
    static const int allowed[] = {SYS_brk,
                                  SYS_getrandom,
                                  SYS_rt_sigaction,
                                  SYS_mmap,
                                  SYS_munmap,
                                  SYS_mprotect,
                                  SYS_madvise,
                                  SYS_write,
                                  SYS_futex,
                                  SYS_clone,
#ifdef SYS_clone3
                                  SYS_clone3,
#endif
#ifdef SYS_rseq
                                  SYS_rseq,
#endif
                                  SYS_set_robust_list,
                                  SYS_wait4,
                                  SYS_rt_sigreturn,
                                  SYS_exit,
                                  SYS_exit_group};
    enum { N = sizeof allowed / sizeof *allowed };
    struct sock_filter code[2 * N + 6], *to = code;
    *to++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                         offsetof(struct seccomp_data, nr));
    for (int i = 0; i < N; i++) {
        *to++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                             (unsigned)allowed[i], 0, 1);
        *to++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    /* rt_sigprocmask(SIG_BLOCK .. SIG_SETMASK): what glibc does, but no other use of it */
    *to++ =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 3);
    *to++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                         offsetof(struct seccomp_data, args));
    *to++ =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SIG_SETMASK + 1, 1, 0);
    *to++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    *to++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
    struct sock_fprog filter = {.len = (unsigned short)(to - code), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return by_syscall ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)
                      : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

OWN_FRAME int enclosed_depth(int n) {
    char room[600];
    memset(opaque(room), n, sizeof room);
    TOUCH(71);
    return n ? enclosed_depth(n - 1) + 1 : room[3];
}

OWN_FRAME void enclosed_often(void) {
    for (int i = 0; i < 40000; i++)
        TOUCH(72);
}

OWN_FRAME void enclosed_child(void) {
    TOUCH(74);
}

static void *enclosed_thread(void *argument) {
    TOUCH(73);
    return argument;
}

static void work(void) {
    enclosed_depth(400);
    enclosed_often();
    for (int i = 0; i < 20; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, enclosed_thread, NULL) || pthread_join(t, NULL))
            say("no thread\n");
    }
    for (int i = 0; i < 5; i++) {
        int status = 1;
        pid_t pid = fork();
        if (!pid) {
            enclosed_child();
            _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status)
            say("no child\n");
    }
}

/* The threads are those of both cases.
 *
 * expect killing: 400 28400 main;killing;work;enclosed_depth;enclosed_depth;malloc
 * expect killing: 1 71 main;killing;work;enclosed_depth;malloc
 * expect killing: 40000 2880000 main;killing;work;enclosed_often;malloc
 * expect killing: 5 370 main;killing;work;enclosed_child;malloc
 * expect killing: 40 2920 thread;enclosed_thread;malloc */
OWN_FRAME int killing(void) {
    if (enclose(SECCOMP_RET_KILL_PROCESS, 0))
        return 77;
    work();
    BARRIER();
    return 5;
}

/* expect refusing: 40000 2880000 main;refusing;work;enclosed_often;malloc
 * expect refusing: 5 370 main;refusing;work;enclosed_child;malloc */
OWN_FRAME int refusing(void) {
    if (enclose(SECCOMP_RET_ERRNO | EPERM, 1))
        return 77;
    work();
    if (syscall(SYS_getppid) != -1 || errno != EPERM)
        say("not enclosed\n");
    BARRIER();
    return 6;
}

/* A filter that was refused is none.
 *
 * expect not_enclosed: 1 75 main;not_enclosed;malloc */
OWN_FRAME int not_enclosed(void) {
    errno = 0;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != -1 || errno != EFAULT)
        say("that filter should be none\n");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 77u, NULL) != -1 || errno != EINVAL)
        say("nor that one\n");
    TOUCH(75);
    return 7;
}

/* read, write, sigreturn and exit, and nothing else; not even the processor's counter.
 *
 * expect strict: 1000 76000 main;strict;strict_work;malloc
 * expect strict_syscall: 1000 76000 main;strict_syscall;strict_work;malloc */
OWN_FRAME void strict_work(void) {
    for (int i = 0; i < 1000; i++)
        TOUCH(76);
}

OWN_FRAME int strict(void) {
    TOUCH(10000); /* the heap is there */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0))
        return 77;
    strict_work();
    say("strict done\n");
    syscall(SYS_exit, 8);
    return 1;
}

OWN_FRAME int strict_syscall(void) {
    TOUCH(10000);
    if (syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0))
        return 77;
    strict_work();
    say("strict done\n");
    syscall(SYS_exit, 9);
    return 1;
}

/* Whoever reads the processor's counter ends by SIGSEGV; elsewhere than on x86 there is no such thing.
 * A block goes from thread to thread: free and malloc of one address, in turn.
 *
 * expect no_counter: 4000 312000 main;no_counter;pass_on;malloc
 * expect no_counter: 4000 312000 thread;passing_thread;pass_on;malloc
 * expect no_counter: 5 370 main;no_counter;counter_work;enclosed_child;malloc
 * expect no_counter: 2000 154000 main;no_counter;counter_work;malloc */
static int turn;

OWN_FRAME void pass_on(int who) {
    for (int i = 0; i < 4000; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != who)
            sched_yield();
        TOUCH(78);
        __atomic_store_n(&turn, !who, __ATOMIC_RELEASE);
    }
}

static void *passing_thread(void *argument) {
    pass_on(1);
    BARRIER();
    return argument;
}

OWN_FRAME void counter_work(void) {
    for (int i = 0; i < 2000; i++)
        TOUCH(77);
    for (int i = 0; i < 5; i++) {
        int status = 1;
        pid_t pid = fork();
        if (!pid) {
            enclosed_child();
            _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status)
            say("no child\n");
    }
    BARRIER();
}

OWN_FRAME int no_counter(void) {
    pthread_t t;
    if (pthread_create(&t, NULL, passing_thread, NULL))
        say("no thread\n");
    prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
    pass_on(0);
    pthread_join(t, NULL);
    counter_work();
    return 10;
}

/* What is refused forbids nothing.
 *
 * expect counter_stays: 1 79 main;counter_stays;malloc */
OWN_FRAME int counter_stays(void) {
    errno = 0;
    if (prctl(PR_SET_TSC, 77, 0, 0, 0) != -1 || errno != EINVAL)
        say("there is no such mode\n");
    TOUCH(79);
    return 11;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    int status = !strcmp(what, "killing")          ? killing()
                 : !strcmp(what, "refusing")       ? refusing()
                 : !strcmp(what, "not_enclosed")   ? not_enclosed()
                 : !strcmp(what, "strict")         ? strict()
                 : !strcmp(what, "strict_syscall") ? strict_syscall()
                 : !strcmp(what, "no_counter")     ? no_counter()
                 : !strcmp(what, "counter_stays")  ? counter_stays()
                                                   : 98;
    say("done\n");
    return status;
}
