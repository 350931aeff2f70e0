/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task of a replay's loop: one fault on its way through its executions.
 *
 *   task_of_fault() ─► list ─► with the runner ─► a list again (repeat, retry, late) ─► settled
 *                                                 freed by whoever settles it
 */
#ifndef DEARTH_TASK_H
#define DEARTH_TASK_H

#include "replay_private.h"

struct batch;
struct confirm_group;

struct task {
    struct order order;
    uint32_t site;    /* index */
    bool bad;         /* some execution of its series was bad */
    uint32_t retries; /* of an unreached fault */
    bool is_late;
    uint64_t limit_ns; /* of the execution under way */
    uint32_t lost;
    bool
        met; /* it took an address that an attempt beside it had or wanted, and was run again */
    struct batch *batch;         /* flying in a snapshot run */
    struct confirm_group *group; /* its rerun confirms a snapshot's verdict ... */
    int64_t confirms;            /* ... this attempt's, and those of its group */
    enum verdict last;  /* of the execution before this one; VERDICT_NONE = none */
    bool disagrees;     /* two executions of the series had different verdicts */
    uint64_t plain_end; /* guarded: guarding_end() of the plain execution */
    /* the execution that passed its limit, until the longer one decides */
    struct observation first;
    struct judgement first_judgement;
    struct observation doubted; /* until a control has run */
    bool is_control;
};
void task_free(struct task *task);

/** What is to fail for @fault of the plan. */
struct order task_order(const struct replay *r, const struct plan_fault *fault);
/** A fault of the plan, or a pair of faults, that nothing has been done for yet. */
struct task *task_of_fault(const struct replay *r, const struct plan_fault *f);
struct task *task_of_pair(const struct replay *r, const struct pair *p);

/* First in, first out. Zero is valid and empty. */
struct task_list {
    struct task **items;
    uint32_t n, head, capacity;
};
void task_list_free(struct task_list *list);
/** Put @task, which is the list's now, at the end. */
void task_push(struct task_list *list, struct task *task);
/** Return: the first, the caller's now, or NULL. */
struct task *task_pop(struct task_list *list);

#endif
