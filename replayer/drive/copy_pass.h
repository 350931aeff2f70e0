/* SPDX-License-Identifier: Apache-2.0 */
/* A first look at faults by copies, outside the plan: at a tenth of what whole programs cost. */
#ifndef DEARTH_COPY_PASS_H
#define DEARTH_COPY_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"

struct replay;

/** An original costs as much as a whole run: worth so many copies, where nothing is known of what a copy saves. */
#define COPY_PASS_WORTH 3u

/** What a copy showed of one order. */
struct copied {
    struct observation seen; /* owned by who asked: copy_pass_free() */
    bool there;              /* and its original ended as if it had never been copied */
};

/** May this replay try anything by copies? */
bool copy_pass_may(const struct replay *r);

/**
 * Have @orders tried by copies of @originals programs, whole sites in each: at most as many as there are
 * workers. Faults of which no copy was made have no result.
 * @extra_ns: on top of an original's time limit, once
 * @out: [n] zeroed
 * Return: 0, REPLAY_INTERRUPTED, REPLAY_BUDGET, or a negative errno after a message; @out holds what is known by then.
 */
int copy_pass(struct replay *r, const struct order *orders, uint32_t n,
              uint32_t originals, uint64_t extra_ns, struct copied *out);

void copy_pass_free(struct copied *out, uint32_t n);

#endif
