/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded suite, as its commands see it: programs that can be run by themselves (units), and what the
 * project wants failed once (targets: replayer/plan/own.h).
 *
 *   process, unit, site_stat ─► units, each with the targets that it or what it started reached
 *   site, stack, symbol ─► own_targets() ─► targets
 *   attempt ─► which targets have been failed
 */
#ifndef DEARTH_SUITE_LOAD_H
#define DEARTH_SUITE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cover.h"
#include "own.h"
#include "scope.h"
#include "sites.h"
#include "store.h"

#define SUITE_TWIN "the same as an earlier one"

struct suite_unit {
    int64_t row;       /* of `unit`; 0 = it cannot be run by itself */
    int64_t process;   /* row of `process` */
    int64_t recording; /* the suite's, or that of its tests, each run by itself */
    uint32_t
        parent; /* the unit that started it, or ran that test among others: index + 1; 0 = none */
    uint32_t ordinal; /* of its process */
    bool
        is_whole; /* it, or what it started, runs tests inside that are units of their own */
    bool is_tree; /* units that it started reach what is own */
    uint32_t pid,
        replaced_by; /* an exec put another program in its place: that unit's index + 1 */
    char *command;   /* as a shell would take it */
    struct dearth_key identity; /* executable, arguments, folder, environment, input */
    struct dearth_key exe;      /* its path */
    int exit_code, exit_signal; /* -1, 0 = unknown */
    uint64_t duration_ns, events;
    uint32_t
        *sites; /* own ones that it, or what it started, reached: indices, in order */
    uint32_t n_sites, capacity;
    uint32_t n_own_sites; /* that it reached itself */
    const char *
        harness; /* on the stack of one of these; section of the catalogue; NULL = none */
    char *
        test; /* that it is or belongs to, or was chosen by its runner's filter; NULL = none; owned */
    bool is_named;        /* `test` is its own */
    bool is_split;        /* such a one: it alone */
    const char *why_not;  /* it cannot be run by itself: one phrase; NULL = it can */
    char *refused;        /* it was tried, and does something else by itself; owned */
    const char *no_input; /* what it had to read is not known: one phrase; NULL = it is */
};

struct suite_target {
    struct dearth_key key;
    uint32_t n_sites;
    uint32_t n_tested;  /* sites at which it was failed */
    uint32_t some_site; /* one of them */
    int64_t
        reused_from; /* recording of the suite in which it was failed last; 0 = not yet */
};

struct suite {
    struct store *store;
    int64_t recording;
    int64_t tests; /* recording of its tests, each by itself; 0 = there is none */
    char *tree;
    bool is_own_by_tree; /* what lies below it, and no --own says otherwise */
    struct sites sites;
    struct catalogue *catalogue;
    const char **harness;         /* by frame: section of the catalogue; NULL = of none */
    uint32_t *target_of;          /* by site: index + 1; 0 = not own */
    bool *tested;                 /* by site: it was failed */
    struct suite_target *targets; /* by key */
    uint32_t n_targets;
    struct suite_unit *units;
    uint32_t n_units;
    struct cover_unit *cover; /* n_units */
    uint32_t n_processes, n_split;
    uint32_t
        n_reused; /* targets that were failed in programs of earlier suites alone, which this one has as well */
    int64_t reused_from; /* the newest of these suites' recordings; 0 = none */
};

struct suite_scope {
    const char *const *own;
    uint32_t n_own;
    const char *const *not_own;
    uint32_t n_not_own;
    const char *const *in; /* only stacks with such a frame */
    uint32_t n_in;
    const char *const *not_in; /* of what lasts: no stack with such a frame */
    uint32_t n_not_in;
    const char *tree; /* NULL = found from where the suite was recorded */
    const char *mode; /* of the failures that count as tested: 'once', 'sticky' */
    bool fresh;       /* none does */
};

/** Read the newest suite of @store. Return: 0, or a negative errno after a message. */
int suite_load(struct store *store, const struct suite_scope *scope, struct suite *out);
void suite_load_deinit(struct suite *suite); /* twice is safe */

/** The project's folder around @cwd: the one that is under version control, else that one, or the one above a
 * folder that is only built in. Return: free() it. */
char *suite_load_tree(const char *cwd);

/** Write down which programs of earlier suites this one has no more: what was seen in them is no evidence of it.
 * Return: 0 or a negative errno after a message. */
int suite_load_mark_gone(const struct suite *suite);

/** From now on @unit reaches those of its sites alone. @reached: by site */
void suite_load_keep(struct suite *suite, uint32_t unit, const bool *reached);

/** From now on only programs that start others are units for @target. */
void suite_load_leave_to_trees(struct suite *suite, uint32_t target);
/** From now on only what nothing else of the suite started is a unit for @target; without effect where that may not
 * be chosen. */
void suite_load_leave_to_first(struct suite *suite, uint32_t target);

/** What later calls must be in to fail where a failure lasts: what targets are found in. It points into both. */
struct scope_rule suite_load_lasting(const struct suite *suite,
                                     const struct suite_scope *scope);

/** Look again which targets have been failed; of what lasts, in this scope. Return: 0 or a negative errno after a message. */
int suite_load_tested(struct suite *suite, const struct suite_scope *scope);

#endif
