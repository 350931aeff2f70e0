/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the result of an execution means for its task.
 *
 *   settle_take() ─┬─► doubted output: waits for a control (control.c) ─┐
 *                  └──────────────────────────────────────► settle_judged() ─► stored ─┬─► again
 *                                                                                      └─► done
 *
 * A function that is given a task by itself takes it over.
 */
#ifndef DEARTH_SETTLE_H
#define DEARTH_SETTLE_H

#include "attempt.h"

struct drive;
struct session;
struct task;

/** The result of an execution. @seen stays the caller's (or is emptied).
 * @session: of an execution whose arena is still there, else NULL */
int settle_take(struct drive *d, struct task *task, struct observation *seen,
                struct session *session);
/** There is no result: its worker was lost. @err: why, a negative errno */
int settle_lost(struct drive *d, struct task *task, int err);
/** The result of an execution that is not doubted any more. @seen, @session: as above. */
int settle_judged(struct drive *d, struct task *task, struct observation *seen,
                  const struct judgement *j, struct session *session);
/** Write an execution of @task, which stays the caller's. @session: as above. */
int settle_store(struct drive *d, struct task *task, const struct observation *seen,
                 const struct judgement *j, struct session *session, int64_t *attempt_id);
/** @task's series of executions is over. Return: 0 */
int settle_done(struct drive *d, struct task *task);

#endif
