/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions of a whole program, one order after another:
 *
 *   order ──► arm.c: into the arena ──► run.c: the tree, to its end ──► evidence.c: what it left
 */
#include "execution.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

#include "arm.h"
#include "copies.h"
#include "error.h"
#include "evidence.h"
#include "run.h"
#include "session.h"

int execution_init(struct execution *x, const struct runner_options *options,
                   struct session *session, int channel) {
    *x = (struct execution){.options = options, .session = session, .channel = channel};
    x->output.fd = x->errors.fd = x->copy_output.fd = x->copy_errors.fd =
        x->copy_relay.fd = -1;
    x->traced = options->traced && !options->debugger;
    x->no_libunwind = options->no_libunwind;
    x->output_limit = options->output_limit;
    x->usual_output = options->usual_output;
    x->usual_cpu_ns = options->usual_cpu_ns;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    x->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (x->signal_fd < 0)
        return error_print_errno(-errno, "cannot watch over processes (signalfd)");
    x->envp = session_environment(session, options->envp);
    return 0;
}

/* It does not queue, so that there is one at most. */
void execution_take_signals(const struct execution *x) {
    struct signalfd_siginfo info;
    (void)!read(x->signal_fd, &info, sizeof info);
}

static int run_order(struct execution *x, const struct order *order,
                     uint64_t time_limit_ns, struct observation *seen) {
    struct run run = {.x = x,
                      .seen = seen,
                      .feed = {.fd = -1, .from = -1},
                      .output = &x->output,
                      .errors = &x->errors,
                      .exits = order->leaks || order->openings,
                      .openings = order->openings,
                      .follow = order->follow,
                      .patience_ns = order->patience_ns};
    int err = arm_order(x, order);
    if (err)
        return err;
    x->damaged = session_inspect(x->session);
    return run_whole(&run, time_limit_ns);
}

/* A program that goes wild may have spoilt what was seen of it: it is given one more try. */
static int run_order_twice(struct execution *x, const struct order *order,
                           uint64_t time_limit_ns, struct observation *seen) {
    int err = run_order(x, order, time_limit_ns, seen);
    if (err || !seen->proof.overwritten)
        return err;
    observation_deinit(seen);
    return run_order(x, order, time_limit_ns, seen);
}

int execution_run(struct execution *x, const struct order *order, uint64_t time_limit_ns,
                  struct observation *seen) {
    int err = run_order_twice(x, order, time_limit_ns, seen);
    bool wanted = !seen->proof.fired || order->leaks || order->under == UNDER_GUARDED;
    if (err || !wanted || !x->no_libunwind || !evidence_missed_libunwind(x->session))
        return err;
    x->no_libunwind = false; /* the one that did not match may have been the one */
    observation_deinit(seen);
    return run_order_twice(x, order, time_limit_ns, seen);
}

int execution_run_copied(struct execution *x, struct copies *copies,
                         uint64_t time_limit_ns, struct observation *seen) {
    struct run run = {.x = x,
                      .seen = seen,
                      .feed = {.fd = -1, .from = -1},
                      .output = &x->output,
                      .errors = &x->errors,
                      .exits = copies->leaks,
                      .copies = copies};
    arm_copied(x, copies->leaks, copies->only_leaks);
    x->damaged = session_inspect(x->session);
    int err = copies_begin(copies, &run);
    if (!err)
        err = run_whole(&run, time_limit_ns);
    seen->how = HOW_SNAPSHOT;
    if (copies->spoiled)
        seen->proof.refusal = SHM_REFUSED_FILES; /* it did not end by itself */
    return err ? err : copies_end(copies);
}
