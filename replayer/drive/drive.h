/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a replay's loop share: drive.c has the loop and the picture.
 *
 *   queue.c          which task comes next
 *   settle.c         what its result means for it
 *   batch.c          snapshot runs: many faults, one original, a copy for each
 *   outcomes.c       copies whose parents decide: two whole runs for all that end in the same way
 *   survivors.c      copies that were ended while they went on
 *   confirm_runs.c   the reruns that a copy's verdict needs before it is believed
 *   guarding_runs.c  the executions with guarded blocks
 *   control.c        the runs without a fault that doubted output waits for
 *
 * A function that is given a task by itself takes it over.
 */
#ifndef DEARTH_DRIVE_H
#define DEARTH_DRIVE_H

#include "confirm.h"
#include "guarding.h"
#include "replay_private.h"
#include "task.h"

#define HUNG_EXECUTIONS          2u /* each costs its whole time limit */
/* Guarded attempts of what was reported, and of what was handled, and looks well: so many, and of a hundred faults. */
#define GUARDED_WELL             4u
#define GUARDED_WELL_PER_HUNDRED 1u
#define MAX_RETRIES              4u /* of a fault whose site only some runs reach */

struct batch;

/* Whether the program bears guarded blocks is found out when it is first asked. */
enum guarding_state {
    GUARDING_UNKNOWN,
    GUARDING_ON_TRIAL,
    GUARDING_FIT,
    GUARDING_REFUSED
};

/* What there is to do: the plan, replay->pairs, or replay->options->runs executions by chance. */
enum drive_source { DRIVE_PLAN = 0, DRIVE_PAIRS, DRIVE_CHANCE };

struct drive {
    struct replay *replay;
    struct task_list urgent, late, doubted;
    struct task_list snapshots; /* faults for snapshot runs */
    struct task_list reruns;    /* what snapshots refused */
    struct task_list twins; /* that were held back for another's run (task.h), in vain */
    bool *taken;            /* by fault of the plan: held back, or in `twins` */
    struct task_list survivors; /* of --quick; those with a batch wait for its end */
    struct outcome **outcomes;  /* of copies whose parents decide: outcomes.h */
    uint32_t n_outcomes;
    struct batch **batches;
    uint32_t n_batches, n_flying_batches;
    uint32_t n_spoils, n_spoilt_results;
    uint32_t n_asked_copies,
        n_threads; /* results of snapshot runs; of these, refused for another thread */
    struct confirm confirm;
    struct task_list guarded;
    struct guarding guarding;
    enum guarding_state guarding_state;
    uint32_t guarded_runs; /* of the trial, that have ended */
    uint32_t guarded_hung; /* guarded attempts that passed their limit: not judged */
    enum drive_source source;
    uint32_t n_unfired;   /* by chance: nothing failed */
    uint32_t next_fault;  /* or pair */
    struct task **flying; /* by tag */
    uint32_t n_flying, n_tags;
    uint32_t first_free; /* no tag below is free */
    uint64_t *unreached; /* by site: an occurrence that never came up; 0 = none */
    bool late_phase, stopping;
    bool confirming; /* no more copies: what is left of the time budget is for reruns */
    uint64_t give_up_ns; /* stopping: originals that are not done by then are left */
    uint32_t n_hung;     /* settled as hung */
    bool early_wrong;    /* something that passed the shorter limit did end */
    uint64_t control_ns; /* when the last control was started, or the loop */
    uint32_t covered;    /* doubted ones that were there then */
    bool control_flying;
};

/** Run the plan. Return: enum replay_outcome, or a negative errno after a message. */
int drive_run(struct replay *r);
/** Run the pairs. Return: as above. */
int drive_pairs(struct replay *r);
/** Run the executions by chance. Return: as above. */
int drive_chance(struct replay *r);

#endif
