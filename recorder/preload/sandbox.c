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
 *        └─ libunwind, /proc, sigaltstack     done without: the stack is incomplete then
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

#include "preload.h"

int sys_is_sandboxed;

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
#if defined(__x86_64__)
#define TID_OFFSET                                                                       \
    720 /* struct pthread.tid, the same from 2.4 on; asked for before it is used */
#endif
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
#if defined(TID_OFFSET)
    if (kept_tid(TID_OFFSET) == sys_gettid())
        tid_offset = TID_OFFSET;
#endif
    if (sys_getpid() == sys_gettid())
        main_end = stack_end();
    guard_set(GUARD_PRIVATE);
    process_find_clock();
    guard_set(GUARD_OURS);
    struct thread *thread = tls.thread;
    if (!thread || !thread->live)
        thread = thread_attach();
    if (thread)
        node_prepare();
    thread_prepare();
}

/* Return: whether it was entered only now. */
static bool sandbox_enter(void) {
    process_start();
    if (sys_is_sandboxed || load_acquire(&preload.state) != PRELOAD_ON ||
        tls.guard != GUARD_NONE)
        return false;
    int saved = errno;
    guard_take(__builtin_frame_address(0));
    prepare();
    store_release(&sys_is_sandboxed, 1);
    guard_set(GUARD_NONE);
    errno = saved;
    return true;
}

/* @entered: as sandbox_enter() said */
static void sandbox_entered(bool entered, long result) {
    if (!entered)
        return;
    if (result < 0)
        store_release(&sys_is_sandboxed, 0);
    else if (load_acquire(&local->state) == LOCAL_READY)
        process_note(SHM_NOTE_SANDBOX, local->process->exe);
}

/* --- the two ways to one ---------------------------------------------------------------- */

static int (*next_prctl)(int, ...);
typedef long system_call(long, long, long, long, long, long, long);

EXPORT int prctl(int option, ...);
EXPORT int prctl(int option, ...) {
    unsigned long a[4];
    va_list args;
    va_start(args, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    bool entered = option == PR_SET_SECCOMP && sandbox_enter();
    if (unlikely(!next_prctl))
        next_prctl = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
    int result = next_prctl(option, a[0], a[1], a[2], a[3]);
    sandbox_entered(entered, result);
    return result;
}

#if defined(__x86_64__) || defined(__aarch64__)
static system_call find_syscall, seccomp_syscall __attribute__((used));
/* Where syscall() jumps to when it is not asked for seccomp. */
static system_call *sandbox_next_syscall __attribute__((used)) = find_syscall;
static system_call *next_syscall;

static long find_syscall(long nr, long a, long b, long c, long d, long e, long f) {
    next_syscall = (system_call *)dlsym(RTLD_NEXT, "syscall");
    store_release(&sandbox_next_syscall, next_syscall);
    return next_syscall(nr, a, b, c, d, e, f);
}

static long seccomp_syscall(long nr, long a, long b, long c, long d, long e, long f) {
    bool sets = a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER;
    bool entered = sets && sandbox_enter();
    long result = sandbox_next_syscall(nr, a, b, c, d, e, f);
    sandbox_entered(entered, result);
    return result;
}
#endif

#if defined(__x86_64__)
_Static_assert(SYS_seccomp == 317, "as the code below has it");
__asm__("    .text\n"
        "    .p2align 4\n"
        "    .globl syscall\n"
        "    .type syscall, @function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    cmp $317, %rdi\n"
        "    je seccomp_syscall\n"
        "    jmp *sandbox_next_syscall(%rip)\n"
        "    .cfi_endproc\n"
        "    .size syscall, . - syscall\n");
#elif defined(__aarch64__)
_Static_assert(SYS_seccomp == 277, "as the code below has it");
__asm__("    .text\n"
        "    .p2align 4\n"
        "    .globl syscall\n"
        "    .type syscall, %function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    hint #34\n" /* bti c */
        "    cmp x0, #277\n"
        "    b.eq seccomp_syscall\n"
        "    adrp x16, sandbox_next_syscall\n"
        "    ldr x16, [x16, :lo12:sandbox_next_syscall]\n"
        "    br x16\n"
        "    .cfi_endproc\n"
        "    .size syscall, . - syscall\n");
#endif

void sandbox_start(void) {
    next_prctl = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
}
