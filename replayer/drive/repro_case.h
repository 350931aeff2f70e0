/* SPDX-License-Identifier: Apache-2.0 */
/* What the database knows about a finding, and about the runs without a fault before it. */
#ifndef DEARTH_REPRO_CASE_H
#define DEARTH_REPRO_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"
#include "isolation.h"
#include "runner.h"
#include "scope.h"
#include "words.h"

struct store;

/* What the database knows about the finding. */
struct repro_case {
    struct store *store; /* not owned */
    int64_t finding_id, recording_id, replay_id;
    char *verdict;  /* of the finding */
    char *shown;    /* of the attempt that is its evidence */
    char *location; /* of the fault, for people */
    char *test;     /* of a suite: that showed it; NULL = it has no name */
    char *op;
    char *second_op, *second_location; /* of a pair; else NULL */
    struct order order;
    enum isolation isolation; /* that the attempt had */
    struct namespaces apart;
    bool traced;
    uint64_t time_limit_ns;
    struct leaked_site *leaks; /* what it must leak again, the first above all */
    char **leak_places;
    uint32_t n_leaks;
    char *output_check; /* NULL = none */
    struct dearth_key *chance_sites;
    struct scope_rule scope; /* of a failure that lasts */
    char *scope_shown;       /* for people; "" = there is none */
    /* of a sweep */
    bool sweep;
    char *drive, *health;        /* NULL = none */
    struct catalogue *catalogue; /* that the replay judged by */
    uint64_t ready_timeout_ns, loop_ns;
};

/** Return: 0 or a negative errno after a message. @e: repro_case_deinit(), also when it fails */
int repro_case_read(struct store *store, int64_t finding_id, struct repro_case *e);
void repro_case_deinit(struct repro_case *e);

/** The runs without a fault of the replay that made the finding. @runs: free each and all, also when it
 * fails. Return: as above; -ENODATA when there is none. */
int repro_case_runs(struct store *store, int64_t replay_id, struct observation **runs,
                    uint32_t *n);

#endif
