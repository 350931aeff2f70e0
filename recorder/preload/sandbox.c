/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that put a filter between themselves and the kernel (seccomp): from then on a system call
 * that their author did not foresee is refused, or ends the program. The library then asks for
 * nothing but memory, which any program that allocates must be allowed.
 *
 *   prctl(PR_SET_SECCOMP), syscall(SYS_seccomp)     libseccomp comes through the latter
 *        │  sandbox_enter(): this thread's ring, the process's block, a table for more
 *        │  nodes, room for threads, the vDSO's clock: all there before the filter is
 *        ▼
 *   sys_is_sandboxed     in .data, so that forked children have it too
 *        ├─ gettid, getpid      what glibc keeps in the thread control block
 *        ├─ is it readable?     what lies outward of our own frame, up to the stack's end
 *        ├─ sleeping, waking    spinning; the collector looks by itself
 *        ├─ the kernel's clock  a count (stamp.c), where the processor's is not trusted
 *        └─ libunwind, /proc, sigaltstack     done without: the stack is incomplete then
 *
 * The strict mode, of one thread, allows not even memory to be asked for (sandbox_is_strict), and, as
 * prctl(PR_SET_TSC) does, forbids the processor's counter.
 *
 * Not seen: a filter put on by an instruction of the program's own. An image that a sandboxed program
 * starts begins as any other: it needs what ld.so needs, and a few calls more.
 *
 * syscall() is a jump, not a call: what it is asked for may return twice, or on another stack.
 */
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "binding.h"
#include "local.h"
#include "node.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "sample.h"
#include "sandbox.h"
#include "stamp.h"
#include "sys.h"
#include "thread.h"

int sys_is_sandboxed;
__thread int sandbox_is_strict __attribute__((tls_model("initial-exec")));

#define PAGE         4096u
/* The main thread's stack: from its end downward, no other mapping begins this near. Source: Linux,
 * arch_pick_mmap_layout() keeps 128 MiB and more. */
#define MAIN_REACH   (64u << 20)
/* A thread's stack ends at its control block; one of 16 MiB and more is unusual. */
#define THREAD_REACH (16u << 20)
static uintptr_t main_end;

/* Context: @p is near the stack that the caller runs on, or nonsense. */
int sandbox_readable(const void *p) {
    uintptr_t address = (uintptr_t)p, frame = (uintptr_t)__builtin_frame_address(0);
    uintptr_t self = (uintptr_t)__builtin_thread_pointer();
    if (address < (frame & ~(uintptr_t)(PAGE - 1)))
        return 0;
    return (address < main_end && main_end - frame < MAIN_REACH) ||
           (address < self && self - frame < THREAD_REACH);
}

/* Where glibc keeps the thread's number, 0 = not known. */
static int tid_offset;

static uint32_t kept_tid(int offset) {
    return *(const uint32_t *)((uintptr_t)__builtin_thread_pointer() + (uintptr_t)offset);
}

uint32_t sandbox_tid(void) {
    if (tid_offset)
        return kept_tid(tid_offset);
    return (uint32_t)sys_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* The pages above our own frame, as long as they can be read. */
static uintptr_t stack_end(void) {
    uintptr_t page = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(PAGE - 1);
    while (sys_readable((const void *)page))
        page += PAGE;
    return page;
}

static void prepare(void) {
    if (ARCH_TID_OFFSET && kept_tid(ARCH_TID_OFFSET) == sys_gettid())
        tid_offset = ARCH_TID_OFFSET;
    if (sys_getpid() == sys_gettid())
        main_end = stack_end();
    reentry_set(REENTRY_PRIVATE);
    process_find_clock();
    reentry_set(REENTRY_OURS);
    struct thread *thread = tls.thread;
    if (!thread || !thread->live)
        thread = thread_attach();
    if (thread)
        node_prepare();
    thread_prepare();
    sample_prepare();
}

/* Return: whether it was entered only now. */
static bool sandbox_enter(void) {
    if (sys_is_sandboxed)
        return false;
    binding_look();
    prepare();
    store_release(&sys_is_sandboxed, 1);
    return true;
}

/* --- what the program forbids itself --- */

struct forbidding {
    bool filter, strict, clock; /* what it is about to forbid */
    bool entered, left;         /* what was done only for this */
};

/* What prctl(@option, @value) forbids. */
static struct forbidding by_prctl(long option, unsigned long value) {
    struct forbidding f = {0};
    f.strict = option == PR_SET_SECCOMP && value == SECCOMP_MODE_STRICT;
    f.filter = option == PR_SET_SECCOMP;
    f.clock = f.strict || (option == PR_SET_TSC && value == PR_TSC_SIGSEGV);
    return f;
}

static struct forbidding by_seccomp(unsigned long operation) {
    struct forbidding f = {0};
    f.strict = f.clock = operation == SECCOMP_SET_MODE_STRICT;
    f.filter = f.strict || operation == SECCOMP_SET_MODE_FILTER;
    return f;
}

static void forbid_begin(struct forbidding *f) {
    if (!f->filter && !f->clock)
        return;
    process_start();
    if (load_acquire(&preload.state) != PRELOAD_ON || tls.reentry != REENTRY_NONE)
        return;
    int saved = errno;
    reentry_take(__builtin_frame_address(0));
    f->entered = f->filter && sandbox_enter();
    /* The kernel's may be a system call, or read the counter. */
    if (f->clock || preload.clock == SHM_CLOCK_MONOTONIC_NS)
        f->left = stamp_leave_clock();
    reentry_set(REENTRY_NONE);
    errno = saved;
}

/* @result: what the kernel said */
static void forbid_end(const struct forbidding *f, long result) {
    if (result < 0) {
        if (f->entered)
            store_release(&sys_is_sandboxed, 0);
        if (f->left)
            stamp_return_to_clock();
        return;
    }
    if (f->strict)
        sandbox_is_strict = 1;
    if (load_acquire(&preload.state) != PRELOAD_ON ||
        load_acquire(&local->state) != LOCAL_READY)
        return;
    if (f->entered)
        process_note(SHM_NOTE_SANDBOX, local->process->exe);
    if (f->left)
        process_note(SHM_NOTE_CLOCK, local->process->exe);
}

/* --- the ways to it --- */

static int (*next_prctl)(int, ...);

EXPORT int prctl(int option, ...);
EXPORT int prctl(int option, ...) {
    unsigned long a[4];
    va_list args;
    va_start(args, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    if (unlikely(!next_prctl))
        next_prctl = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
    struct forbidding f = by_prctl(option, a[0]);
    forbid_begin(&f);
    int result = next_prctl(option, a[0], a[1], a[2], a[3]);
    forbid_end(&f, result);
    return result;
}

static sandbox_syscall find_syscall, *next_syscall;
sandbox_syscall *sandbox_next_syscall = find_syscall;

static long find_syscall(long nr, long a, long b, long c, long d, long e, long f) {
    next_syscall = (sandbox_syscall *)dlsym(RTLD_NEXT, "syscall");
    store_release(&sandbox_next_syscall, next_syscall);
    return next_syscall(nr, a, b, c, d, e, f);
}

long sandbox_forbidding_syscall(long nr, long a, long b, long c, long d, long e, long f) {
    struct forbidding what =
        nr == SYS_prctl ? by_prctl(a, (unsigned long)b) : by_seccomp((unsigned long)a);
    forbid_begin(&what);
    long result = sandbox_next_syscall(nr, a, b, c, d, e, f);
    forbid_end(&what, result);
    return result;
}

void sandbox_start(void) {
    next_prctl = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
}
