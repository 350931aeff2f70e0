/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task of a replay's loop: one fault on its way through its executions. Freed by whoever settles it.
 *
 *                 ┌──────────── returns, repeats ────────────┐
 *                 ▼                                          │
 *   new ──► WAITING ── flies ──► FLYING ──┬── doubts ──► DOUBTED
 *                 │                       │                  (its output waits for a control)
 *                 └─ copies ─► COPYING    └── passes ──► LATE ── flies ──► LATE_FLYING ──► ...
 *                                         (its limit: the execution is kept until a longer one decides)
 *
 * The table of it is in task.c.
 */
#ifndef DEARTH_TASK_H
#define DEARTH_TASK_H

#include "replay_private.h"

struct batch;
struct confirm_group;
struct outcome;

/* Where a task is. A late one keeps its first execution. */
enum task_life {
    TASK_WAITING = 0, /* in a list, or about to be */
    TASK_FLYING,      /* with the runner, or its result is looked at */
    TASK_COPYING,     /* the same, as an order of a snapshot run */
    TASK_DOUBTED,
    TASK_LATE,
    TASK_LATE_FLYING,
    TASK_LATE_DOUBTED,
    TASK_LIVES /* number of them */
};

enum task_event {
    TASK_FLIES,   /* to the runner */
    TASK_COPIES,  /* to the runner, in a snapshot run */
    TASK_RETURNS, /* without a result that counts: the same once more */
    TASK_PASSES,  /* past its limit */
    TASK_DOUBTS,  /* other output than the baseline's */
    TASK_REPEATS, /* the result counts; one more execution, with nothing kept */
    TASK_EVENTS   /* number of them */
};

/** Pure. Return: the life after @event, TASK_LIVES: that cannot happen. */
enum task_life task_after(enum task_life life, enum task_event event);

struct task {
    struct order order;
    enum task_life life;
    uint32_t site;     /* index */
    bool bad;          /* some execution of its series was bad */
    uint32_t retries;  /* of an unreached fault */
    uint64_t limit_ns; /* of the execution under way */
    uint32_t lost;
    bool
        met; /* it took an address that an attempt beside it had or wanted: once is no sign */
    struct batch *batch; /* flying in a snapshot run */
    struct outcome
        *outcome; /* its rerun shows what all of these come to; NULL = its own alone */
    struct confirm_group *group; /* its rerun confirms a snapshot's verdict ... */
    int64_t confirms;            /* ... this attempt's, and those of its group */
    enum verdict last; /* of the execution before this one; VERDICT_NONE = none */
    bool disagrees;    /* two executions of the series had different verdicts */
    bool well; /* guarded: the plain execution looked well; only a bug is stored */
    struct task *
        twin; /* the same call, failing with all that come after it: it waits, for if none comes they are the
                          same run; owned */
    uint64_t plain_end; /* guarded: guarding_end() of the plain execution */
    /* the execution that passed its limit, until the longer one decides */
    struct observation first;
    struct judgement first_judgement;
    struct observation doubted; /* until a control has run */
    struct judgement doubted_judgement;
};
void task_free(struct task *task);
/** Change its life, as task_after(). Return: 0, or a negative errno after a message: the loop is
 * wrong. */
int task_move(struct task *task, enum task_event event);
/** Is it a run without a fault that doubted tasks wait for? */
bool task_is_control(const struct task *task);
/** Has its first execution passed its limit, and no other been counted since? */
bool task_is_late(const struct task *task);

/** What is to fail for @fault of the plan. */
struct order task_order(const struct replay *r, const struct plan_fault *fault);
/** The beginning of any: a failure at @site, of no call yet. */
struct order task_order_at(const struct plan_site *site);
/** A fault of the plan, or a pair of faults, that nothing has been done for yet. */
struct task *task_of_fault(const struct replay *r, const struct plan_fault *f);
struct task *task_of_pair(const struct replay *r, const struct pair *p);

/* First in, first out. Zero is valid and empty. */
struct task_list {
    struct task **items;
    uint32_t n, head;
};
void task_list_free(struct task_list *list);
bool task_list_is_empty(const struct task_list *list);
/** Put @task, which is the list's now, at the end. */
void task_push(struct task_list *list, struct task *task);
/** Return: the first, the caller's now, or NULL. */
struct task *task_pop(struct task_list *list);

#endif
