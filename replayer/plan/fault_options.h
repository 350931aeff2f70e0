/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that `dearth replay` and `dearth check` share: which faults, how they are tried.
 * `check` passes those that were given on to `replay` (struct cli_given), which alone judges
 * whether they go together.
 */
#ifndef DEARTH_FAULT_OPTIONS_H
#define DEARTH_FAULT_OPTIONS_H

#include "cli.h"

#define OWN_HELP                                                                         \
    "what is your own: only sites that have a frame in this function, module or source " \
    "file on their stack (may be repeated)"
#define NOT_OWN_HELP "of what --own names, what is not"

/* Of one program: a suite looks for another that reaches what is not tested. */
#define QUICK_HELP                                                                       \
    "for a first look: a copy that goes on is ended 100 allocations after its failure; " \
    "its fault is not tested, unless it is one of a few that are run to their ends"

/* Filled in by the rows of fault_options.def. */
struct fault_options {
    struct cli_list own, not_own; /* of one program; a suite has its own words for it */
    struct cli_list in, not_in, policies, catalogues, share;
    const char *demand;
    const char *changed_since, *repository, *from_symbol, *until_symbol;
    const char *occurrence, *nth, *seed, *shard, *output_check;
    const char *drive, *health;                         /* of a server */
    int mode;                                           /* -1 = not given */
    int thread, how, leaks, guarding, under, isolation; /* indices of their choices */
    int64_t burst, depth, repeat, runs, interval, times, limit, jobs;
    uint64_t space, min_size; /* bytes */
    uint64_t time_limit_ns, time_budget_ns, ready_timeout_ns, loop_ns;
    double probability;
    bool quick, trust;
};

/** Free what the rows have gathered; twice is safe. */
static inline void fault_options_deinit(struct fault_options *f) {
    cli_list_deinit(&f->own);
    cli_list_deinit(&f->not_own);
    cli_list_deinit(&f->in);
    cli_list_deinit(&f->not_in);
    cli_list_deinit(&f->policies);
    cli_list_deinit(&f->catalogues);
    cli_list_deinit(&f->share);
}

#endif
