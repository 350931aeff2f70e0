/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a program's doing that no file shows, read in /proc before it is gone.
 *
 *   processes     the first one has ended, the others are about to be killed
 *   descriptors   at the ptrace stop in which a process ends, it still has them:
 *
 *     open() ─► stop when it comes back ─► stack, by (process, number) ─┐
 *     exit() ─► stop ─► /proc/PID/fd, the stack of the end ─────────────┴─► observation
 */
#include "remains.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "crash.h"
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

/* --- descriptors --- */

#define LAST_BIT      63
#define MOST_OPENINGS 1000u /* whose stacks are taken: a millisecond each or less */

struct opening {
    pid_t pid;
    int fd;
    struct crash_frame *frames;
    uint32_t n_frames;
};

static uint64_t bit_of(int fd) {
    return 1ull << (fd < LAST_BIT ? fd : LAST_BIT);
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
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (call == (uint64_t)calls[i])
            return true;
    return false;
}

/* Whoever works with memory again opens something by a call of its own: not what libc opens for it, as
 * translations of messages and names of hosts. */
static bool is_own_opening(const struct crash_frame *frames, uint32_t n) {
    static const char *const calls[] = {
        "open",    "fopen",        "freopen",  "popen",       "opendir",  "creat",
        "socket",  "accept",       "dup",      "mkstemp",     "mkostemp", "eventfd",
        "timerfd", "epoll_create", "shm_open", "memfd_create"};
    uint32_t i = 0;
    while (i < n && frames[i].module &&
           (strncmp(text_basename(frames[i].module), "libc.", 5) == 0 ||
            strncmp(text_basename(frames[i].module), "libc-", 5) == 0 ||
            strncmp(text_basename(frames[i].module), "libstdc++", 9) == 0 ||
            strncmp(text_basename(frames[i].module), "libdearth", 9) == 0))
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

/* It was closed, without our seeing. */
static void forget_opening(struct tracer *tracer, pid_t pid, int fd) {
    for (uint32_t i = 0; i < tracer->n_opened; i++) {
        struct opening *o = &tracer->opened[i];
        if (o->pid != pid || o->fd != fd)
            continue;
        crash_frames_free(o->frames, o->n_frames);
        *o = tracer->opened[--tracer->n_opened];
        return;
    }
}

void remains_opened(struct tracer *tracer, pid_t tid, uint64_t call, int64_t value) {
    pid_t fired = fired_in(tracer);
    struct observation *seen = tracer->seen, now = {0};
    if (value < 0 || value > INT_MAX || !makes_descriptor(call))
        return;
    bool wanted = tracer->openings & bit_of((int)value);
    if (!wanted && (!fired || seen->open.went_on))
        return;
    if (tracer->n_looked++ >= MOST_OPENINGS) { /* what is not seen is not lost */
        remains_forget(tracer);
        return;
    }
    crash_capture(tid, &now);
    if (fired && now.crash.pid == (uint32_t)fired)
        seen->open.went_on |= is_own_opening(now.crash.frames, now.crash.n_frames);
    if (wanted) {
        forget_opening(tracer, (pid_t)now.crash.pid, (int)value);
        tracer->opened =
            text_grow(tracer->opened, tracer->n_opened, sizeof *tracer->opened);
        tracer->opened[tracer->n_opened++] = (struct opening){
            (pid_t)now.crash.pid, (int)value, now.crash.frames, now.crash.n_frames};
        now.crash.frames = NULL;
        now.crash.n_frames = 0;
    }
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
static void take_opening(struct tracer *tracer, pid_t pid, int fd,
                         struct open_item *item) {
    for (uint32_t i = tracer->n_opened; i-- > 0;) {
        struct opening *o = &tracer->opened[i];
        if (o->pid != pid || o->fd != fd)
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

static struct open_item *find_item(struct observation *seen, const char *exe,
                                   const char *what) {
    for (uint32_t i = 0; i < seen->open.n; i++)
        if (strcmp(seen->open.items[i].exe, exe) == 0 &&
            strcmp(seen->open.items[i].what, what) == 0)
            return &seen->open.items[i];
    return NULL;
}

/* @apart: each descriptor by itself, and not the most of any process */
static void join(struct observation *seen, struct open_item *item, bool apart) {
    struct open_item *same = apart ? NULL : find_item(seen, item->exe, item->what);
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

/* What @pid has open, each kind once, or each descriptor where openings are looked at. */
static void read_descriptors(struct tracer *tracer, pid_t pid, const char *exe,
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
        struct open_item *same = tracer->openings ? NULL : find_item(out, exe, what);
        if (same) {
            same->n++;
            same->fds |= bit_of(fd);
            free(what);
            continue;
        }
        struct open_item item = {text_dup(exe), what, 1, bit_of(fd), NULL, 0};
        take_opening(tracer, pid, fd, &item);
        join(out, &item, true);
    }
    if (folder)
        closedir(folder);
    struct open_item there = {text_dup(exe), text_dup(""), 0, 0, NULL, 0};
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
    read_descriptors(tracer, tid, exe, &now);
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
