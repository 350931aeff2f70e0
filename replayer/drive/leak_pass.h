/* SPDX-License-Identifier: Apache-2.0 */
/* What leak_first.c, leak_runs.c and leak_copies.c share: the look for leaks at work. */
#ifndef DEARTH_LEAK_PASS_H
#define DEARTH_LEAK_PASS_H

#include "replay_private.h"

struct look {
    uint32_t site; /* index */
    int64_t occurrence;
    enum fault_mode mode;
    uint32_t burst, repeat; /* repeat: of the next execution */
    enum thread_role thread;
    uint64_t call;
    bool copied; /* a copy has had this fault before */
    uint64_t
        copy_cpu_ns; /* of the costliest that handled it; 0 = none did, or not known */
    bool
        second; /* of a realloc site: its second call, which has a block to lose; nobody had it fail */
    uint32_t executions, leaking;
    bool unknown;
};

struct pass {
    struct replay *replay;
    struct look *looks;
    uint32_t n_looks;
    uint32_t *queue; /* [n_looks * MOST] indexes of what whole programs are to look at */
    uint32_t head, n_queue, n_flying;
    uint32_t n_first; /* faults whose first copy has shown that they lose nothing */
};

#define LEAK_SEARCH_NS         5000000000u /* on top of the time limit */
#define LEAK_SITES_OF_LOCATION 3u          /* that are looked at */

/* In which order, of sites as `s`: as unlike as can be, first one site for each call that allocates at a location,
 * then a second. */
#define LEAK_RANK_SQL                                                                    \
    "dense_rank() OVER (PARTITION BY coalesce(s.location_id, -s.id), (SELECT frame_id "  \
    "FROM stack WHERE id = s.stack_id) ORDER BY s.key), s.key"

/**
 * The watched runs without a fault, which are made once; all at once, as many as there are workers.
 * Return: 0, REPLAY_INTERRUPTED, REPLAY_BUDGET or a negative errno; replay->watch.tried tells whether they ended.
 */
int leak_pass_watch(struct replay *replay);
void leak_pass_deinit(struct replay *replay);

/** Did it end in order, so that what it lost is known? */
bool leak_pass_is_ordinary(enum verdict v);

/** The fault of @look, once more. */
struct order leak_pass_order(const struct pass *pass, const struct look *look);

/** What @seen shows when only leaks beyond those of the watched runs count. Its list becomes these. */
struct judgement leak_pass_judge(const struct pass *pass, struct observation *seen);

#endif
