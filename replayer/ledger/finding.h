/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings: attempts that a user must look at, grouped. Derived from all attempts of a
 * database, again and again the same.
 */
#ifndef DEARTH_FINDING_H
#define DEARTH_FINDING_H

#include <stdbool.h>
#include <stdint.h>

struct store;

/**
 * Derive findings from every attempt in the database, after symbols were resolved.
 *
 * One finding is one identity: `verdict|fault location|place of the crash`, made of
 * function and module names, not of addresses or lines, so that it is equal across runs,
 * machines and unrelated edits. The mode is not part of it: whether a missing check is
 * met by one failure or by many, it is the same missing check. Several locations in one
 * function are told apart by `#n`, in order of line, programs and plugins of one name by what follows
 * `|in `: the folders in which they differ, where the database has several (store_namesakes.h). Hung and degraded have no place:
 * where a sample falls is chance. A leak is a finding of its own, `leaked|who forgot|location
 * of the allocation`, when two executions at least show it; who forgot is the innermost
 * function that the failed call and the leaked block both came from. What a reported failure left in
 * files and did harm with is one too, `damaged|location`. A finding keeps its id
 * while its identity is derived. It is `flaky` when none of its faults showed the same
 * verdict every time.
 *
 * Whoever mends them counts places: one function that uses a NULL is met from a hundred allocations.
 * A finding's `place` is `verdict|signal|function to blame`, then what that one called in the runtime or
 * the policy by which it ended, where there is one; lines of a function and variants of it for
 * processors are one (place_add()), and in a database with a suite the copies of it in all programs that its source file
 * is linked into. Without a stack it is the function whose allocation failed, or the
 * one that made the damaged block. A leak's is where the block was allocated.
 * @replay_id: replay in which new findings are said to have been first seen
 * Return: 0, or a negative errno after a message.
 */
int finding_derive(struct store *store, int64_t replay_id);

/**
 * Say in the database that its findings are of all its attempts; or, without @all, of none for certain.
 * Who reads them knows by this which attempts they are not of: of a replay that goes on, or was killed.
 * Return: 0 or a negative errno after a message.
 */
int finding_store_reach(struct store *store, bool all);

/** Are there attempts of which findings were never derived? */
bool finding_is_behind(struct store *store);

#endif
