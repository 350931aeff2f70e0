/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next run: what a failure that was reported left in the files, does the program live with it?
 */
#ifndef DEARTH_NEXT_RUNS_H
#define DEARTH_NEXT_RUNS_H

#include "replay_private.h"

struct task;

/** An attempt is in: remember it when what it left may do harm. */
void next_runs_consider(struct replay *r, const struct task *task,
                        const struct observation *seen, const struct judgement *j);

/**
 * Run again what was remembered, and the program once more in the tree that it leaves. Where that does
 * harm, an attempt of severity warning is stored.
 * Return: enum replay_outcome, or a negative errno after a message.
 */
int next_runs(struct replay *r);

/** Run one order, no other under way. Return: whether @out was filled in: a worker that died leaves no word. */
bool next_runs_one(struct runner *runner, const struct order *order,
                   struct observation *out);

/** What @seen, a whole run of @order, shows; signals that every run has are set aside in it. */
struct judgement next_runs_judge(struct replay *r, const struct order *order,
                                 struct observation *seen);

void next_runs_deinit(struct replay *r);

/* A fault that is looked at once more for what it left. */
struct next_look {
    struct order order;
    int64_t location;
    uint64_t kind; /* of what is left: equal for what looks alike */
};

/** Those of one call's failure first, then by location: for qsort(3). */
int next_looks_compare(const void *a, const void *b);

/** Has one call's failure shown the same as @looks[@at], where all later calls fail as well? Then it is that one's
 * doing. @shown: of each look, whether it did */
bool next_looks_explain(const struct next_look *looks, uint32_t n, const bool *shown,
                        uint32_t at);

#endif
