/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of a process at which leaks are looked for.
 *
 *   exit()                       noted when called; an attempt is searched right there
 *   return from main, exit()     our destructor (process.c): a run without a fault always
 *   _exit() _Exit() quick_exit() the hooks below
 *   exec                         no: the memory is replaced, nothing of it can leak
 *   a signal, exit_group by hand no: nobody asks us; the reader sees that we said nothing
 *
 * The other threads must stand still meanwhile, or a pointer that moves from a register to
 * memory behind our back is seen in neither. Each gets a signal; its handler waits until
 * the search is over. What was in its registers is then on its stack, where the kernel
 * saved it for the handler.
 *
 *   leak_at_exit ─ tgkill ─► handler: n_stopped++, wait on `release`
 *                ◄─ all there? ─ no (signal blocked, too slow) ─► nothing is known
 *                leak_scan, release = 1
 *
 * The signal's handler stays: one that comes late must not end the program.
 */
#include <dlfcn.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "leak.h"
#include "mapped.h"
#include "module.h"
#include "node.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "sys.h"
#include "thread.h"
#include "unwind.h"

extern void (*leak_next_exit)(int) __attribute__((visibility("hidden")));

static struct {
    void (*exit_now)(int);
    void (*exit_c99)(int);
    void (*quick_exit)(int);
    void *(*sbrk)(intptr_t);
    int (*brk)(void *);
} next;

static void find_break(void) {
    next.sbrk = (__typeof__(next.sbrk))dlsym(RTLD_NEXT, "sbrk");
    next.brk = (__typeof__(next.brk))dlsym(RTLD_NEXT, "brk");
}

void leak_exit_start(void) {
    leak_next_exit = (void (*)(int))dlsym(RTLD_NEXT, "exit");
    next.exit_now = (__typeof__(next.exit_now))dlsym(RTLD_NEXT, "_exit");
    next.exit_c99 = (__typeof__(next.exit_c99))dlsym(RTLD_NEXT, "_Exit");
    next.quick_exit = (__typeof__(next.quick_exit))dlsym(RTLD_NEXT, "quick_exit");
    find_break();
}

/* --- the other threads --- */

#define OTHERS_MOST    768u
#define STOP_NS        200000000u /* a thread that runs handles a signal within this */
#define STOP_SLEEP_NS  100000
#define KERNEL_SIGNALS 64

struct kernel_action { /* what rt_sigaction takes */
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static uint32_t n_stopped, release;

static void stand_still(int signal) {
    (void)signal;
    add_relaxed(&n_stopped, 1);
    while (!load_acquire(&release))
        sys_call(SYS_futex, (long)&release, FUTEX_WAIT, 0, 0, 0, 0);
}

/* One that the program does not use. Return: 0 when it uses them all. */
static int take_signal(void) {
    const struct kernel_action ours = {stand_still, SA_RESTART | ARCH_RESTORER_FLAG,
                                       ARCH_RESTORER, UINT64_MAX};
    for (int signal = KERNEL_SIGNALS; signal > KERNEL_SIGNALS / 2 + 2; signal--) {
        struct kernel_action old = {0};
        sys_call(SYS_rt_sigaction, signal, 0, (long)&old, sizeof old.mask, 0, 0);
        if (old.handler == SIG_DFL && sys_call(SYS_rt_sigaction, signal, (long)&ours, 0,
                                               sizeof ours.mask, 0, 0) == 0)
            return signal;
    }
    return 0;
}

static uint32_t number(const char *digits) {
    uint32_t n = 0;
    while (*digits >= '0' && *digits <= '9')
        n = n * 10 + (uint32_t)(*digits++ - '0');
    return n;
}

/* A thread that has ended and is not yet gone (a main thread by pthread_exit()). */
static bool is_dead(const char *tid) {
    char path[64], line[512];
    long fd =
        sys_open(leak_path(path, "/proc/self/task/", tid, "/stat"), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    long n = sys_read(fd, line, sizeof line), i = n - 1;
    sys_close(fd);
    while (i > 0 && line[i] != ')')
        i--;
    return i < 1 || i + 2 >= n || line[i + 2] == 'Z' || line[i + 2] == 'X';
}

struct others {
    uint32_t tids[OTHERS_MOST];
    uint32_t n;
    int signal;
};

static bool is_known(const struct others *o, uint32_t tid) {
    for (uint32_t i = 0; i < o->n; i++)
        if (o->tids[i] == tid)
            return true;
    return false;
}

/* Signal the threads that were not there before.
 * Return: how many, -1 when they cannot be stopped. */
static int stop_new(struct others *o) {
    struct leak_folder folder;
    int found = 0;
    if (!leak_folder_open(&folder, "/proc/self/task"))
        return -1;
    for (const char *name; found >= 0 && (name = leak_folder_next(&folder));) {
        uint32_t tid = number(name);
        if (tid == sys_gettid() || is_known(o, tid) || is_dead(name))
            continue;
        if (!o->signal)
            o->signal = take_signal();
        if (!o->signal || o->n == OTHERS_MOST)
            found = -1;
        else if (sys_tgkill(sys_getpid(), tid, o->signal) == 0)
            o->tids[o->n++] = tid, found++;
    }
    leak_folder_close(&folder);
    return found;
}

static bool wait_for(uint32_t n) {
    uint64_t begin = arena_now_ns();
    while (load_acquire(&n_stopped) < n) {
        if (arena_now_ns() - begin > STOP_NS)
            return false;
        sys_sleep_ns(STOP_SLEEP_NS);
    }
    return true;
}

/* Return: whether every other thread stands still (or there is none). */
static bool stop_others(void) {
    static struct others others;
    for (;;) {
        int found = stop_new(&others);
        if (found <= 0)
            return found == 0;
        if (!wait_for(others.n))
            return false;
    }
}

static void release_others(void) {
    store_release(&release, 1);
    sys_call(SYS_futex, (long)&release, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
}

/* --- where the program's part of the stack begins --- */

/*
 * When our destructor runs, exit(), ld.so and we have our frames below the program's, and
 * in the gaps of these frames lies what earlier calls left there: enough to hold a leaked
 * block in one run and not in the next. So exit() notes where it was called, and with what
 * in the registers that a callee would have saved. It must not be on the stack afterwards
 * (stacks of what atexit() runs would name our library), hence the jump.
 *
 * An attempt is searched right there: what a handler loses that runs later, because the
 * program only tidies up so far before it ends, is no error path's. A run without a fault
 * is searched at the very end, and so knows of that too.
 */
__attribute__((visibility("hidden"))) struct leak_context leak_exit_context;
void (*leak_next_exit)(int);

/* Whose is this code: libc's, ld.so's, ours? */
static bool is_machinery(uintptr_t address) {
    struct object code, libc, ours;
    if (address - module_loader_start < module_loader_end - module_loader_start)
        return true;
    return module_find(address, &code) && module_find((uintptr_t)leak_next_exit, &libc) &&
           module_find((uintptr_t)&leak_at_exit, &ours) &&
           (code.start == libc.start || code.start == ours.start);
}

extern void *__libc_stack_end __attribute__((weak)); /* ld.so's: where _start began */

/* main() has returned: between libc's and _start there is no frame of the program left.
 * (err() and its like call exit() too, inside libc, and then there is.) */
static bool has_returned(uint32_t innermost) {
    const struct shm_node *node = node_checked(innermost);
    if (!node || !node->parent || !&__libc_stack_end)
        return false;
    for (; node && node->parent; node = node_checked(node->parent))
        if (!is_machinery(node->address))
            return false;
    return node != NULL;
}

/* --- the end --- */

static bool is_first(uint32_t pid) {
    static uint32_t last; /* the process that looked already; an ancestor's after fork */
    return swap(&last, pid) != pid;
}

static void look(const struct leak_context *context, uint32_t exit_node) {
    const struct leak_start start = {context->sp, context->registers, ARCH_N_SAVED,
                                     exit_node};
    if (leak_is_sandboxed())
        leak_unknown(SHM_LEAKS_REFUSED);
    else if (!stop_others() || leak_is_moving())
        leak_unknown(SHM_LEAKS_THREADS);
    else
        leak_scan(&start);
    release_others();
}

/* What exit() noted, if it was called on this stack, further out than we are. */
static bool is_from_exit(const struct leak_context *noted, uintptr_t sp) {
    const uintptr_t near = 1u << 20;
    return noted->sp > sp && noted->sp - sp < near;
}

static void look_once(const struct caller *caller, struct leak_context *context) {
    const struct shm_process *process = process_own();
    if (!process || !(preload.flags & SHM_LEAKS) || !is_first(process->pid))
        return;
    uint32_t reentry = tls.reentry;
    reentry_set(REENTRY_OURS);
    struct thread *thread =
        tls.thread && tls.thread->live == THREAD_LIVE ? tls.thread : thread_attach();
    uint32_t from = thread ? unwind_stack(thread, caller) : 0;
    if (is_from_exit(&leak_exit_context, context->sp))
        *context = leak_exit_context;
    else if (from && !thread->last_flags && has_returned(from))
        *context = (struct leak_context){.sp = (uintptr_t)__libc_stack_end};
    look(context, from);
    reentry_set((enum reentry)reentry);
}

__attribute__((noinline)) void leak_at_exit(const struct caller *caller) {
    struct leak_context here;
    arch_save_registers(here.registers);
    here.sp = (uintptr_t)&here;
    look_once(caller, &here);
}

#define TOLD(status) (256u + ((status)&255))
static uint32_t told; /* by exit(), to our destructor */

uint32_t leak_exit_told(void) {
    return told;
}

void leak_on_exit(uintptr_t frame, int status) {
    const struct caller caller = {frame, ((const uintptr_t *)frame)[1],
                                  leak_exit_context.sp + ARCH_CALL_BYTES};
    struct leak_context here = leak_exit_context;
    process_start();
    if (process_own()) /* not a vfork child's, whose parent goes on */
        told = TOLD(status);
    if (!leak_next_exit) /* exit() before anything else of ours was called */
        leak_exit_start();
    if (preload.flags & SHM_FAULTS)
        look_once(&caller, &here);
}

/* In a sandbox a vfork child cannot be told from its parent, whose end this is not. */
static void leave(int status, uintptr_t frame, struct leak_context *context) {
    const struct caller caller = {frame, ((const uintptr_t *)frame)[1], context->sp};
    look_once(&caller, context);
    if (!sys_is_sandboxed)
        process_leave(TOLD(status));
}

/* By @really, or when nothing of that name follows ours, by the kernel. */
static _Noreturn void end_by(void (*really)(int), int status) {
    if (really)
        really(status);
    for (;;)
        sys_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

void leak_exit_now(int status, uintptr_t frame, struct leak_context *context) {
    leave(status, frame, context);
    end_by(next.exit_now, status);
}

void leak_exit_c99(int status, uintptr_t frame, struct leak_context *context) {
    leave(status, frame, context);
    end_by(next.exit_c99, status);
}

/* What at_quick_exit() registered runs after this; it may free, but it cannot lose. */
void leak_exit_quick(int status, uintptr_t frame, struct leak_context *context) {
    leave(status, frame, context);
    end_by(next.quick_exit, status);
}

/* A program that moves it itself has memory of its own between malloc's. libc's malloc
 * calls neither by name. */
static uint32_t break_is_shared;

bool leak_break_is_shared(void) {
    return load_relaxed(&break_is_shared);
}

EXPORT void *sbrk(intptr_t increment) {
    if (unlikely(!next.sbrk))
        find_break();
    if (increment > 0)
        store_relaxed(&break_is_shared, 1);
    if (!next.sbrk) {
        errno = ENOMEM;
        return (void *)-1;
    }
    void *p = next.sbrk(increment);
    if (p != (void *)-1 && increment > 0)
        mapped_add((uintptr_t)__builtin_return_address(0), (size_t)increment);
    return p;
}

EXPORT int brk(void *end) {
    if (unlikely(!next.brk))
        find_break();
    store_relaxed(&break_is_shared, 1);
    if (next.brk)
        return next.brk(end);
    errno = ENOMEM;
    return -1;
}
