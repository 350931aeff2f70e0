/* SPDX-License-Identifier: Apache-2.0 */
/* One execution of the program under an order, from a clean private tree to an
 * observation. */
#ifndef DEARTH_EXECUTION_H
#define DEARTH_EXECUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "runner.h"
#include "scratch.h"

struct session;
struct copies;

/* A worker's own; used again for every order. */
struct execution {
    const struct runner_options *options;
    struct session *session;
    struct scratch *scratch;
    char **envp;      /* session_environment() */
    bool traced;      /* off for good once the kernel has refused */
    bool own_pids;    /* in a PID namespace that ends with us */
    uint32_t damaged; /* session_inspect() before it was started */
    /* in options; those of the work under way */
    uint64_t output_limit, usual_output, usual_cpu_ns;
    bool no_libunwind; /* in options; off for good once an attempt needed it */
    int signal_fd;     /* SIGCHLD, blocked elsewhere */
    int channel;       /* to the parent: its end means that dearth is gone */
    struct capture output, errors;
    struct capture copy_output, copy_errors; /* of a snapshot's copy */
    struct capture copy_relay;               /* what it writes to another process */
};

/** @traced: in options; @channel: a socket. Return: 0 or a negative errno after a
 * message. */
int execution_init(struct execution *execution, const struct runner_options *options,
                   struct session *session, int channel);

/** SIGCHLD has come, or may have: forget it, before all ends are looked for. */
void execution_take_signals(const struct execution *execution);

/**
 * Run the program once.
 * @time_limit_ns: 0 = none
 * @seen: filled in, owned by the caller
 * Return: 0, or a negative errno after a message: this worker is of no more use.
 */
int execution_run(struct execution *execution, const struct order *order,
                  uint64_t time_limit_ns, struct observation *seen);

/**
 * Run the program once, without a fault of its own, and copy it at every order of @copies.
 * @seen: of the original, filled in, owned by the caller; the copies' are sent by @copies
 * Return: as above.
 */
int execution_run_copied(struct execution *execution, struct copies *copies,
                         uint64_t time_limit_ns, struct observation *seen);

#endif
