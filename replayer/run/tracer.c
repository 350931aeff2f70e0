/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process tree under PTRACE_SEIZE.
 *
 *   worker ──seize──► first ──fork──► (attached by the kernel) ──clone──► thread ...
 *
 * What the target must not notice
 *  - signals: each stops its receiver once (signal-delivery stop) and is then delivered
 * with its siginfo untouched. A signal that a core dump would follow is the moment to
 * look.
 *  - job control: a group stop is left alone with PTRACE_LISTEN, so that SIGCONT ends it
 * and the real parent sees it by waitpid(WUNTRACED).
 *  - its own wait(): the kernel shows a traced child's end to us first and to its parent
 * after.
 *
 * PTRACE_O_EXITKILL: when this worker dies, by whatever means, the kernel kills the tree.
 * Without ptrace the tree is held by three cords: the first process dies with us
 * (PR_SET_PDEATHSIG), the others become our children (PR_SET_CHILD_SUBREAPER) and are
 * found through /proc.
 */
#include "tracer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "crash.h"
#include "process_status.h"
#include "remains.h"
#include "text.h"
#include "waiting.h"

struct tracee {
    pid_t tid;
    uint64_t
        call; /* number of the system call that it is in, where those are looked at */
    uint64_t arguments[6];    /* of that call */
    struct schedule schedule; /* when last looked at */
    bool aborts;              /* a SIGABRT was sent to it that nothing handles */
};

uint64_t tracer_options(bool exits, bool calls) {
    uint64_t more =
        (exits ? PTRACE_O_TRACEEXIT : 0) | (calls ? PTRACE_O_TRACESYSGOOD : 0);
    return more | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
           PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
}

static uint32_t find(const struct tracer *tracer, pid_t tid) {
    uint32_t i = tracer->n;
    while (i > 0 && tracer->tracees[i - 1].tid != tid) /* the newest are the busiest */
        i--;
    return i; /* 1-based, 0 = not there */
}

void tracer_add(struct tracer *tracer, pid_t first) {
    if (!tracer->traced || find(tracer, first))
        return;
    tracer->tracees = text_grow(tracer->tracees, tracer->n, sizeof *tracer->tracees);
    tracer->tracees[tracer->n++] = (struct tracee){.tid = first};
}

bool tracer_knows(const struct tracer *tracer, pid_t tid) {
    return find(tracer, tid) != 0;
}

void tracer_forget(struct tracer *tracer, pid_t tid) {
    uint32_t i = find(tracer, tid);
    if (i)
        tracer->tracees[i - 1] = tracer->tracees[--tracer->n];
}

void tracer_deinit(struct tracer *tracer) {
    free(tracer->tracees);
    remains_forget(tracer);
    *tracer = (struct tracer){0};
}

static bool is_candidate(int sig) {
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
           sig == SIGABRT || sig == SIGTRAP || sig == SIGSYS;
}

/* What /proc/TID/status says of signals. */
struct dispositions {
    unsigned long long taken; /* bit SIG - 1: has a handler, or is ignored */
    bool init;                /* process 1 of a pid namespace */
};

static struct dispositions read_dispositions(pid_t tid) {
    struct process_status status;
    struct dispositions d = {0};
    if (process_status_read(tid, &status) < 0)
        return d;
    d.taken =
        process_status_mask(&status, "SigCgt") | process_status_mask(&status, "SigIgn");
    d.init = process_status_innermost_pid(&status) == 1;
    return d;
}

/* Is it a thread of another process than @pid? */
static bool is_of_another(pid_t tid, uint32_t pid) {
    struct process_status status;
    return process_status_read(tid, &status) == 0 &&
           process_status_number(&status, "Tgid") != pid;
}

static bool is_taken(const struct dispositions *d, int sig) {
    return d->taken >> (sig - 1) & 1;
}

/* Is it the instruction by which abort() ends a process that its SIGABRT did not? The place of the abort
 * is known then. */
static bool ends_abort(struct tracer *tracer, pid_t tid, int sig,
                       const struct dispositions *d) {
    uint32_t i = find(tracer, tid);
    if (!i || !d->init || is_taken(d, sig))
        return false;
    bool ends = tracer->tracees[i - 1].aborts && sig != SIGABRT;
    tracer->tracees[i - 1].aborts |= sig == SIGABRT;
    return ends;
}

static bool is_fault(int sig, const siginfo_t *info) {
    return info->si_code > 0 && sig != SIGABRT && sig != SIGSYS;
}

/* A program that lives off its SIGSEGV handler (garbage collectors) must not cost a stack each time:
 * one for each place, and not for many of them. */
static bool is_new_place(struct tracer *tracer, pid_t tid, int sig) {
    uint64_t pc;
    if (tracer->n_caught == OBSERVATION_CAUGHT || !crash_pc(tid, &pc))
        return false;
    for (uint32_t i = 0; i < tracer->n_caught; i++)
        if (tracer->caught[i].signal == sig && tracer->caught[i].pc == pc)
            return false;
    tracer->caught[tracer->n_caught].signal = sig;
    tracer->caught[tracer->n_caught++].pc = pc;
    return true;
}

static bool is_room(const struct observation *seen, bool fatal) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < seen->n_caught; i++)
        n += seen->caught[i].fatal == fatal;
    return n < (fatal ? OBSERVATION_DIED : OBSERVATION_CAUGHT);
}

/* The crash of @from becomes the last of those that were caught before. */
static void keep_caught(struct observation *to, struct observation *from) {
    if (!from->crash.signal || !is_room(to, from->crash.fatal))
        return;
    to->caught = text_realloc(to->caught, (to->n_caught + 1) * sizeof *to->caught);
    to->caught[to->n_caught++] = (struct caught_signal){.signal = from->crash.signal,
                                                        .code = from->crash.code,
                                                        .fatal = from->crash.fatal,
                                                        .address = from->crash.address,
                                                        .last = from->crash.last,
                                                        .pid = from->crash.pid,
                                                        .exe = from->crash.exe,
                                                        .frames = from->crash.frames,
                                                        .n_frames = from->crash.n_frames};
    from->crash.exe = NULL;
    from->crash.frames = NULL;
    from->crash.n_frames = 0;
}

/* Has another process died of the same at the same place before? */
static bool is_kept(const struct observation *seen, const struct observation *now) {
    for (uint32_t i = 0; i < seen->n_caught; i++) {
        const struct caught_signal *was = &seen->caught[i];
        uint32_t same = 0, n = now->crash.n_frames;
        while (same < n && same < was->n_frames &&
               attempt_same_frame(&was->frames[same], &now->crash.frames[same]))
            same++;
        if (was->signal == now->crash.signal && was->n_frames == n && same == n)
            return true;
    }
    return false;
}

static bool is_blocked(pid_t tid, int sig) {
    struct process_status status;
    return process_status_read(tid, &status) == 0 &&
           process_status_mask(&status, "SigBlk") >> (sig - 1) & 1;
}

/*
 * Does what @now shows come from the handler of the crash that @was? Then that is the place to know:
 * the handler ends the program by abort(), by itself or in another thread, or goes wrong in turn. A stack
 * that cannot be read through the handler's frame (the crash was a call to nowhere) ends elsewhere.
 */
static bool is_of_handler(const struct tracer *tracer, pid_t tid,
                          const struct observation *was, const struct observation *now) {
    uint32_t n_was = was->crash.n_frames, n_now = now->crash.n_frames;
    if (!tracer->caught_by || was->crash.code <= 0 || !n_was || !n_now ||
        was->crash.pid != now->crash.pid)
        return false;
    for (uint32_t i = 1; i < n_now; i++)
        if (attempt_same_frame(&now->crash.frames[i], &was->crash.frames[0]))
            return true;
    bool whole =
        attempt_same_frame(&now->crash.frames[n_now - 1], &was->crash.frames[n_was - 1]);
    return (tid != tracer->caught_by || !whole) &&
           is_blocked(tracer->caught_by, was->crash.signal);
}

/* Has the process of the last crash ended by it, or will it? That it has is known later, when it is waited for: others may
 * die at the same time. */
static bool is_dead(const struct tracer *tracer) {
    return tracer->seen->crash.signal && (tracer->seen->crash.fatal || tracer->dies);
}

static void take_signal(struct tracer *tracer, pid_t tid, int sig, const siginfo_t *info,
                        bool taken) {
    struct observation *seen = tracer->seen, now = {0};
    now.crash.signal = sig;
    now.crash.code = info->si_code;
    /* only signals the kernel raised for an instruction carry an address */
    now.crash.address =
        info->si_code > 0 && sig != SIGABRT ? (uintptr_t)info->si_addr : 0;
    for (uint32_t i = 0; tracer->faults && i < SHM_MAX_FAULTS; i++)
        if (tracer->faults[i].also_failed)
            now.crash.last = tracer->faults[i].last;
    crash_capture(tid, &now);
    bool other = is_dead(tracer) && seen->crash.pid != now.crash.pid;
    if (tracer->watches) {
        now.crash.fatal = !taken;
        if (!is_kept(seen, &now))
            keep_caught(seen, &now);
    } else if (other && info->si_code <= 0) {
        /* a parent that ends as its child did, mostly: the child is the place to know, */
        now.crash.fatal = !taken;
        if (!is_kept(seen, &now))
            keep_caught(seen, &now); /* unless it ends so in every run */
    } else if (!is_of_handler(tracer, tid, seen, &now)) {
        seen->crash.fatal |= is_dead(tracer);
        if (tracer->caught_by || (other && !is_kept(seen, seen)))
            keep_caught(seen, seen);
        crash_frames_free(seen->crash.frames, seen->crash.n_frames);
        free(seen->crash.exe);
        now.crash.sample_frames = seen->crash.sample_frames;
        now.crash.n_sample_frames = seen->crash.n_sample_frames;
        seen->crash = now.crash;
        tracer->caught_by = taken && is_fault(sig, info) ? tid : 0;
        tracer->dies = !taken;
        return;
    }
    observation_deinit(&now);
}

static void look_at_signal(struct tracer *tracer, pid_t tid, int sig,
                           const siginfo_t *info, const struct dispositions *d) {
    struct observation *seen = tracer->seen;
    bool taken = is_taken(d, sig);
    if (tracer->watches ? taken && !is_fault(sig, info)
                        : !__atomic_load_n(tracer->armed, __ATOMIC_ACQUIRE) ||
                              ends_abort(tracer, tid, sig, d))
        return;
    /* A handler that raises the signal again: the place to know is the first one. */
    if (info->si_code <= 0 && seen->crash.n_frames &&
        (sig == seen->crash.signal || is_dead(tracer)) &&
        !(is_dead(tracer) && is_of_another(tid, seen->crash.pid)))
        return;
    if (!taken || is_new_place(tracer, tid, sig))
        take_signal(tracer, tid, sig, info, taken);
}

static void go_on(const struct tracer *tracer, pid_t tid, int sig) {
    ptrace(tracer->openings || tracer->follow ? PTRACE_SYSCALL : PTRACE_CONT, tid, NULL,
           (void *)(intptr_t)sig);
}

/* Has the call that failed not come back yet: is it in our library, or does it throw? */
static bool is_under_way(const struct observation *seen) {
    for (uint32_t i = 0; i < seen->crash.n_frames; i++) {
        const struct crash_frame *f = &seen->crash.frames[i];
        if (strncmp(text_basename(f->module), "libdearth", 9) == 0 ||
            (f->function && (strncmp(f->function, "__cxa_throw", 11) == 0 ||
                             strncmp(f->function, "_Unwind_", 8) == 0 ||
                             strncmp(f->function, "__cxa_allocate_", 15) == 0)))
            return true;
    }
    return false;
}

/* The thread in which the call failed does something again. */
static void see_where_it_goes_on(struct tracer *tracer, pid_t tid) {
    struct observation *seen = tracer->seen, now = {0};
    if (!__atomic_load_n(tracer->armed, __ATOMIC_ACQUIRE) || !tracer->faults ||
        tid != (pid_t)tracer->faults[0].fired_tid)
        return;
    crash_capture(tid, &now);
    if (!now.crash.n_frames || is_under_way(&now)) {
        observation_deinit(&now);
        return;
    }
    tracer->follow = false;
    crash_frames_free(seen->crash.sample_frames, seen->crash.n_sample_frames);
    seen->crash.sample_frames = now.crash.frames;
    seen->crash.n_sample_frames = now.crash.n_frames;
    now.crash.frames = NULL;
    now.crash.n_frames = 0;
    observation_deinit(&now);
}

/* A system call begins or has come back. */
static void look_at_call(struct tracer *tracer, pid_t tid) {
    struct __ptrace_syscall_info info = {0};
    uint32_t i = find(tracer, tid);
    if (!i || ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof info, &info) <= 0)
        return;
    struct tracee *tracee = &tracer->tracees[i - 1];
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY && tracer->follow)
        see_where_it_goes_on(tracer, tid);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        memcpy(tracee->arguments, info.entry.args, sizeof tracee->arguments);
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        tracee->call = info.entry.nr;
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT && !info.exit.is_error)
        remains_called(
            tracer, tid,
            &(struct remains_call){tracee->call, tracee->arguments, info.exit.rval});
}

/*
 * The kernel drops deadly signals of a traced process 1 (Source: Linux, kernel/signal.c,
 * force_sig_info_to_task: "users won't expect debugging to leave init killable"), so that it would run
 * into the same fault for ever. Left alone it runs into it once more, and dies of it.
 */
static void let_die(struct tracer *tracer, pid_t tid) {
    struct observation *seen = tracer->seen;
    if (seen->crash.signal && seen->crash.pid == (uint32_t)tid)
        seen->crash.fatal = true; /* whose end its own parent alone will see */
    ptrace(PTRACE_DETACH, tid, NULL, NULL);
    tracer_forget(tracer, tid);
}

/* Is it the SIGSTOP with which a copy says that it has made the calls of its order? It is for us alone. */
static bool asks_for_end(const struct tracer *tracer, pid_t tid, int sig) {
    siginfo_t info;
    return tracer->most && sig == SIGSTOP &&
           __atomic_load_n(tracer->calls, __ATOMIC_RELAXED) > tracer->most &&
           ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0 && info.si_code == SI_TKILL;
}

static void deliver(struct tracer *tracer, pid_t tid, int sig) {
    siginfo_t info;
    if (!tracer->killing && asks_for_end(tracer, tid, sig)) {
        tracer->survived = tracer->seen->crash.signal == 0;
        if (!tracer->survived) /* a signal that it caught: how it ends is to be seen */
            go_on(tracer, tid, 0);
        return;
    }
    if (tracer->killing || !is_candidate(sig) ||
        ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) < 0) {
        go_on(tracer, tid, sig);
        return;
    }
    struct dispositions d = read_dispositions(tid);
    look_at_signal(tracer, tid, sig, &info, &d);
    if (d.init && !is_taken(&d, sig) && is_fault(sig, &info))
        let_die(tracer, tid);
    else
        go_on(tracer, tid, sig);
}

void tracer_release(pid_t tid) {
    ptrace(PTRACE_CONT, tid, NULL, NULL);
}

static bool is_stop_signal(int sig) {
    return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* Running, stopped or not yet reaped. */
static bool is_there(pid_t pid) {
    return kill(pid, 0) == 0 || errno != ESRCH;
}

static void handle_stop(struct tracer *tracer, pid_t tid, int status) {
    int sig = WSTOPSIG(status), event = status >> 16;
    unsigned long message = 0;
    tracer->branched |= event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
                        event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_EXEC;
    switch (event) {
    case 0:
        if (sig == (SIGTRAP | 0x80)) { /* PTRACE_O_TRACESYSGOOD */
            look_at_call(tracer, tid);
            go_on(tracer, tid, 0);
        } else {
            deliver(tracer, tid, sig);
        }
        break;
    case PTRACE_EVENT_EXIT:
        if (!tracer->killing)
            remains_at_exit(tracer, tid);
        go_on(tracer, tid, 0);
        break;
    case PTRACE_EVENT_STOP:
        if (tracer->sampling == tid) {
            crash_capture(tid, tracer->seen);
            tracer->sampling = 0;
            tracer->sampled = tid;
        }
        if (is_stop_signal(sig))
            ptrace(PTRACE_LISTEN, tid, NULL, NULL);
        else
            go_on(tracer, tid, 0);
        break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        /* on a busy machine it may have stopped, ended and been reaped before this event came */
        if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message) == 0 && message &&
            is_there((pid_t)message))
            tracer_add(tracer, (pid_t)message);
        if (!tracer->cloned || !tracer->cloned(tracer->context, tid, (pid_t)message))
            go_on(tracer, tid, 0);
        break;
    case PTRACE_EVENT_EXEC: /* a thread that execs takes over its leader's id */
        if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message) == 0 && message &&
            (pid_t)message != tid)
            tracer_forget(tracer, (pid_t)message);
        go_on(tracer, tid, 0);
        break;
    default:
        go_on(tracer, tid, 0);
    }
}

bool tracer_handle(struct tracer *tracer, pid_t pid, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
        tracer_forget(tracer, pid);
        if (tracer->sampling == pid)
            tracer->sampling = 0;
        return true;
    }
    if (!tracer->traced || !WIFSTOPPED(status))
        return false;
    tracer_add(tracer, pid); /* a child's first stop may come before its parent's event */
    if (tracer->killing)
        kill(pid, SIGKILL);
    handle_stop(tracer, pid, status);
    return false;
}

/* --- descendants by /proc: for untraced trees, and for what slipped away --- */

/* Parent of a process by /proc/PID/stat; only system calls. */
static pid_t parent_of(const char *pid_name) {
    char path[64] = "/proc/", line[512];
    size_t n = 6;
    for (const char *p = pid_name; *p && n < sizeof path - 6; p++)
        path[n++] = *p;
    memcpy(path + n, "/stat", 6);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, line, sizeof line - 1);
    close(fd);
    if (got <= 0)
        return -1;
    line[got] = 0;
    char *p = line + got; /* "pid (name) S ppid": the name may hold anything */
    while (p > line && *p != ')')
        p--;
    if (p == line || p + 4 >= line + got)
        return -1;
    pid_t parent = 0;
    for (p += 4; *p >= '0' && *p <= '9'; p++)
        parent = parent * 10 + (*p - '0');
    return parent;
}

pid_t tracer_parent(pid_t pid) {
    char name[16];
    snprintf(name, sizeof name, "%d", pid);
    return parent_of(name);
}

static pid_t number_of(const char *name) {
    pid_t n = 0;
    for (; *name; name++) {
        if (*name < '0' || *name > '9')
            return 0;
        n = n * 10 + (*name - '0');
    }
    return n;
}

struct relation {
    pid_t pid, parent;
};

/* All (process, parent) pairs, up to @max. Only system calls: runs in a signal handler.
 */
static int read_relations(struct relation *out, int max) {
    char buffer[8192] __attribute__((aligned(8)));
    int n = 0, fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    for (;;) {
        long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
        if (got <= 0)
            break;
        for (long at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(buffer + at);
            at += entry->d_reclen;
            pid_t pid = number_of(entry->d_name);
            if (pid && n < max)
                out[n++] = (struct relation){pid, parent_of(entry->d_name)};
        }
    }
    close(fd);
    return n;
}

/* Mark the descendants of ours by making them their own parent. */
static void mark_descendants(struct relation *all, int n) {
    pid_t self = getpid();
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < n; i++) {
            bool ours = all[i].parent == self;
            for (int j = 0; !ours && j < n && all[i].parent != all[i].pid; j++)
                ours = all[j].pid == all[i].parent && all[j].parent == all[j].pid;
            if (ours && all[i].parent != all[i].pid) {
                all[i].parent = all[i].pid;
                changed = true;
            }
        }
    }
}

#define MAX_RELATIONS 4096

void tracer_kill_descendants(void) {
    struct relation all[MAX_RELATIONS];
    int n = read_relations(all, MAX_RELATIONS);
    mark_descendants(all, n);
    for (int i = 0; i < n; i++)
        if (all[i].parent == all[i].pid)
            kill(all[i].pid, SIGKILL);
}

int tracer_children(pid_t *out, int max) {
    siginfo_t
        any; /* mostly there are none, and all processes of the machine would be looked at */
    if (waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 &&
        errno == ECHILD)
        return 0;
    AUTO_FREE struct relation *all = text_alloc(MAX_RELATIONS * sizeof *all);
    int n_all = read_relations(all, MAX_RELATIONS), n = 0;
    for (int i = 0; i < n_all && n < max; i++)
        if (all[i].parent == getpid())
            out[n++] = all[i].pid;
    return n;
}

int tracer_threads(const struct tracer *tracer, pid_t *out, int max) {
    int n = 0;
    for (; n < max && (uint32_t)n < tracer->n; n++)
        out[n] = tracer->tracees[n].tid;
    return n;
}

void tracer_kill_known(struct tracer *tracer) {
    tracer->killing = true;
    for (uint32_t i = tracer->n; i-- > 0;) { /* a thread's id reaches its process */
        pid_t tid = tracer->tracees[i].tid;
        if (kill(tid, SIGKILL) < 0 && errno == ESRCH)
            tracer_forget(tracer, tid);
    }
}

void tracer_kill(struct tracer *tracer) {
    tracer_kill_known(tracer);
    tracer_kill_descendants();
}

/* --- processor time --- */

/* Source: Documentation/scheduler/sched-stats.rst. */
static struct schedule read_schedule(pid_t tid) {
    char path[64], line[96];
    struct schedule s = {0};
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", tid, tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return s;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    line[n > 0 ? n : 0] = 0;
    char *p = line;
    s.run_ns = strtoull(p, &p, 10);
    s.delay_ns = strtoull(p, &p, 10);
    return s;
}

/* Adds what is new. Return: time spent waiting for a processor. */
static uint64_t account(struct tracer *tracer, pid_t tid, struct schedule *last) {
    struct schedule now = read_schedule(tid), before = *last;
    *last = now;
    if (now.run_ns < before.run_ns) /* gone, or its number was taken by another */
        return 0;
    tracer->run_ns += now.run_ns - before.run_ns;
    return now.delay_ns > before.delay_ns ? now.delay_ns - before.delay_ns : 0;
}

void tracer_watch(struct tracer *tracer, pid_t first) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < tracer->n; i++) {
        struct tracee *tracee = &tracer->tracees[i];
        uint64_t delay = account(tracer, tracee->tid, &tracee->schedule);
        most = delay > most ? delay : most;
    }
    if (!tracer->traced)
        most = account(tracer, first, &tracer->first_schedule);
    tracer->starved_ns += most;
}

/* --- sample --- */

static uint64_t cpu_ticks(pid_t tid) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", tid, tid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = 0;
    const char *p = strrchr(line, ')');
    unsigned long long user = 0, system = 0;
    if (p) /* fields 14 and 15; the state after ')' is field 3 */
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &system);
    return user + system;
}

static pid_t busiest(const struct tracer *tracer, pid_t first) {
    pid_t best = 0;
    uint64_t most = 0;
    if (tracer->traced) {
        for (uint32_t i = 0; i < tracer->n; i++) {
            uint64_t ticks = cpu_ticks(tracer->tracees[i].tid);
            if (!best || ticks > most)
                best = tracer->tracees[i].tid, most = ticks;
        }
        return best;
    }
    AUTO_FREE struct relation *all = text_alloc(MAX_RELATIONS * sizeof *all);
    int n = read_relations(all, MAX_RELATIONS);
    mark_descendants(all, n);
    for (int i = 0; i < n; i++) {
        if (all[i].parent != all[i].pid)
            continue;
        uint64_t ticks = cpu_ticks(all[i].pid);
        if (!best || ticks > most || (ticks == most && all[i].pid == first))
            best = all[i].pid, most = ticks;
    }
    return best;
}

/* The thread whose stack says why the tree does not go on. */
static pid_t choose_thread(const struct tracer *tracer, pid_t first) {
    if (!tracer->traced || tracer_wants_cpu(tracer))
        return busiest(tracer, first);
    pid_t best = 0;
    for (uint32_t i = 0; i < tracer->n; i++) {
        enum waiting w = waiting_of(tracer->tracees[i].tid, NULL);
        if (w == WAITING_LOCK) /* who waits for an event waits for such a one, mostly */
            return tracer->tracees[i].tid;
        if (w != WAITING_CHILDREN && !best)
            best = tracer->tracees[i].tid;
    }
    return best ? best : busiest(tracer, first);
}

uint64_t tracer_naps(const struct tracer *tracer) {
    uint64_t naps = 0;
    for (uint32_t i = 0; i < tracer->n; i++) {
        pid_t tid = tracer->tracees[i].tid;
        struct process_status status;
        if (process_status_read(tid, &status) == 0)
            naps += process_status_number(&status, "voluntary_ctxt_switches");
    }
    return naps;
}

bool tracer_wants_cpu(const struct tracer *tracer) {
    for (uint32_t i = 0; i < tracer->n; i++)
        if (waiting_of(tracer->tracees[i].tid, NULL) == WAITING_NOT)
            return true;
    return false;
}

bool tracer_is_deadlocked(const struct tracer *tracer) {
    uint32_t locks = 0;
    for (uint32_t i = 0; i < tracer->n; i++) {
        enum waiting w = waiting_of(tracer->tracees[i].tid, NULL);
        if (w != WAITING_LOCK && w != WAITING_EVENT && w != WAITING_CHILDREN)
            return false;
        locks += w != WAITING_CHILDREN;
    }
    return locks > 0;
}

static void handle_next(struct tracer *tracer, pid_t tid) {
    int status;
    if (waitpid(tid, &status, __WALL) == tid)
        tracer_handle(tracer, tid, status);
}

/* Stop @tid for a moment; the stop itself keeps its stack. */
static void sample_thread(struct tracer *tracer, pid_t tid) {
    bool was_traced = tracer->traced;
    if (!was_traced && ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
        return;
    tracer->traced = true;
    tracer->sampling = tid;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
        tracer->sampling = 0;
    /* 200 ms: a thread in an uninterruptible sleep must not hold us up */
    for (int i = 0; i < 200 && tracer->sampling; i++) {
        siginfo_t info = {0};
        /* an end is only looked at: reaping it is the attempt's own business */
        if (waitid(P_PID, (id_t)tid, &info,
                   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
            break;
        if (info.si_pid == 0)
            poll(NULL, 0, 1);
        else if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
            handle_next(tracer, tid);
        else
            break;
    }
    tracer->sampling = 0;
    if (!was_traced)
        tracer->traced = false;
}

void tracer_sample(struct tracer *tracer, pid_t first) {
    if (tracer->seen->crash.n_frames)
        return;
    pid_t tid = choose_thread(tracer, first);
    if (!tid)
        return;
    waiting_of(tid, tracer->seen->end.hang_call);
    sample_thread(tracer, tid);
}

void tracer_sample_again(struct tracer *tracer) {
    struct observation *seen = tracer->seen;
    if (!tracer->sampled || seen->crash.signal || !find(tracer, tracer->sampled))
        return;
    struct crash_frame *first = seen->crash.frames;
    uint32_t n = seen->crash.n_frames;
    seen->crash.frames = NULL;
    seen->crash.n_frames = 0;
    sample_thread(tracer, tracer->sampled);
    seen->crash.sample_frames = seen->crash.frames;
    seen->crash.n_sample_frames = seen->crash.n_frames;
    seen->crash.frames = first;
    seen->crash.n_frames = n;
}

pid_t tracer_failed_thread(struct tracer *tracer, uint64_t *stack_pointer) {
    struct observation *seen = tracer->seen;
    pid_t tid = tracer->faults ? (pid_t)tracer->faults[0].fired_tid : 0;
    pid_t sampled = tracer->sampled;
    *stack_pointer = seen->crash.stack_pointer;
    if (seen->crash.signal || !tid || tid == sampled || !find(tracer, tid))
        return sampled;
    __typeof__(seen->crash) kept = seen->crash;
    seen->crash.frames = NULL;
    seen->crash.n_frames = 0;
    seen->crash.exe = NULL;
    tracer->sampled = 0;
    sample_thread(tracer, tid);
    bool taken = tracer->sampled == tid;
    if (taken)
        *stack_pointer = seen->crash.stack_pointer;
    if (!seen->crash.signal) { /* it did not end in between */
        crash_frames_free(seen->crash.frames, seen->crash.n_frames);
        free(seen->crash.exe);
        seen->crash = kept;
        tracer->sampled = sampled;
    } else {
        crash_frames_free(kept.frames, kept.n_frames);
        free(kept.exe);
    }
    return taken ? tid : sampled;
}

/* How many calls, from the outermost on, two stacks have in common. */
static uint32_t calls_in_common(const struct crash_frame *a, uint32_t n_a,
                                const struct crash_frame *b, uint32_t n_b) {
    uint32_t same = 0;
    while (same < n_a && same < n_b &&
           a[n_a - 1 - same].offset == b[n_b - 1 - same].offset &&
           strcmp(a[n_a - 1 - same].module, b[n_b - 1 - same].module) == 0)
        same++;
    return same;
}

void tracer_sample_outer(struct tracer *tracer) {
    struct observation *seen = tracer->seen;
    struct crash_frame *was = seen->crash.sample_frames;
    uint32_t n_was = seen->crash.n_sample_frames;
    seen->crash.sample_frames = NULL;
    seen->crash.n_sample_frames = 0;
    tracer_sample_again(tracer);
    const struct crash_frame *first = seen->crash.frames;
    uint32_t n_first = seen->crash.n_frames;
    if (!seen->crash.n_sample_frames ||
        (n_was && calls_in_common(first, n_first, seen->crash.sample_frames,
                                  seen->crash.n_sample_frames) >=
                      calls_in_common(first, n_first, was, n_was))) {
        crash_frames_free(seen->crash.sample_frames, seen->crash.n_sample_frames);
        seen->crash.sample_frames = was;
        seen->crash.n_sample_frames = n_was;
    } else {
        crash_frames_free(was, n_was);
    }
}

void tracer_forget_sample(struct tracer *tracer) {
    struct observation *seen = tracer->seen;
    if (!tracer->sampled || seen->crash.signal)
        return;
    crash_frames_free(seen->crash.frames, seen->crash.n_frames);
    seen->crash.frames = NULL;
    seen->crash.n_frames = 0;
    free(seen->crash.exe);
    seen->crash.exe = NULL;
    seen->crash.pid = 0;
    seen->end.hang_call[0] = 0;
}
