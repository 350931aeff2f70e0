/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a call to its site: the stack outward from the hook's caller, as nodes.
 *
 *   unwind_site ─► unwind_again()  arch/walk/: what earlier walks are still known to lead to, most calls
 *              ├─► unwind_fast()   arch/walk/: cached rules, most stacks
 *              └─► libunwind       what those cannot express, and other machines
 *              └─► the immediate caller alone, when there is no libunwind
 *
 * libunwind is a guest whose habits we cannot afford in the target: it opens a pipe to
 * probe memory (two descriptors, and a byte written into whatever has the number later),
 * and it allocates. So it is opened with RTLD_LOCAL, the pipe's functions in its own
 * import table are replaced by ours, and its memory comes from boot.c (REENTRY_PRIVATE).
 *
 * Who runs it: any thread, re-entry flag held.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include "local.h"
#include "node.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "sys.h"
#include "thread.h"
#include "unwind.h"

static int (*reference_backtrace)(void **, int);

/* --- libunwind's imports --- */

/* Negative, so that no system call on them can do harm. */
#define PIPE_READ_END  (-1001)
#define PIPE_WRITE_END (-1002)

static int guest_pipe2(int fds[2], int flags) {
    (void)flags;
    fds[0] = PIPE_READ_END;
    fds[1] = PIPE_WRITE_END;
    return 0;
}

static int guest_pipe(int fds[2]) {
    return guest_pipe2(fds, 0);
}

static ssize_t guest_result(long ret) {
    if (ret >= 0)
        return ret;
    errno = (int)-ret;
    return -1;
}

static ssize_t guest_write(int fd, const void *p, size_t n) {
    if (fd == PIPE_WRITE_END)
        return guest_result(sys_readable((const void *)((uintptr_t)p & ~(uintptr_t)7))
                                ? (long)n
                                : -EFAULT);
    return guest_result(sys_call(SYS_write, fd, (long)p, (long)n, 0, 0, 0));
}

static ssize_t guest_read(int fd, void *p, size_t n) {
    return fd == PIPE_READ_END ? (ssize_t)n : guest_result(sys_read(fd, p, n));
}

/* 1.6 writes by way of syscall(2). */
static long guest_syscall(long nr, long a, long b, long c, long d, long e, long f) {
    if (nr == SYS_write)
        return guest_write((int)a, (const void *)b, (size_t)c);
    return guest_result(sys_call(nr, a, b, c, d, e, f));
}

struct import {
    const char *name;
    void *ours;
};
static const struct import imports[] = {{"pipe2", (void *)guest_pipe2},
                                        {"pipe", (void *)guest_pipe},
                                        {"write", (void *)guest_write},
                                        {"syscall", (void *)guest_syscall},
                                        {"read", (void *)guest_read}};

struct dynamic {
    uintptr_t bias;
    const ElfW(Sym) * symbols;
    const char *names;
    uintptr_t relocations[2]; /* of the PLT, and the others */
    size_t bytes[2];
};

static struct dynamic dynamic_of(const struct link_map *map) {
    struct dynamic d = {.bias = map->l_addr};
    for (const ElfW(Dyn) *e = map->l_ld; e->d_tag != DT_NULL; e++) {
        uintptr_t p =
            e->d_un.d_ptr < map->l_addr ? e->d_un.d_ptr + map->l_addr : e->d_un.d_ptr;
        if (e->d_tag == DT_SYMTAB)
            d.symbols = (const ElfW(Sym) *)p;
        else if (e->d_tag == DT_STRTAB)
            d.names = (const char *)p;
        else if (e->d_tag == DT_JMPREL)
            d.relocations[0] = p;
        else if (e->d_tag == DT_PLTRELSZ)
            d.bytes[0] = e->d_un.d_val;
        else if (e->d_tag == DT_RELA)
            d.relocations[1] = p;
        else if (e->d_tag == DT_RELASZ)
            d.bytes[1] = e->d_un.d_val;
    }
    return d;
}

static bool replace(uintptr_t slot, void *ours) {
    const uintptr_t page = 4096;
    uintptr_t start = slot & ~(page - 1);
    /* Read-only after relocation when libunwind was linked with full RELRO. */
    if (sys_call(SYS_mprotect, (long)start, page, PROT_READ | PROT_WRITE, 0, 0, 0) < 0)
        return false;
    *(void **)slot = ours;
    return true;
}

static bool replace_import(const struct dynamic *d, const ElfW(Rela) * relocation) {
    const char *name = d->names + d->symbols[ELF64_R_SYM(relocation->r_info)].st_name;
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++)
        if (!__builtin_strcmp(name, imports[i].name))
            return replace(d->bias + relocation->r_offset, imports[i].ours);
    return true;
}

/* Return: false when an import of libunwind's could not be replaced. */
static bool tame(const struct link_map *map) {
    struct dynamic d = dynamic_of(map);
    if (!d.symbols || !d.names)
        return false;
    for (int table = 0; table < 2; table++) {
        const ElfW(Rela) *r = (const ElfW(Rela) *)d.relocations[table];
        size_t n = r ? d.bytes[table] / sizeof *r : 0;
        for (size_t i = 0; i < n; i++)
            if (ELF64_R_SYM(r[i].r_info) && !replace_import(&d, &r[i]))
                return false;
    }
    return true;
}

static void set_caching(void *library) {
    const int per_thread = 2; /* UNW_CACHE_PER_THREAD: the global one takes a lock */
    int (*policy)(void *, int) =
        (int (*)(void *, int))dlsym(library, ARCH_UNWIND("set_caching_policy"));
    void **space = dlsym(library, ARCH_UNWIND("local_addr_space"));
    if (policy && space && *space)
        policy(*space, per_thread);
}

/*
 * Its first walk sets it up: some seventy pages and forty system calls, which no process needs that our
 * own rules walk for. They are of the same kinds as those of every later walk, so that they may come
 * later; opening it may not: a hook that calls dlopen() can hold a lock of the target's that somebody
 * inside ld.so waits for. Where it does all walks, it had better be known now whether it can.
 */
static bool works(int (*backtrace)(void **, int)) {
#if ARCH_HAS_WALK
    return backtrace;
#else
    void *frames[8];
    return backtrace && backtrace(frames, 8) > 0;
#endif
}

static void open_guarded(void) {
    const char *name = preload.arena->libunwind_path;
    void *library = dlopen(name[0] ? name : "libunwind.so.8", RTLD_LOCAL | RTLD_NOW);
    struct link_map *map = NULL;
    if (!library || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 || !tame(map))
        return;
    set_caching(library);
    int (*backtrace)(void **, int) =
        (int (*)(void **, int))dlsym(library, "unw_backtrace");
    if (works(backtrace))
        store_release(&reference_backtrace, backtrace);
}

void unwind_open(void) {
    int saved = errno;
    reentry_set(REENTRY_PRIVATE);
    open_guarded();
    reentry_set(REENTRY_NONE);
    errno = saved;
    if (!reference_backtrace)
        process_note(SHM_NOTE_NO_LIBUNWIND, preload.arena->libunwind_path);
}

/* --- a stack --- */

/* A thread that fork left behind may have held one of libunwind's or ld.so's locks. Where
 * libunwind is the only unwinder there is no choice; it is on rare occasions here. */
static bool reference_may_hang(void) {
    return (ARCH_HAS_WALK && preload.forked_threaded) || sys_is_sandboxed;
}

/* By how much libunwind's addresses are less than return addresses, when @address is its name for the hook's
 * caller; > 1: it is not. Its quick walk gives the byte before them (1.6 on AArch64, older ones on x86-64:
 * https://github.com/libunwind/libunwind/issues/175), its slow one, by which it does what is too hard for
 * that, gives them as they are. */
static uintptr_t shortfall(const struct caller *caller, const void *address) {
    return caller->address - arch_code((uintptr_t)address);
}

/* Make them those of the fast path: a frame that a signal interrupted is named by pc + 1. Either walk of
 * libunwind's gives pc there. */
static void correct(void **addresses, uint32_t n, uintptr_t less) {
    bool interrupted = false;
    for (uint32_t i = 0; i < n; i++) {
        uintptr_t address = arch_code((uintptr_t)addresses[i]) + (less | interrupted);
        addresses[i] = (void *)address;
        interrupted = unwind_is_trampoline(address);
    }
}

uint32_t unwind_reference(struct thread *thread, const struct caller *caller,
                          uint32_t *first) {
    int (*backtrace)(void **, int) = load_acquire(&reference_backtrace);
    void **addresses = thread->addresses;
    *first = 0;
    thread->last_flags = SHM_NODE_INCOMPLETE;
    addresses[0] = (void *)caller->address;
    if (!backtrace || reference_may_hang())
        return 1;
    int saved = errno;
    reentry_set(REENTRY_PRIVATE);
    int n = backtrace(addresses, (int)(preload.max_depth + UNWIND_SPARE_FRAMES));
    reentry_set(REENTRY_OURS);
    errno = saved;
    uint32_t end = n > 0 ? (uint32_t)n : 0, i = 0;
    bool full = end == preload.max_depth + UNWIND_SPARE_FRAMES;
    while (end && !addresses[end - 1])
        end--;
    while (i < end && shortfall(caller, addresses[i]) > 1)
        i++;
    if (i == end) { /* it never got out of our own frames */
        addresses[0] = (void *)caller->address;
        return 1;
    }
    *first = i;
    correct(addresses + i, end - i, shortfall(caller, addresses[i]));
    bool cut = full || end - i > preload.max_depth;
    if (cut)
        thread->last_flags = SHM_NODE_TRUNCATED;
    else if (unwind_is_outermost((uintptr_t)addresses[end - 1]))
        thread->last_flags = 0;
    return end - i < preload.max_depth ? end - i : preload.max_depth;
}

static COLD struct frame *by_reference(struct thread *thread,
                                       const struct caller *caller) {
    uint32_t first, n = unwind_reference(thread, caller, &first), node = 0;
    count_up(fallbacks);
    thread->depth = 0;
    for (uint32_t i = n; i-- > 0;) {
        node = node_frame(thread, node, (uintptr_t)thread->addresses[first + i]);
        if (!node)
            return NULL;
    }
    thread->frames[0] = (struct frame){.node = node}; /* depth is 0: nobody's walk */
    return &thread->frames[0];
}

#ifdef UNWIND_SELF_CHECK /* tests only: every stack against libunwind's, but for cut ones */
static COLD void self_check(struct thread *thread, const struct caller *caller) {
    uint64_t *counts = (uint64_t *)local->process->reserved; /* compared, different */
    uint32_t flags = thread->last_flags, first;
    uint32_t depth = thread->depth ? thread->depth : thread->walked;
    if (!depth || flags || !reference_backtrace || reference_may_hang())
        return;
    uint32_t n = unwind_reference(thread, caller, &first);
    bool same = n == depth;
    for (uint32_t i = 0; same && i < n; i++)
        same =
            thread->frames[depth - 1 - i].ra == (uintptr_t)thread->addresses[first + i];
    add_relaxed(&counts[0], 1);
    add_relaxed(&counts[1], !same);
    if (!same && !counts[2]) { /* the first: where they part */
        uint32_t i = 0;
        while (i < n && i < depth &&
               thread->frames[depth - 1 - i].ra ==
                   (uintptr_t)thread->addresses[first + i])
            i++;
        counts[2] = i;
        counts[3] = i < depth ? thread->frames[depth - 1 - i].ra : 0;
        counts[4] = i < n ? (uintptr_t)thread->addresses[first + i] : 0;
        counts[5] = i && i <= depth ? thread->frames[depth - i].ra : 0;
    }
    thread->last_flags = flags;
}

/* What was known without a walk: the same site as that of libunwind's stack? */
static COLD void self_check_known(struct thread *thread, const struct caller *caller,
                                  uint32_t site) {
    uint64_t *counts = (uint64_t *)local->process->reserved;
    if (!reference_backtrace || reference_may_hang())
        return;
    uint32_t first, n = unwind_reference(thread, caller, &first), node = 0;
    for (uint32_t i = n; i-- > 0;)
        node = node_frame(thread, node, (uintptr_t)thread->addresses[first + i]);
    bool same = thread->last_flags || node == node_at(site)->parent;
    add_relaxed(&counts[0], 1);
    add_relaxed(&counts[1], !same);
    thread->last_flags = 0;
}
#else
#define self_check(thread, caller)             ((void)0)
#define self_check_known(thread, caller, site) ((void)0)
#endif

uint32_t unwind_stack(struct thread *thread, const struct caller *caller) {
    bool walked = false;
    struct frame *frame = unwind_fast(thread, caller, &walked);
    if (!walked)
        frame = by_reference(thread, caller);
    return frame ? frame->node : 0;
}

_Static_assert(SHM_N_OPS <= 16, "an op has four bits in struct frame");

uint32_t unwind_site(struct thread *thread, const struct caller *caller, uint32_t op) {
    uint32_t known = unwind_again(thread, caller, op);
    if (likely(known)) {
        self_check_known(thread, caller, known);
        return known;
    }
    bool walked = false;
    struct frame *frame = unwind_fast(thread, caller, &walked);
    if (unlikely(!walked))
        frame = by_reference(thread, caller);
    else
        self_check(thread, caller);
    uint32_t flags = thread->last_flags;
    if (unlikely(flags & SHM_NODE_TRUNCATED))
        count_up(truncated);
    if (unlikely(flags & SHM_NODE_INCOMPLETE))
        count_up(incomplete);
    bool asked = frame && (frame->site & 15) == op && !flags;
    uint32_t site = asked ? frame->site >> 4
                          : (frame ? node_site(thread, frame->node, op, flags) : 0);
    if (unlikely(!site)) {
        count_up(nodes_lost);
        return 0;
    }
    frame->site = site << 4 | op;
    if (walked && !flags)
        unwind_remember(thread, caller, frame->site);
    return site;
}
