/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a program's doing that no file shows, read in /proc before it is gone.
 *
 *   processes     the first one has ended, the others are about to be killed
 *   descriptors, locks on files, children that were not waited for
 *                 at the ptrace stop in which a process ends, it still has them:
 *
 *     open(), flock(), fork() ─► stop when it comes back ─► stack, by (process, kind, number) ─┐
 *     exit() ─► stop ─► /proc/PID/fd, fdinfo, children, the stack of the end ──────────────────┴─► observation
 */
#include "remains.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "crash.h"
#include "fetch.h"
#include "frames.h"
#include "process_status.h"
#include "text.h"
#include "tracer.h"

#define MOST_PROCESSES 1024

/* Return: what /proc/PID/@name leads to, as the process itself would call it, owned; NULL = not known. */
static char *read_link(pid_t pid, const char *name) {
    char link[64], target[PATH_MAX], root[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/%s", pid, name);
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n <= 0)
        return NULL;
    target[n] = 0;
    snprintf(link, sizeof link, "/proc/%d/root", pid);
    ssize_t n_root = readlink(link, root, sizeof root - 1);
    bool below = n_root > 1 && n > n_root && target[n_root] == '/' &&
                 memcmp(target, root, (size_t)n_root) == 0;
    return text_dup(target + (below ? n_root : 0));
}

/* A process's first thread, and it has not ended. */
static bool is_process(pid_t tid) {
    struct process_status status;
    return process_status_read(tid, &status) == 0 &&
           process_status_number(&status, "Tgid") == (uint64_t)tid &&
           process_status_number(&status, "VmSize") > 0; /* one that has ended has none */
}

void remains_processes(const struct tracer *tracer, pid_t parent,
                       struct observation *seen) {
    pid_t pids[MOST_PROCESSES];
    int n = tracer->traced ? tracer_threads(tracer, pids, MOST_PROCESSES)
                           : tracer_children(pids, MOST_PROCESSES);
    seen->end.n_left = 0;
    for (int i = 0; i < n; i++) {
        char *exe =
            pids[i] != parent && is_process(pids[i]) ? read_link(pids[i], "exe") : NULL;
        if (!exe)
            continue;
        seen->end.n_left++;
        bool first = !seen->end.left_exe || strcmp(exe, seen->end.left_exe) < 0;
        free(first ? seen->end.left_exe : exe);
        if (first)
            seen->end.left_exe = exe;
    }
}

/* --- what a call gives --- */

#define LAST_BIT      63
#define MOST_OPENINGS 1000u /* whose stacks are taken: a millisecond each or less */

struct opening {
    pid_t pid;
    enum holding held;
    int number; /* of the descriptor, or the child */
    struct crash_frame *frames;
    uint32_t n_frames;
};

static uint64_t bit_of(enum holding held, int number) {
    return 1ull << (held != HELD_CHILD && number < LAST_BIT ? number : LAST_BIT);
}

static bool is_one_of(uint64_t call, const long *calls, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (call == (uint64_t)calls[i])
            return true;
    return false;
}

static bool makes_descriptor(uint64_t call) {
    static const long calls[] = {
#ifdef SYS_open
        SYS_open,      SYS_creat,         SYS_dup2,          SYS_epoll_create,
        SYS_eventfd,   SYS_signalfd,      SYS_inotify_init,
#endif
#ifdef SYS_openat2
        SYS_openat2,
#endif
        SYS_openat,    SYS_dup,           SYS_dup3,          SYS_socket,
        SYS_accept,    SYS_accept4,       SYS_epoll_create1, SYS_eventfd2,
        SYS_signalfd4, SYS_inotify_init1, SYS_memfd_create,  SYS_timerfd_create};
    return is_one_of(call, calls, sizeof calls / sizeof *calls);
}

static bool makes_child(uint64_t call) {
    static const long calls[] = {
#ifdef SYS_fork
        SYS_fork, SYS_vfork,
#endif
#ifdef SYS_clone3
        SYS_clone3,
#endif
        SYS_clone};
    return is_one_of(call, calls, sizeof calls / sizeof *calls);
}

static bool makes_pair(uint64_t call) {
    static const long calls[] = {
#ifdef SYS_pipe
        SYS_pipe,
#endif
        SYS_pipe2, SYS_socketpair};
    return is_one_of(call, calls, sizeof calls / sizeof *calls);
}

/* What a call has given. */
struct given {
    enum holding held;
    int numbers[2];
    int n;      /* of these; 0 = nothing */
    bool taken; /* a lock: given back */
};

static struct given given_one(enum holding held, int64_t number) {
    bool is = number >= 0 && number <= INT_MAX;
    return (struct given){.held = held, .numbers = {is ? (int)number : 0}, .n = is};
}

static struct given given_by_fcntl(pid_t pid, const struct remains_call *call) {
    struct given g = {0};
    struct flock lock;
    switch (call->arguments[1]) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return given_one(HELD_DESCRIPTOR, call->value);
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        g = given_one(HELD_LOCK, (int)call->arguments[0]);
        g.taken =
            fetch(pid, call->arguments[2], &lock, sizeof lock) && lock.l_type == F_UNLCK;
        return g;
    default:
        return g;
    }
}

/* @pid: a thread of the process will do */
static struct given given_by(pid_t pid, const struct remains_call *call) {
    struct given g = {0};
    if (makes_descriptor(call->number))
        return given_one(HELD_DESCRIPTOR, call->value);
    if (makes_child(call->number) && call->value > 0)
        return given_one(HELD_CHILD, call->value);
    if (call->number == SYS_fcntl)
        return given_by_fcntl(pid, call);
    if (call->number == SYS_flock) {
        g = given_one(HELD_LOCK, (int)call->arguments[0]);
        g.taken = call->arguments[1] & LOCK_UN;
    } else if (makes_pair(call->number)) {
        bool read = fetch(pid, call->arguments[call->number == SYS_socketpair ? 3 : 0],
                          g.numbers, sizeof g.numbers);
        g.n = read && g.numbers[0] >= 0 && g.numbers[1] >= 0 ? 2 : 0;
    }
    return g;
}

/* Whoever works with memory again opens something by a call of its own: not what libc opens for it, as
 * translations of messages and names of hosts. */
static bool is_own_opening(const struct crash_frame *frames, uint32_t n) {
    static const char *const calls[] = {
        "open",    "fopen",        "freopen",  "popen",        "opendir",     "creat",
        "socket",  "accept",       "dup",      "mkstemp",      "mkostemp",    "eventfd",
        "timerfd", "epoll_create", "shm_open", "memfd_create", "pipe",        "flock",
        "lockf",   "fcntl",        "fork",     "vfork",        "posix_spawn", "system"};
    uint32_t i = 0;
    while (i < n && frames[i].module &&
           (frame_module_is_libcs(frames[i].module) ||
            frame_module_is_ours(frames[i].module) ||
            strncmp(text_basename(frames[i].module), "libstdc++", 9) == 0))
        i++;
    const char *called = i && i < n ? frames[i - 1].function : NULL;
    if (!called)
        return false;
    if (strncmp(called, "_ZNSt", 5) == 0) /* std::basic_filebuf<...>::open() */
        return strstr(called, "4open") != NULL;
    called += strncmp(called, "_IO_", 4) == 0 ? 4 : 0;
    called += strspn(called, "_");
    for (size_t k = 0; k < sizeof calls / sizeof *calls; k++)
        if (strncmp(called, calls[k], strlen(calls[k])) == 0)
            return true;
    return false;
}

/* Of the fault that fired first; 0 = none has. */
static pid_t fired_in(const struct tracer *tracer) {
    if (tracer->exit_pid)
        return tracer->exit_pid;
    bool fired = tracer->armed && __atomic_load_n(tracer->armed, __ATOMIC_ACQUIRE);
    return fired && tracer->faults ? (pid_t)tracer->faults[0].fired_pid : 0;
}

/* It was given back, without our seeing. */
static void forget_opening(struct tracer *tracer, pid_t pid, enum holding held,
                           int number) {
    for (uint32_t i = 0; i < tracer->n_opened; i++) {
        struct opening *o = &tracer->opened[i];
        if (o->pid != pid || o->held != held || o->number != number)
            continue;
        crash_frames_free(o->frames, o->n_frames);
        *o = tracer->opened[--tracer->n_opened];
        return;
    }
}

static struct crash_frame *copy_frames(const struct crash_frame *frames, uint32_t n) {
    struct crash_frame *copy = text_alloc((n + 1ull) * sizeof *copy);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = frames[i];
        copy[i].module = frames[i].module ? text_dup(frames[i].module) : NULL;
        copy[i].function = frames[i].function ? text_dup(frames[i].function) : NULL;
    }
    return copy;
}

/* @now: the stack of the call */
static void keep_opening(struct tracer *tracer, const struct given *given, int number,
                         const struct observation *now) {
    forget_opening(tracer, (pid_t)now->crash.pid, given->held, number);
    if (given->taken)
        return;
    tracer->opened = text_grow(tracer->opened, tracer->n_opened, sizeof *tracer->opened);
    tracer->opened[tracer->n_opened++] = (struct opening){
        (pid_t)now->crash.pid, given->held, number,
        copy_frames(now->crash.frames, now->crash.n_frames), now->crash.n_frames};
}

void remains_called(struct tracer *tracer, pid_t tid, const struct remains_call *call) {
    pid_t fired = fired_in(tracer);
    struct observation *seen = tracer->seen, now = {0};
    const struct given given = given_by(tid, call);
    bool wanted = false;
    for (int i = 0; i < given.n; i++)
        wanted |= (tracer->openings & bit_of(given.held, given.numbers[i])) != 0;
    if (!given.n || (!wanted && (!fired || seen->open.went_on)))
        return;
    if (tracer->n_looked++ >= MOST_OPENINGS) { /* what is not seen is not lost */
        remains_forget(tracer);
        return;
    }
    crash_capture(tid, &now);
    if (fired && now.crash.pid == (uint32_t)fired && !given.taken)
        seen->open.went_on |= is_own_opening(now.crash.frames, now.crash.n_frames);
    for (int i = 0; wanted && i < given.n; i++)
        keep_opening(tracer, &given, given.numbers[i], &now);
    observation_deinit(&now);
}

void remains_forget(struct tracer *tracer) {
    for (uint32_t i = 0; i < tracer->n_opened; i++)
        crash_frames_free(tracer->opened[i].frames, tracer->opened[i].n_frames);
    free(tracer->opened);
    tracer->opened = NULL;
    tracer->n_opened = 0;
}

/* The newest: a number is given again when it was closed. Its frames are handed over. */
static void take_opening(struct tracer *tracer, pid_t pid, int number,
                         struct open_item *item) {
    for (uint32_t i = tracer->n_opened; i-- > 0;) {
        struct opening *o = &tracer->opened[i];
        if (o->pid != pid || o->held != item->held || o->number != number)
            continue;
        item->frames = o->frames;
        item->n_frames = o->n_frames;
        o->frames = NULL;
        o->n_frames = 0;
        return;
    }
}

/* "socket:[123]", "anon_inode:[eventpoll]": only what kind it is. */
static void shorten(char *what) {
    char *at = strstr(what, ":[");
    if (what[0] == '/' || !at)
        return;
    if (strncmp(what, "anon_inode", 10) != 0) {
        *at = 0;
        return;
    }
    memmove(what, at + 2, strlen(at + 2) + 1);
    what[strcspn(what, "]")] = 0;
}

static struct open_item *find_item(struct observation *seen,
                                   const struct open_item *like) {
    for (uint32_t i = 0; i < seen->open.n; i++)
        if (seen->open.items[i].held == like->held &&
            strcmp(seen->open.items[i].exe, like->exe) == 0 &&
            strcmp(seen->open.items[i].what, like->what) == 0)
            return &seen->open.items[i];
    return NULL;
}

/* @apart: each descriptor by itself, and not the most of any process */
static void join(struct observation *seen, struct open_item *item, bool apart) {
    struct open_item *same = apart ? NULL : find_item(seen, item);
    if (same) {
        same->n = item->n > same->n ? item->n : same->n;
        same->fds |= item->fds;
    } else if (seen->open.n < OBSERVATION_OPEN) {
        seen->open.items = text_realloc(seen->open.items,
                                        (seen->open.n + 1ull) * sizeof *seen->open.items);
        seen->open.items[seen->open.n++] = *item;
        return;
    }
    free(item->exe);
    free(item->what);
    crash_frames_free(item->frames, item->n_frames);
}

/* One more, each kind once, or each by itself where openings are looked at. @what: owned */
static void add_held(struct tracer *tracer, pid_t pid, struct open_item item, int number,
                     struct observation *out) {
    item.n = 1;
    item.fds = bit_of(item.held, number);
    struct open_item *same = tracer->openings ? NULL : find_item(out, &item);
    if (same) {
        same->n++;
        same->fds |= item.fds;
        free(item.what);
        return;
    }
    item.exe = text_dup(item.exe);
    take_opening(tracer, pid, number, &item);
    join(out, &item, true);
}

/* Does it hold a lock by this descriptor? Source: proc_pid_fdinfo(5). */
static bool is_locked(pid_t pid, int fd) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, fd);
    FILE *f = fopen(path, "re");
    bool locked = false;
    while (f && !locked && fgets(line, sizeof line, f))
        locked = strncmp(line, "lock:", 5) == 0;
    if (f)
        fclose(f);
    return locked;
}

static void read_descriptors(struct tracer *tracer, pid_t pid, char *exe,
                             struct observation *out) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        int fd = atoi(e->d_name);
        char name[32];
        snprintf(name, sizeof name, "fd/%d", fd);
        char *what = fd > STDERR_FILENO ? read_link(pid, name) : NULL;
        if (!what)
            continue;
        shorten(what);
        if (what[0] == '/' && is_locked(pid, fd))
            add_held(
                tracer, pid,
                (struct open_item){.exe = exe, .held = HELD_LOCK, .what = text_dup(what)},
                fd, out);
        add_held(tracer, pid,
                 (struct open_item){.exe = exe, .held = HELD_DESCRIPTOR, .what = what},
                 fd, out);
    }
    if (folder)
        closedir(folder);
}

/* Children that have ended. Source: proc_tid_children(5); a kernel may be without it. */
static void read_children_of(struct tracer *tracer, pid_t pid, const char *thread,
                             char *exe, struct observation *out) {
    char path[64];
    int child;
    struct process_status status;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", pid, thread);
    FILE *f = fopen(path, "re");
    while (f && fscanf(f, "%d", &child) == 1)
        if (process_status_read(child, &status) == 0 &&
            process_status_letter(&status, "State") == 'Z')
            add_held(tracer, pid,
                     (struct open_item){.exe = exe,
                                        .held = HELD_CHILD,
                                        .what = process_status_name(&status)},
                     child, out);
    if (f)
        fclose(f);
}

static void read_children(struct tracer *tracer, pid_t pid, char *exe,
                          struct observation *out) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));)
        if (e->d_name[0] != '.')
            read_children_of(tracer, pid, e->d_name, exe, out);
    if (folder)
        closedir(folder);
}

/* What @pid holds, and that it was looked at. */
static void read_held(struct tracer *tracer, pid_t pid, char *exe,
                      struct observation *out) {
    read_descriptors(tracer, pid, exe, out);
    read_children(tracer, pid, exe, out);
    struct open_item there = {.exe = text_dup(exe), .what = text_dup("")};
    join(out, &there, true);
}

/* Is a process that is about to end ending by itself, with a status that says of a failure? */
static bool gives_up(pid_t tid) {
    unsigned long status = 0;
    return ptrace(PTRACE_GETEVENTMSG, tid, NULL, &status) == 0 &&
           WIFEXITED((int)status) && WEXITSTATUS((int)status);
}

static bool has_open(const struct observation *now) {
    for (uint32_t i = 0; i < now->open.n; i++)
        if (now->open.items[i].n)
            return true;
    return false;
}

static void take_end(struct observation *seen, pid_t tid) {
    struct observation now = {0};
    crash_capture(tid, &now);
    crash_frames_free(seen->open.end_frames, seen->open.n_end_frames);
    seen->open.end_frames = now.crash.frames;
    seen->open.n_end_frames = now.crash.n_frames;
    now.crash.frames = NULL;
    now.crash.n_frames = 0;
    observation_deinit(&now);
}

void remains_at_exit(struct tracer *tracer, pid_t tid) {
    struct observation *seen = tracer->seen, now = {0};
    pid_t fired = fired_in(tracer);
    if (!tracer->exits || !is_process(tid) || (fired && tid != fired))
        return;
    char *exe = read_link(tid, "exe");
    if (!exe)
        return;
    read_held(tracer, tid, exe, &now);
    bool end = tracer->openings || (fired && has_open(&now) && gives_up(tid));
    if (fired) { /* what others had open before is of no interest */
        open_items_free(seen->open.items, seen->open.n);
        seen->open.items = NULL;
        seen->open.n = 0;
    }
    for (uint32_t i = 0; i < now.open.n; i++)
        join(seen, &now.open.items[i], fired != 0);
    free(now.open.items);
    seen->open.known = true;
    if (end)
        take_end(seen, tid);
    free(exe);
}
