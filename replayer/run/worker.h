/* SPDX-License-Identifier: Apache-2.0 */
/* The process that runs attempts, one after another. */
#ifndef DEARTH_WORKER_H
#define DEARTH_WORKER_H

#include <sys/types.h>

#include "namespace.h"
#include "runner.h"

struct session;

struct worker_start {
    const struct runner_options *options;
    struct session *session;
    enum isolation isolation; /* what it is to use */
    struct namespaces apart;  /* what it was forked into */
    int channel;
    pid_t parent; /* as it sees it itself */
};

/** Be a worker: never returns. Context: the child of a fork of the single-threaded
 * parent. */
_Noreturn void worker_main(const struct worker_start *start);

#endif
