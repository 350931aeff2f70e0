/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parent and its workers say to each other over a socket. Both ends are the same
 * program image (a worker is a fork), so structures travel as they lie in memory,
 * followed by what they point to:
 *
 *   struct wire_head {magic, version, kind, bytes} | fixed part | length-prefixed strings
 *
 *   worker → parent  READY  (how attempts are isolated, or an error), once
 *   parent → worker  WORK: an order, or a snapshot run with many of them
 *   worker → parent  RESULT (one per order; after those of a batch one for the original)
 */
#ifndef DEARTH_WIRE_H
#define DEARTH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"
#include "copies.h"
#include "runner.h"

enum wire_kind { WIRE_READY = 1, WIRE_WORK = 2, WIRE_RESULT = 3 };

struct wire_ready {
    int32_t error; /* negative errno: the worker has said why and ends */
    bool
        refused; /* these namespaces are not to be had: another worker, with less, may do */
    struct tree_facts tree;
};

/* What a worker is given to do: n == 1 and !snapshots, or the orders of a snapshot run. */
struct wire_work {
    uint64_t tag;           /* of the order, or of the original */
    uint64_t time_limit_ns; /* of an execution or copy */
    uint64_t original_limit_ns;
    uint64_t output_limit, usual_output, usual_cpu_ns; /* as in struct runner_options */
    uint32_t n;
    bool snapshots;
    struct tagged_order *orders; /* owned by the receiver: free() */
};

/** @work: lent. Return: 0 or -errno. */
int wire_send_work(int fd, const struct wire_work *work);
/** Return: 0, -EPIPE at the end, -EPROTO. */
int wire_receive_work(int fd, struct wire_work *out);

/** Send one message. Return: 0 or -errno (-EPIPE: the other end is gone). Context:
 * blocks. */
int wire_send(int fd, enum wire_kind kind, const void *fixed, uint32_t n);
/** Receive a message of @kind and exactly @n bytes. Return: 0, -EPIPE at the end,
 * -EPROTO. */
int wire_receive(int fd, enum wire_kind kind, void *fixed, uint32_t n);

int wire_send_result(int fd, uint64_t tag, const struct observation *seen);
/** @seen: owned by the caller afterwards; untouched on error. */
int wire_receive_result(int fd, uint64_t *tag, struct observation *seen);

#endif
