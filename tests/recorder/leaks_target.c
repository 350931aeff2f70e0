/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaks_target MODE: make blocks of 100 bytes, lose some of them or hide them where only a
 * careful search finds them, and end. The comment at each mode says what must be reported.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../programs/processor.h"

#define APART __attribute__((noinline, noclone))

static void *volatile kept;
static __thread void *volatile kept_by_thread;
static volatile uintptr_t sink;

/* Overwrite what earlier calls left on the stack and in registers. */
static APART void wipe(void) {
    volatile char junk[16384];
    memset((char *)junk, 0, sizeof junk);
    sink += (uintptr_t)junk[100];
}

static APART void *make(size_t n) {
    void **p = malloc(n);
    if (!p)
        exit(2);
    memset(p, 0, n);
    return p;
}

/* 1 */
static APART void lost(void) {
    sink += (uintptr_t)make(100) & 1;
}

/* 0: a pointer to its middle */
static APART void interior(void) {
    kept = (char *)make(100) + 50;
}

/* 0: a pointer just past it */
static APART void end(void) {
    kept = (char *)make(100) + 100;
}

/* 0 */
static APART void thread_local_variable(void) {
    kept_by_thread = make(100);
}

/* 0 */
static APART void thread_specific(void) {
    pthread_key_t key;
    for (int i = 0; i < 40;
         i++) /* beyond the first level, which lies in the thread's block */
        pthread_key_create(&key, NULL);
    pthread_setspecific(key, make(100));
}

/* 0: a program's own pool */
static APART void pool(void) {
    void **memory =
        mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[1000] = make(100);
    mprotect(memory, 1 << 20, PROT_READ);
}

/* 0: a pool from sbrk(), which lies amid malloc's own memory */
static APART void own_break(void) {
    void **memory = sbrk(65536);
    memory[1000] = make(100);
}

/* 0: by way of another block, one too large for the heap */
static APART void chain(void) {
    void **large = make(1 << 20), **small = make(100);
    large[100000] = small;
    small[5] = make(100);
    kept = large;
}

/* 0: tag in the upper bits, as interpreters do */
static APART void tagged(void) {
    kept = (void *)((uintptr_t)make(100) | (uintptr_t)0xfffb << 48);
}

/* 0: only the kernel has it */
static APART void epoll(void) {
    int fds[2], fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = make(100)};
    if (pipe(fds) || epoll_ctl(fd, EPOLL_CTL_ADD, fds[0], &event))
        exit(2);
}

/* 1: its owner was freed and still has the pointer in it */
static APART void freed_owner(void) {
    void **owner = make(200);
    owner[10] = make(100);
    free(owner);
}

/* 2, one of them direct */
static APART void ring(void) {
    void **a = make(100), **b = make(100);
    a[3] = b, b[3] = a;
}

/* 3, one of them direct: what a lost block leads to is lost too */
static APART void tree(void) {
    void **branch = make(100), **leaf = make(100), **top = make(100);
    top[2] = branch, branch[2] = leaf;
}

/* 1 of 1 MiB */
static APART void lost_large(void) {
    sink += (uintptr_t)make(1 << 20) & 1;
}

/* 1: that of realloc() */
static APART void regrown(void) {
    sink += (uintptr_t)realloc(make(100), 300) & 1;
}

/* 0: the old block lives on when realloc() fails */
static APART void not_regrown(void) {
    kept = make(100);
    volatile size_t too_much = SIZE_MAX / 2;
    if (realloc(kept, too_much))
        exit(2);
}

static APART void *lose_one(void *unused) {
    lost();
    wipe();
    return unused;
}

/* 1: from another arena than the main one */
static APART void ended_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, lose_one, NULL);
    pthread_join(thread, NULL);
}

static volatile int ready;

static APART void *hold_on_stack(void *unused) {
    void *volatile held[4] = {make(100)};
    ready = 1;
    for (;;)
        pause();
    sink += (uintptr_t)held[0];
    return unused;
}

static APART void *hold_in_register(void *unused) {
    void *p = make(100);
    wipe();
    ready = 1;
    HOLD_IN_REGISTER(p);
    return unused;
}

static APART void live_thread(void *(*run)(void *)) {
    pthread_t thread;
    pthread_create(&thread, NULL, run, NULL);
    while (!ready)
        usleep(1000);
}

/* nothing known: the thread cannot be stopped */
static APART void *hold_deaf(void *unused) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return hold_on_stack(unused);
}

static ucontext_t main_context;

static APART void coroutine(void) {
    void *volatile held[4] = {make(100)};
    wipe();
    exit(0); /* on this stack */
    sink += (uintptr_t)held[0];
}

/* 0: two stacks, one of them a block */
static APART void stack_in_block(void) {
    static ucontext_t other;
    getcontext(&other);
    other.uc_stack.ss_size = 262144;
    other.uc_stack.ss_sp = make(other.uc_stack.ss_size);
    other.uc_link = &main_context;
    makecontext(&other, coroutine, 0);
    void *volatile held[4] = {make(100)};
    memset(&other.uc_stack, 0, sizeof other.uc_stack);
    swapcontext(&main_context, &other);
    sink += (uintptr_t)held[0];
}

/* 1 in the child, by _exit(); what it inherits is its parent's */
static APART void child(void) {
    void *volatile mine = make(100);
    pid_t pid = fork();
    if (pid == 0) {
        mine = NULL;
        lost();
        wipe();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    free(mine);
}

/* 1: what later calls have below their callers is dead, ours as well */
static APART void litter_stack(void *p) {
    void *volatile junk[2048];
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
        junk[i] = p;
    sink += (uintptr_t)junk[100] & 1;
}

/* 0 */
static APART void end_holding(void *p, void (*leave)(int)) {
    wipe();
    END_HOLDING(p, leave);
}

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {{"lost", lost},
             {"interior", interior},
             {"end", end},
             {"tls", thread_local_variable},
             {"specific", thread_specific},
             {"pool", pool},
             {"break", own_break},
             {"chain", chain},
             {"tagged", tagged},
             {"epoll", epoll},
             {"freed-owner", freed_owner},
             {"ring", ring},
             {"tree", tree},
             {"lost-large", lost_large},
             {"regrown", regrown},
             {"not-regrown", not_regrown},
             {"ended-thread", ended_thread},
             {"stack-in-block", stack_in_block},
             {"child", child}};

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    const char *how = argc > 2 ? argv[2] : "exit";
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(modes[i].name, mode))
            modes[i].run();
    if (!strcmp(mode, "thread-stack"))
        live_thread(hold_on_stack);
    if (!strcmp(mode, "thread-register"))
        live_thread(hold_in_register);
    if (!strcmp(mode, "thread-deaf"))
        live_thread(hold_deaf);
    void (*leave)(int) = strcmp(how, "_exit") == 0        ? _exit
                         : strcmp(how, "quick_exit") == 0 ? quick_exit
                                                          : exit;
    if (!strcmp(mode, "end-register"))
        end_holding(make(100), leave);
    wipe();
    if (!strcmp(mode, "litter"))
        litter_stack(make(100));
    if (!strcmp(how, "_exit"))
        _exit(0);
    if (!strcmp(how, "quick_exit"))
        quick_exit(0);
    return 0;
}
