/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of workers, seen from dearth's own process.
 *
 *   slots[0..jobs)   worker (pid, channel) + session; FREE ─submit─► BUSY ─result─► FREE
 *                                                              └─died──► replaced
 *
 * A session belongs to its slot: made here before the fork, so that both processes map
 * the same arena, and used again by a worker's successor. What a slot's run left in the
 * arena stays until the next order for it.
 *
 * dearth is a child subreaper too: should a worker be killed, the processes of its
 * attempt become our children and are killed here. Any other child of ours that was there
 * before is left alone.
 */
#include "runner.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "interrupt.h"
#include "session.h"
#include "text.h"
#include "tracer.h"
#include "wire.h"
#include "worker.h"

struct slot {
    pid_t pid; /* 0 = no worker */
    int channel;
    struct session *session;
    bool busy;
    bool snapshots; /* several results are to come, the last with `tag` */
    uint64_t tag;
};

struct runner {
    struct runner_options options;
    struct tree_facts tree; /* .isolation: asked for, until the first worker is ready */
    struct slot *slots;
    int n;
    int most;         /* busy at a time */
    int next;         /* where to look for results first: no slot is starved */
    pid_t *strangers; /* children we had before */
    int n_strangers;
    struct namespaces apart; /* wanted, and once there was a worker what is to be had */
};

/* --- children that are none of our workers --- */

static bool is_known(const struct runner *runner, pid_t pid) {
    for (int i = 0; i < runner->n; i++)
        if (runner->slots[i].pid == pid)
            return true;
    for (int i = 0; i < runner->n_strangers; i++)
        if (runner->strangers[i] == pid)
            return true;
    return false;
}

static void remember_strangers(struct runner *runner) {
    pid_t children[256];
    int n = tracer_children(children, 256);
    runner->strangers = text_alloc(((size_t)n + 1) * sizeof *runner->strangers);
    memcpy(runner->strangers, children, (size_t)n * sizeof *children);
    runner->n_strangers = n;
}

/* Kill what a dead worker left; its processes become our children one generation at a
 * time. */
static void kill_orphans(const struct runner *runner) {
    for (int round = 0; round < 1000; round++) {
        pid_t children[256];
        int killed = 0, n = tracer_children(children, 256);
        for (int i = 0; i < n; i++) {
            if (is_known(runner, children[i]))
                continue;
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, __WALL);
            killed++;
        }
        if (!killed)
            return;
    }
}

/* --- workers --- */

/* The end of its channel tells a worker to kill its attempt, clean up and go. */
static void tell_worker(struct slot *slot) {
    if (slot->pid && slot->channel >= 0)
        close(slot->channel);
    slot->channel = -1;
}

/* Two seconds are ample for that. */
static void wait_worker(struct slot *slot) {
    if (slot->pid == 0)
        return;
    tell_worker(slot);
    pid_t ended = 0;
    for (int ms = 0; ms < 2000 && ended == 0 && !interrupt_pressing(); ms++) {
        ended = waitpid(slot->pid, NULL, WNOHANG);
        if (ended == 0)
            poll(NULL, 0, 1);
    }
    if (ended == 0) {
        kill(slot->pid, SIGKILL);
        waitpid(slot->pid, NULL, 0);
    }
    slot->pid = 0;
    slot->busy = false;
}

static void end_worker(struct runner *runner, struct slot *slot) {
    if (slot->pid == 0)
        return;
    wait_worker(slot);
    kill_orphans(runner);
}

static void be_worker(const struct runner *runner, const struct slot *slot, int channel,
                      pid_t parent) {
    for (int i = 0; i < runner->n; i++)
        if (runner->slots[i].channel >= 0)
            close(runner->slots[i].channel);
    const struct worker_start start = {.options = &runner->options,
                                       .session = slot->session,
                                       .isolation = runner->tree.isolation,
                                       .apart = runner->apart,
                                       .channel = channel,
                                       .parent = parent};
    worker_main(&start);
}

/* A private copy of a large tree takes its time. Return: 0, or -EINTR when the user does not wait. */
static int wait_ready(const struct slot *slot) {
    struct pollfd fd = {.fd = slot->channel, .events = POLLIN};
    while (!interrupt_wanted())
        if (poll(&fd, 1, 200) > 0)
            return 0;
    return -EINTR;
}

/* Less, where that much is refused. Return: whether there is less. */
static bool want_less(struct namespaces *apart, struct namespaces wanted) {
    if (apart->pids && apart->ipc)
        apart->ipc = false;
    else if (apart->pids && wanted.ipc)
        *apart = (struct namespaces){.ipc = true};
    else if (apart->pids || apart->ipc)
        *apart = (struct namespaces){0};
    else
        return false;
    return true;
}

static int start_worker_apart(struct runner *runner, struct slot *slot, bool *refused) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_print_errno(-errno, "cannot make a socket for a worker");
    fflush(NULL);
    pid_t parent = getpid(), pid = namespace_fork(runner->apart);
    if (pid == 0) {
        close(ends[0]);
        be_worker(runner, slot, ends[1], parent);
    }
    close(ends[1]);
    if (pid < 0) {
        int err = -errno;
        close(ends[0]);
        *refused = runner->apart.pids || runner->apart.ipc;
        return *refused ? err : error_print_errno(err, "cannot start a worker process");
    }
    slot->pid = pid;
    slot->channel = ends[0];
    struct wire_ready ready = {0};
    int err = wait_ready(slot);
    if (!err)
        err = wire_receive(slot->channel, WIRE_READY, &ready, sizeof ready);
    *refused = !err && ready.refused;
    if (*refused)
        err = -EPERM;
    else if (!err)
        err = ready.error; /* it has said why */
    else if (err != -EINTR)
        error_print(err, "a worker process ended before it was ready");
    if (err) {
        end_worker(runner, slot);
        return err;
    }
    runner->tree = ready.tree;
    return 0;
}

static int start_worker(struct runner *runner, struct slot *slot) {
    const struct namespaces wanted = runner->apart;
    bool refused = false;
    int err;
    do
        err = start_worker_apart(runner, slot, &refused);
    while (err && refused && want_less(&runner->apart, wanted));
    return err;
}

struct namespaces runner_apart(const struct runner *runner) {
    return runner->apart;
}

/* --- the terminal of a program that has it to itself --- */

static int find_terminal(void) {
    for (int fd = 0; fd < 3; fd++)
        if (isatty(fd) && tcgetpgrp(fd) == getpgrp())
            return fd;
    return -1;
}

/* Ours again: a worker in a namespace has no number for our process group. */
static void take_terminal_back(const struct runner *runner) {
    int fd = runner->options.terminal_fd;
    sigset_t ttou, before;
    if (fd < 0)
        return;
    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    sigprocmask(SIG_BLOCK, &ttou, &before);
    tcsetpgrp(fd, getpgrp());
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int runner_new(const struct runner_options *options, struct runner **out) {
    struct runner *runner = text_alloc(sizeof *runner);
    runner->options = *options;
    runner->tree.isolation = options->isolation;
    runner->options.terminal_fd = options->keep_stdio ? find_terminal() : -1;
    runner->apart = options->apart;
    runner->n = options->jobs > 0 ? options->jobs : 1;
    runner->most = runner->n;
    runner->slots = text_alloc((size_t)runner->n * sizeof *runner->slots);
    for (int i = 0; i < runner->n; i++)
        runner->slots[i].channel = -1;
    remember_strangers(runner);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct session_options session_options = {.flags = SHM_COUNT_SITES,
                                                    .max_depth = options->max_depth,
                                                    .only_exe = options->only_exe};
    int err = 0;
    for (int i = 0; i < runner->n && !err; i++) {
        err = session_new(&session_options, &runner->slots[i].session);
        if (!err)
            err = start_worker(runner, &runner->slots[i]);
    }
    if (err) {
        runner_free(runner);
        return err;
    }
    *out = runner;
    return 0;
}

const struct tree_facts *runner_tree(const struct runner *runner) {
    return &runner->tree;
}

struct runner *runner_free(struct runner *runner) {
    if (!runner)
        return NULL;
    for (int i = 0; i < runner->n; i++)
        tell_worker(&runner->slots[i]);
    for (int i = 0; i < runner->n; i++)
        wait_worker(&runner->slots[i]);
    kill_orphans(runner);
    for (int i = 0; i < runner->n; i++)
        session_free(runner->slots[i].session);
    free(runner->slots);
    free(runner->strangers);
    free(runner);
    return NULL;
}

void runner_set_time_limit(struct runner *runner, uint64_t ns) {
    runner->options.time_limit_ns = ns;
}

void runner_set_usual(struct runner *runner, const struct runner_options *options) {
    runner->options.output_limit = options->output_limit;
    runner->options.usual_output = options->usual_output;
    runner->options.usual_cpu_ns = options->usual_cpu_ns;
}

/* --- orders and results --- */

void runner_limit_jobs(struct runner *runner, int n) {
    runner->most = n;
}

static struct slot *free_slot(const struct runner *runner) {
    int busy = 0;
    for (int i = 0; i < runner->n; i++)
        busy += runner->slots[i].busy;
    if (busy >= runner->most)
        return NULL;
    for (int i = 0; i < runner->n; i++)
        if (!runner->slots[i].busy)
            return &runner->slots[i];
    return NULL;
}

bool runner_ready(const struct runner *runner) {
    return free_slot(runner) != NULL;
}

static int submit(struct runner *runner, struct wire_work *work) {
    struct slot *slot = free_slot(runner);
    work->time_limit_ns = runner->options.time_limit_ns;
    work->output_limit = runner->options.output_limit;
    work->usual_output = runner->options.usual_output;
    work->usual_cpu_ns = runner->options.usual_cpu_ns;
    if (!slot)
        return -EBUSY;
    for (int tries = 0; tries < 2; tries++) {
        int err = slot->pid ? 0 : start_worker(runner, slot);
        if (err)
            return err;
        if (wire_send_work(slot->channel, work) == 0) {
            slot->busy = true;
            slot->snapshots = work->snapshots;
            slot->tag = work->tag;
            return 0;
        }
        end_worker(runner, slot); /* it died while it had nothing to do */
    }
    return error_print(-EPIPE, "a worker process does not take orders");
}

int runner_submit(struct runner *runner, const struct order *order, uint64_t tag) {
    struct tagged_order one = {tag, *order};
    struct wire_work work = {.tag = tag, .n = 1, .orders = &one};
    return submit(runner, &work);
}

int runner_submit_snapshots(struct runner *runner, const struct tagged_order *orders,
                            uint32_t n, uint64_t tag, uint64_t limit_ns) {
    struct wire_work work = {.tag = tag,
                             .original_limit_ns = limit_ns,
                             .n = n,
                             .snapshots = true,
                             .orders = (struct tagged_order *)orders};
    return submit(runner, &work);
}

void runner_stop_snapshots(struct runner *runner) {
    for (int i = 0; i < runner->n; i++)
        if (runner->slots[i].busy && runner->slots[i].snapshots)
            session_drop_orders(runner->slots[i].session);
}

/* The first slot that has something to say. Return: 1, 0 timeout or signal, -errno. */
static int poll_slots(struct runner *runner, int timeout_ms, struct slot **out) {
    AUTO_FREE struct pollfd *fds = text_alloc((size_t)runner->n * sizeof *fds);
    for (int i = 0; i < runner->n; i++)
        fds[i] = (struct pollfd){runner->slots[i].busy ? runner->slots[i].channel : -1,
                                 POLLIN, 0};
    int n = poll(fds, (nfds_t)runner->n, timeout_ms);
    if (n < 0)
        return errno == EINTR ? 0
                              : error_print_errno(-errno, "cannot wait for the workers");
    for (int i = 0; n > 0 && i < runner->n; i++) {
        int at = (runner->next + i) % runner->n;
        if (!fds[at].revents)
            continue;
        runner->next = (at + 1) % runner->n;
        *out = &runner->slots[at];
        return 1;
    }
    return 0;
}

int runner_wait(struct runner *runner, int timeout_ms, uint64_t *tag,
                struct observation *seen, const struct session **session) {
    struct slot *slot = NULL;
    int n = poll_slots(runner, timeout_ms, &slot);
    if (n <= 0)
        return n;
    *tag = slot->tag;
    uint64_t answered;
    take_terminal_back(runner);
    int err = wire_receive_result(slot->channel, &answered, seen);
    if (!err && answered != slot->tag && !slot->snapshots)
        err = -EPROTO;
    if (err) { /* the next order for this slot starts another */
        end_worker(runner, slot);
        return err;
    }
    *tag = answered;
    slot->busy = answered != slot->tag;
    *session = slot->session;
    return 1;
}
