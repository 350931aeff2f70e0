/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a replay's loop share: drive.c has the loop and the picture.
 *
 *   drive.c         which task comes next, and what its result means for it
 *   batch.c         snapshot runs: many faults, one original, a copy for each
 *   confirmation.c  the reruns that a copy's verdict needs before it is believed
 *   guarded.c       the executions with guarded blocks
 *   control.c       the runs without a fault that doubted output waits for
 *
 * A function that is given a task by itself takes it over.
 */
#ifndef DEARTH_DRIVE_H
#define DEARTH_DRIVE_H

#include "confirm.h"
#include "guarding.h"
#include "replay_private.h"
#include "task.h"

#define HUNG_EXECUTIONS 2u /* each costs its whole time limit */
#define MAX_RETRIES     4u /* of a fault whose site only some runs reach */
#define MAX_LOST        3u /* times that a worker may die with the same attempt */

struct batch;

/* Whether the program bears guarded blocks is found out when it is first asked. */
enum guarded_state { GUARDED_UNKNOWN, GUARDED_ON_TRIAL, GUARDED_FIT, GUARDED_REFUSED };

struct drive {
    struct replay *replay;
    struct task_list urgent, late, doubted;
    struct task_list snapshots; /* faults for snapshot runs */
    struct task_list reruns;    /* what snapshots refused */
    struct batch **batches;
    uint32_t n_batches, n_flying_batches;
    uint32_t n_spoils, n_spoilt_results;
    struct confirm confirm;
    struct task_list guarded;
    struct guarding guarding;
    enum guarded_state guarded_state;
    uint32_t guarded_runs; /* of the trial, that have ended */
    uint32_t guarded_hung; /* guarded attempts that passed their limit: not judged */
    bool pairs;            /* of replay->pairs, not of the plan */
    bool chance;           /* replay->options->runs executions by chance instead */
    uint32_t n_unfired;    /* by chance: nothing failed */
    uint32_t next_fault;   /* or pair */
    struct task **flying;  /* by tag */
    uint32_t n_flying, n_tags;
    uint32_t first_free; /* no tag below is free */
    uint64_t *unreached; /* by site: an occurrence that never came up; 0 = none */
    bool late_phase, stopping;
    bool confirming; /* no more copies: what is left of the time budget is for reruns */
    uint64_t give_up_ns; /* stopping: originals that are not done by then are left */
    uint32_t n_hung;     /* settled as hung */
    bool early_wrong;    /* something that passed the shorter limit did end */
    uint64_t control_ns; /* when the last control was started; 0 = none was */
    uint32_t covered;    /* doubted ones that were there then */
    bool control_flying;
};

/* --- drive.c --- */

/** Return: the tag under which @task flies from now on. */
uint32_t drive_take_off(struct drive *d, struct task *task);
/** Return: the task that flew under @tag, or NULL. */
struct task *drive_land(struct drive *d, uint64_t tag);
/**
 * Write an execution of @task, which stays the caller's.
 * @session: of an execution whose arena is still there, else NULL
 */
int drive_store(struct drive *d, struct task *task, const struct observation *seen,
                const struct judgement *j, struct session *session, int64_t *attempt_id);
/** Run @task once more, soon. Return: 0 */
int drive_again(struct drive *d, struct task *task);
/** @task's series of executions is over. Return: 0 */
int drive_settle(struct drive *d, struct task *task);
/** The result of an execution that is not doubted any more. @seen stays the caller's (or is
 *  emptied); @session: as above. */
int drive_settle_result(struct drive *d, struct task *task, struct observation *seen,
                        struct session *session);

/* --- batch.c --- */

#define BATCH_TAG                                                                        \
    (1ull << 63) /* the runner's tags of originals have it, those of tasks not */

/** Take everything planned that a snapshot can do from the plan. */
void batch_collect(struct drive *d);
/** Start a batch. Return: 1 it is on its way, 0 there is nothing for one, or a negative errno. */
int batch_next(struct drive *d);
/** The result of a copy. */
int batch_take(struct drive *d, struct task *task, const struct observation *seen,
               const struct judgement *j);
/** The original is at its end, and with it its batch. */
int batch_end(struct drive *d, uint64_t tag, const struct observation *seen);
/** Its worker died: what is still up there has no result, and nobody knows how its original
 *  ended. */
int batch_lose(struct drive *d, uint64_t tag);
void batch_free_all(struct drive *d);

/* --- confirmation.c --- */

/** A rerun of what a copy showed. */
struct task *confirmation_task(const struct confirm_member *member);
/** A copy's verdict is in: run again what must be before it is believed. */
void confirmation_ask(struct drive *d, const struct confirm_member *member,
                      const struct observation *seen, const struct judgement *j);
/** A rerun's verdict is in. @task: set to NULL when it is done with. Return: 0 or -errno */
int confirmation_take(struct drive *d, struct task **task, const struct observation *seen,
                      enum verdict verdict);
/** Time for one rerun of each group that no rerun has shown yet. */
uint64_t confirmation_wanted_ns(const struct drive *d);

/* --- guarded.c --- */

/** Return: a guarded execution (runs without a fault come first, once), or NULL. */
struct task *guarded_next(struct drive *d);
/** The plain executions of @task's fault, which stays the caller's, are over. */
void guarded_consider(struct drive *d, const struct task *task,
                      const struct observation *seen, enum verdict verdict);
/** The result of a guarded execution. */
int guarded_take(struct drive *d, struct task *task, const struct observation *seen);

/* --- control.c --- */

/** Are there doubted attempts, and was the last control long ago? */
bool control_is_due(const struct drive *d);
/** Return: a control, or NULL when nothing waits for one. */
struct task *control_make(struct drive *d);
/** The result of a control: what waited for it is settled. */
int control_take(struct drive *d, struct observation *seen,
                 const struct session *session);

#endif
