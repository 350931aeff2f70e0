/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that never end: see endless.h.
 *
 *   interrupt ─► anchor: registers, memory ─► step ─► same registers? ─► same memory? ─► no timers ─► proven
 *                   ▲                          │  └─ an instruction of the wrong kind: nothing is known
 *                   └── after 2, 4, 8 ... steps┘     (Brent's way to find a cycle whose beginning is not known)
 *
 * Interval timers of another process are in no file: it is made to ask for them itself, by an instruction of the
 * vdso, and finds its registers and its stack as they were.
 */
#include "endless.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch.h"
#include "mappings.h"
#include "process_status.h"
#include "text.h"

#if ARCH_HAS_STEPS

enum {
    PATH_BYTES = 4608,
    STATE_BYTES = 16384, /* of the extended registers; 11 KiB with AMX */
    MOST_RANGES = 256,
    FIRST_ANCHOR = 512, /* steps until the second */
    MOST_UNLIKE = 16,   /* times that registers are equal and memory is not */
    PLACES = 1 << 15,   /* of instructions; a power of two */
};
#define MOST_MEMORY (32ull << 20) /* that is compared */

struct range {
    uint64_t start, end;
};

/* What a thread's next steps depend on. */
struct state {
    struct user_regs_struct registers;
    uint8_t extended[STATE_BYTES];
    size_t n_extended;
    struct range writable[MOST_RANGES],
        hooks[MOST_RANGES]; /* hooks: of the preload library */
    uint32_t n_writable, n_hooks;
    struct range vdso; /* its code reads clocks */
    uint64_t rseq;     /* where the kernel tells a thread its processor; 0 = nowhere */
    uint8_t *memory;
    uint64_t n_memory;
};

struct walker {
    pid_t tid;
    int memory;     /* /proc/TID/mem */
    bool stopped;   /* by us: it is to go on */
    bool allocates; /* since the anchor */
    bool counts;
    struct state anchor, now;
    uint64_t *
        places; /* instructions that are known to be of the right kind, open addressing */
    uint32_t n_places;
};

/* --- stops --- */

/* Return: whether it has stopped as it was asked to; else the stop is left to be waited for, and to whoever does,
 * the thread. */
static bool take_stop(pid_t tid, const siginfo_t *info, int event) {
    int status;
    return info->si_pid == tid && info->si_code == CLD_TRAPPED &&
           info->si_status == (SIGTRAP | event << 8) &&
           waitpid(tid, &status, __WALL) == tid;
}

/* Does it wait for neither a processor nor us? */
static bool is_held_up(pid_t tid) {
    struct process_status status;
    char state = process_status_read(tid, &status) < 0
                     ? 0
                     : process_status_letter(&status, "State");
    return state != 'R' && state != 't';
}

/* A thread in an uninterruptible sleep must not hold us up: 200 ms at most; a busy machine, 2 s. */
static bool stop(struct walker *w) {
    enum { TURN_US = 100, MOST = 2000, MOST_BUSY = 20000 };
    siginfo_t info = {0};
    if (ptrace(PTRACE_INTERRUPT, w->tid, NULL, NULL) < 0)
        return false;
    for (int i = 0; i < MOST_BUSY; i++) {
        if (waitid(P_PID, (id_t)w->tid, &info,
                   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
            return false;
        if (info.si_pid || (i >= MOST && is_held_up(w->tid)))
            break;
        usleep(TURN_US);
    }
    w->stopped = take_stop(w->tid, &info, PTRACE_EVENT_STOP);
    return w->stopped;
}

static bool step(struct walker *w) {
    siginfo_t info = {0};
    if (ptrace(PTRACE_SINGLESTEP, w->tid, NULL, NULL) < 0)
        return false;
    while (waitid(P_PID, (id_t)w->tid, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL) < 0)
        if (errno != EINTR)
            return false;
    w->stopped = take_stop(w->tid, &info, 0);
    return w->stopped;
}

static void go_on(struct walker *w) {
    if (w->stopped)
        ptrace(PTRACE_CONT, w->tid, NULL, NULL);
    w->stopped = false;
}

/* --- state --- */

/* Return: whether all of it is known. */
static bool read_ranges(pid_t tid, struct state *s) {
    char path[64], line[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/maps", tid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    s->n_writable = s->n_hooks = 0;
    s->n_memory = 0;
    s->vdso = (struct range){0};
    bool known = true;
    while (known && fgets(line, sizeof line, f)) {
        char *rest;
        struct range r = {.start = strtoull(line, &rest, 16)};
        r.end = *rest == '-' ? strtoull(rest + 1, &rest, 16) : 0;
        line[strcspn(line, "\n")] = 0;
        const char *name = strpbrk(rest, "/[");
        bool writable = rest[0] == ' ' && rest[2] == 'w' && rest[4] == 'p';
        known =
            r.end > r.start && s->n_writable < MOST_RANGES && s->n_hooks < MOST_RANGES;
        if (known && name && strncmp(text_basename(name), "libdearth", 9) == 0)
            s->hooks[s->n_hooks++] = r;
        if (known && name && strcmp(name, "[vdso]") == 0)
            s->vdso = r;
        if (known && writable) {
            s->writable[s->n_writable++] = r;
            s->n_memory += r.end - r.start;
        }
    }
    fclose(f);
    return known && s->n_memory <= MOST_MEMORY;
}

/* The copy of @n bytes at @address, as far as the state has them; else NULL. */
static uint8_t *find_copy(struct state *s, uint64_t address, uint64_t n) {
    uint64_t at = 0;
    for (uint32_t i = 0; i < s->n_writable; i++) {
        const struct range *r = &s->writable[i];
        if (address >= r->start && address < r->end)
            return r->end - address < n ? NULL : s->memory + at + (address - r->start);
        at += r->end - r->start;
    }
    return NULL;
}

/* The kernel writes there which processor a thread is on: whoever is moved while it is stepped has not done anything
 * by that. (Who waits in a loop for another processor's number is taken for endless.)
 * Return: whether nothing there may send it elsewhere: what is within a restartable sequence starts anew whenever it
 * was interrupted. */
static bool forget_processor(struct state *s) {
    struct rseq_words {
        uint32_t cpu_id_start, cpu_id;
        uint64_t sequence;
        uint32_t flags, node_id, mm_cid, reserved;
    } words;
    uint8_t *at = s->rseq ? find_copy(s, s->rseq, sizeof words) : NULL;
    if (!at)
        return true;
    memcpy(&words, at, sizeof words);
    words.cpu_id_start = words.cpu_id = words.node_id = words.mm_cid = 0;
    words.reserved = 0;
    memcpy(at, &words, sizeof words);
    return !words.sequence;
}

static void find_rseq(pid_t tid, struct state *s) {
    struct __ptrace_rseq_configuration rseq = {0};
    s->rseq = 0; /* before Linux 5.13 nobody says */
    if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, (void *)sizeof rseq, &rseq) > 0)
        s->rseq = rseq.rseq_abi_pointer;
}

static bool read_memory(const struct walker *w, struct state *s) {
    uint64_t at = 0;
    find_rseq(w->tid, s);
    free(s->memory);
    s->memory = text_alloc(s->n_memory + 1);
    for (uint32_t i = 0; i < s->n_writable; i++) {
        const struct range *r = &s->writable[i];
        for (uint64_t from = r->start; from < r->end;) {
            ssize_t n = pread(w->memory, s->memory + at, r->end - from, (off_t)from);
            if (n <= 0)
                return false;
            at += (uint64_t)n;
            from += (uint64_t)n;
        }
    }
    return forget_processor(s);
}

static bool read_registers(pid_t tid, struct user_regs_struct *out) {
    return ptrace(PTRACE_GETREGS, tid, NULL, out) == 0;
}

static bool read_state(const struct walker *w, struct state *s) {
    struct iovec part = {s->extended, sizeof s->extended};
    if (!read_registers(w->tid, &s->registers) ||
        ptrace(PTRACE_GETREGSET, w->tid, (void *)NT_X86_XSTATE, &part) < 0)
        return false;
    s->n_extended = part.iov_len;
    return s->n_extended < sizeof s->extended && read_ranges(w->tid, s) &&
           read_memory(w, s);
}

static bool same_state(const struct state *a, const struct state *b) {
    return a->n_extended == b->n_extended &&
           memcmp(a->extended, b->extended, a->n_extended) == 0 &&
           a->n_writable == b->n_writable &&
           memcmp(a->writable, b->writable, a->n_writable * sizeof *a->writable) == 0 &&
           memcmp(a->memory, b->memory, a->n_memory) == 0;
}

/* --- instructions --- */

/* Does it do the same whenever registers and memory are the same? Not what reads clocks, counters or random
 * numbers, asks the kernel, or may be aborted by somebody else. A prefix more or less does no harm. */
static bool is_certain(const uint8_t *code) {
    const uint8_t *p = code, *last = code + 12;
    bool prefixed = false;
    for (; p < last && memchr("\x66\xf2\xf3\x2e\x36\x3e\x26\x64\x65\x67\xf0", *p, 11);
         p++)
        prefixed |= *p == 0x66 || *p == 0xf2 || *p == 0xf3;
    if (p < last && (*p & 0xf0) == 0x40) /* REX */
        p++;
    bool of_registers = p[0] == 0x0f && p[2] >> 6 == 3;
    unsigned digit = p[2] >> 3 & 7;
    if (p[0] == 0xc6 || p[0] == 0xc7)
        return p[1] != 0xf8; /* xabort, xbegin */
    if (p[0] >= 0xcc && p[0] <= 0xcf)
        return false; /* int3, int, iret */
    if (p[0] == 0xf1 || p[0] == 0x9c || p[0] == 0x9d)
        return false; /* icebp; pushf, popf: stepping may show in it */
    if (p[0] != 0x0f)
        return true;
    switch (p[1]) {
    case 0x05: /* syscall */
    case 0x07:
    case 0x31: /* rdtsc */
    case 0x33: /* rdpmc */
    case 0x34: /* sysenter */
    case 0x35:
    case 0xa2: /* cpuid */
        return false;
    case 0x01: /* rdtscp, xgetbv, rdpru ... */
        return !of_registers;
    case 0xc7: /* rdrand, rdseed, rdpid */
        return !of_registers || digit < 6;
    case 0xae: /* umonitor, umwait, tpause */
        return !of_registers || !prefixed || digit != 6;
    default:
        return true;
    }
}

static bool is_within(const struct range *ranges, uint32_t n, uint64_t address) {
    for (uint32_t i = 0; i < n; i++)
        if (address >= ranges[i].start && address < ranges[i].end)
            return true;
    return false;
}

/* May the instruction at @at be part of a proof? */
static bool may_step(struct walker *w, uint64_t at) {
    uint32_t slot = (uint32_t)(at * 0x9e3779b97f4a7c15ull >> 32) % PLACES;
    uint8_t code[16] = {0};
    while (w->places[slot] && w->places[slot] != at)
        slot = (slot + 1) % PLACES;
    if (w->places[slot])
        return true;
    if (w->n_places++ >= PLACES / 2 ||
        pread(w->memory, code, sizeof code, (off_t)at) <= 0)
        return false;
    if (at >> 63 || is_within(&w->anchor.vdso, 1, at) || /* vsyscall, vdso */
        is_within(w->anchor.writable, w->anchor.n_writable, at) || !is_certain(code))
        return false; /* code that is made while it runs may be another the next time */
    w->places[slot] = at;
    return true;
}

/* Step until the anchor's state has come back. In our own hooks, too, whose counters in the arena are not
 * compared: once its only fault has fired, none of them decides anything (recorder/preload/fault.c). */
static bool find_cycle(struct walker *w, uint64_t most_steps) {
    uint64_t next_anchor = FIRST_ANCHOR;
    uint32_t unlike = 0;
    struct user_regs_struct now;
    if (!read_state(w, &w->anchor) || (long)w->anchor.registers.orig_rax >= 0)
        return false; /* out of a system call: that may come out otherwise the next time */
    now = w->anchor.registers;
    for (uint64_t i = 1; i <= most_steps; i++) {
        w->allocates |= is_within(w->anchor.hooks, w->anchor.n_hooks, now.rip);
        if (!may_step(w, now.rip) || !step(w) || !read_registers(w->tid, &now))
            return false;
        if (now.rip == w->anchor.registers.rip &&
            memcmp(&now, &w->anchor.registers, sizeof now) == 0) {
            if (!read_state(w, &w->now))
                return false;
            if (same_state(&w->anchor, &w->now))
                return true;
            w->counts = ++unlike > MOST_UNLIKE;
            if (w->counts)
                return false;
        }
        if (i == next_anchor) {
            next_anchor *= 2;
            w->allocates = false;
            if (!read_state(w, &w->anchor))
                return false;
        }
    }
    return false;
}

/* --- what could end it --- */

static bool find_syscall(int memory, uint64_t vdso, uint64_t *out) {
    uint8_t code[8192];
    ssize_t n = pread(memory, code, sizeof code, (off_t)vdso);
    for (ssize_t i = 0; i + 1 < n; i++)
        if (code[i] == 0x0f && code[i + 1] == 0x05) {
            *out = vdso + (uint64_t)i;
            return true;
        }
    return false;
}

/* Let the stopped thread ask for one of its interval timers. Its state is put back, that of the system call that it
 * was in, which it goes back to, too. */
static bool ask_timer(struct walker *w, uint64_t at, int which, struct itimerval *out) {
    struct user_regs_struct was, now;
    uint8_t kept[sizeof *out];
    pid_t tid = w->tid;
    int memory = w->memory;
    if (!read_registers(tid, &was))
        return false;
    uint64_t room = (was.rsp - 1024) & ~15ull;
    if (pread(memory, kept, sizeof kept, (off_t)room) != (ssize_t)sizeof kept)
        return false;
    now = was;
    now.rip = at;
    now.rax = SYS_getitimer;
    now.orig_rax = ~0ull;
    now.rdi = (unsigned long long)which;
    now.rsi = room;
    bool asked = ptrace(PTRACE_SETREGS, tid, NULL, &now) == 0 && step(w) &&
                 read_registers(tid, &now) && now.rax == 0 &&
                 pread(memory, out, sizeof *out, (off_t)room) == (ssize_t)sizeof *out;
    bool restored =
        pwrite(memory, kept, sizeof kept, (off_t)room) == (ssize_t)sizeof kept &&
        ptrace(PTRACE_SETREGS, tid, NULL, &was) == 0;
    return asked && restored;
}

static bool has_timer(struct walker *w) {
    char path[64], one;
    uint64_t at;
    snprintf(path, sizeof path, "/proc/%d/timers", w->tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool has = fd < 0 || read(fd, &one, 1) != 0; /* those of timer_create() */
    if (fd >= 0)
        close(fd);
    read_ranges(w->tid, &w->now);
    has = has || !w->now.vdso.end || !find_syscall(w->memory, w->now.vdso.start, &at);
    for (int which = ITIMER_REAL; !has && which <= ITIMER_PROF; which++) {
        struct itimerval timer = {0};
        has = !ask_timer(w, at, which, &timer) || timer.it_value.tv_sec ||
              timer.it_value.tv_usec;
    }
    return has;
}

/* SIGIO comes when a descriptor is ready; a seccomp filter may end who asks a question. */
static bool is_open_to_others(pid_t tid, const char *arena_path) {
    struct process_status status;
    struct rlimit cpu;
    return process_status_read(tid, &status) < 0 ||
           process_status_mask(&status, "SigCgt") >> (SIGIO - 1) & 1 ||
           process_status_number(&status, "Seccomp") ||
           mappings_share(tid, arena_path, -1) != 0 ||
           prlimit(tid, RLIMIT_CPU, NULL, &cpu) < 0 || cpu.rlim_cur != RLIM_INFINITY;
}

static struct walker *walker_new(pid_t tid) {
    char path[64];
    struct walker *w = text_alloc(sizeof *w);
    w->tid = tid;
    snprintf(path, sizeof path, "/proc/%d/mem", tid);
    w->memory = open(path, O_RDWR | O_CLOEXEC);
    w->places = text_alloc(PLACES * sizeof *w->places);
    return w;
}

static void walker_free(struct walker *w) {
    if (w->memory >= 0)
        close(w->memory);
    free(w->anchor.memory);
    free(w->now.memory);
    free(w->places);
    free(w);
}

enum hang endless_goes_round(pid_t tid, const char *arena_path, uint64_t most_steps,
                             bool *counts) {
    *counts = false;
    if (is_open_to_others(tid, arena_path))
        return HANG_UNKNOWN;
    struct walker *w = walker_new(tid);
    bool proven = w->memory >= 0 && stop(w) && find_cycle(w, most_steps) && !has_timer(w);
    enum hang hang = !proven        ? HANG_UNKNOWN
                     : w->allocates ? HANG_ALLOCATING
                                    : HANG_SPINNING;
    *counts = w->counts;
    go_on(w);
    walker_free(w);
    return hang;
}

bool endless_may_be_woken(pid_t tid, const char *arena_path) {
    if (is_open_to_others(tid, arena_path))
        return true;
    struct walker *w = walker_new(tid);
    bool may = w->memory < 0 || !stop(w) || has_timer(w);
    go_on(w);
    walker_free(w);
    return may;
}

#else

enum hang endless_goes_round(pid_t tid, const char *arena_path, uint64_t most_steps,
                             bool *counts) {
    (void)tid, (void)arena_path, (void)most_steps;
    *counts = false;
    return HANG_UNKNOWN;
}

bool endless_may_be_woken(pid_t tid, const char *arena_path) {
    (void)tid, (void)arena_path;
    return true;
}

#endif
