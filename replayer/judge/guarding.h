/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which attempts are run once more with guarded blocks (recorder/preload/guard*.c), and whether
 * the program can be. Pure.
 *
 *   a series of executions is settled ─► guarding_wants() ─► one guarded execution of its fault
 *                                          suspicious, and the first such at its location
 *   before the first of them: runs without a fault, guarded ─► guarding_refusal() ─► none or why not
 */
#ifndef DEARTH_GUARDING_H
#define DEARTH_GUARDING_H

#include "attempt.h"
#include "idmap.h"

enum guarding_mode {
    GUARDING_AUTO =
        0,        /* what looks suspicious, once for each fault location and verdict */
    GUARDING_ALL, /* every fault */
    GUARDING_OFF
};

/* Zero is valid. */
struct guarding {
    enum guarding_mode mode;
    struct idmap done;          /* by location: bits of verdicts */
    uint32_t reported, handled; /* of those wanted, what looks well, */
    uint32_t most_well;         /* of either so many at most */
};
void guarding_deinit(struct guarding *guarding);

/* What is known about a fault when its plain executions are over. */
struct guarding_case {
    int64_t location;     /* of the site; 0 = unknown: the site's own id, negated */
    enum verdict verdict; /* of the last execution */
    bool disagrees;       /* its executions had different verdicts */
    bool caught;          /* a signal of the processor was caught on the way */
};

/** Is the fault to be run guarded? Counts it as done then. */
bool guarding_wants(struct guarding *guarding, const struct guarding_case *c);

/**
 * Does a guarded run without a fault differ from the baseline, or damage its heap?
 * Return: false: fit for guarded attempts; true: @why says in words what is against it.
 */
bool guarding_refusal(const struct baseline *baseline, const struct observation *seen,
                      char *why, size_t n);

/** Hash of a verdict and its stack: the same end again needs no further executions. */
uint64_t guarding_end(enum verdict verdict, const struct observation *seen);

#endif
