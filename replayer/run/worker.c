/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: forked from dearth, one program at a time, no database.
 *
 * It lives exactly as long as dearth: the kernel sends it a signal when its parent dies.
 * Attempts in a PID namespace of its own then die with it, and so do traced ones
 * (PTRACE_O_EXITKILL): that signal is SIGKILL. Others would be orphans; there it is SIGTERM,
 * and the handler kills every descendant first. Process 1 of a namespace has no handler: a
 * signal that it handles would reach it from inside.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "error.h"
#include "execution.h"
#include "server.h"
#include "session.h"
#include "tracer.h"
#include "wire.h"

static void kill_and_end(int sig) {
    (void)sig;
    do
        tracer_kill_descendants();
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR);
    _exit(1);
}

/* Was dearth gone before we asked to be told? Its end of the channel then is too. */
static bool parent_is_gone(const struct worker_start *start) {
    struct pollfd fd = {start->channel, POLLRDHUP, 0};
    return start->apart.pids ? poll(&fd, 1, 0) > 0 : getppid() != start->parent;
}

static void die_with_parent(const struct worker_start *start, bool traced) {
    traced |= start->apart.pids;
    if (!traced) {
        struct sigaction action = {.sa_handler = kill_and_end};
        sigfillset(&action.sa_mask);
        sigaction(SIGTERM, &action, NULL);
    }
    prctl(PR_SET_PDEATHSIG, traced ? SIGKILL : SIGTERM);
    if (parent_is_gone(start))
        _exit(1);
}

/* The terminal's keys are dearth's: it decides when an attempt is broken off. */
static void leave_terminal(const struct worker_start *start) {
    const struct runner_options *options = start->options;
    setpgid(0, 0);
    for (int sig = 1; start->apart.pids && sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (options->keep_stdio)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
}

static int prepare(const struct worker_start *start, struct execution *x,
                   struct wire_ready *ready) {
    const struct scratch_options options = {.wanted = start->isolation,
                                            .cwd = start->options->cwd,
                                            .programs = start->options->programs,
                                            .sharers = start->options->jobs,
                                            .session = start->session->directory,
                                            .before = start->options->before};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    char left_out[sizeof ready->tree.left_out] = "";
    if (start->isolation != ISOLATION_SHARED)
        confine_init(left_out, sizeof left_out);
    int err = scratch_new(&options, &x->scratch, &ready->tree);
    memcpy(ready->tree.left_out, left_out, sizeof left_out);
    if (!err) {
        struct scratch *scratch = x->scratch;
        err = execution_init(x, start->options, start->session, start->channel);
        x->scratch = scratch;
        x->own_pids = start->apart.pids;
    }
    /* entering a user namespace may have forgotten it */
    die_with_parent(start, x->traced);
    /* an attempt that has no privileges must not reach into our memory and descriptors */
    prctl(PR_SET_DUMPABLE, 0);
    ready->error = err;
    return err;
}

static int do_work(struct execution *x, struct server *server,
                   const struct wire_work *work, struct observation *seen) {
    x->output_limit = work->output_limit;
    x->usual_output = work->usual_output;
    x->usual_cpu_ns = work->usual_cpu_ns;
    if (server)
        return server_run(server, &work->orders[0].order, work->time_limit_ns, seen);
    if (!work->snapshots)
        return execution_run(x, &work->orders[0].order, work->time_limit_ns, seen);
    struct copies copies = {.items = work->orders,
                            .n = work->n,
                            .channel = x->channel,
                            .copy_limit_ns = work->time_limit_ns};
    uint32_t leaks = 0;
    for (uint32_t i = 0; i < work->n; i++)
        leaks += work->orders[i].order.leaks;
    copies.leaks = leaks > 0;
    copies.only_leaks = leaks && leaks == work->n;
    return execution_run_copied(x, &copies, work->original_limit_ns, seen);
}

_Noreturn void worker_main(const struct worker_start *start) {
    struct execution x = {0};
    struct wire_ready ready = {0};
    struct wire_work work;
    die_with_parent(start, true);
    int err = namespace_settle(start->apart);
    if (err) {
        ready.refused = true;
        wire_send(start->channel, WIRE_READY, &ready, sizeof ready);
        _exit(1);
    }
    leave_terminal(start);
    err = prepare(start, &x, &ready);
    if (wire_send(start->channel, WIRE_READY, &ready, sizeof ready) < 0 || err)
        _exit(1);
    session_populate(start->session);
    struct server *server = x.options->sweep ? server_new(&x) : NULL;
    while ((!server || (err = server_idle(server)) == 0) &&
           wire_receive_work(start->channel, &work) == 0) {
        struct observation seen = {0};
        bool traced = x.traced;
        err = do_work(&x, server, &work, &seen);
        free(work.orders);
        if (err || wire_send_result(start->channel, work.tag, &seen) < 0)
            break;
        observation_deinit(&seen);
        if (traced != x.traced) /* found out that tracing is forbidden */
            die_with_parent(start, x.traced);
    }
    server_free(server);
    scratch_free(x.scratch);
    _exit(err ? 1 : 0);
}
