/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an end is explained by the catalogue: what programs do on purpose when memory runs out, and what
 * the runtime says when it finds damage. A deliberate end is exposure (aborted), damage and assertions
 * are bugs.
 */
#ifndef DEARTH_POLICY_H
#define DEARTH_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "abort.h"
#include "attempt.h"

struct catalogue;

enum policy_class {
    POLICY_DAMAGE, /* heap or stack damage, found by the runtime or a sanitizer: corrupted */
    POLICY_CRASH, /* an assertion, or a sanitizer that caught a wild access: crashed */
    POLICY_DELIBERATE /* ends the program because memory ran out: aborted */
};

struct policy {
    const char *name; /* the catalogue's; lives as long as it */
    enum policy_class class;
    bool
        any_exit; /* counts even when the program ended in an ordinary way: a sanitizer's report */
    char
        cause[CAUSE_BYTES]; /* what a report says of it beyond the signal; "" = nothing */
};

/**
 * Find the section that explains an end: the users' first, by the stack first, by the message second,
 * and what only says that somebody gave up last.
 * @seen: its stack at the fatal signal, the end of its stderr
 * @baseline: what it printed too is no evidence
 * @failed: stacks of the calls that failed; NULL is allowed
 * Return: whether there is one; @out is set then.
 */
bool policy_find(const struct catalogue *catalogue, const struct baseline *baseline,
                 const struct failed_stacks *failed, const struct observation *seen,
                 struct policy *out);

/**
 * An abort() that nothing explains: has a check of the program's own failed?
 * @out: set to a crash; meant where ABORT_CHECKED or ABORT_TOLD is returned
 */
enum abort_kind policy_find_check(const struct catalogue *catalogue,
                                  const struct baseline *baseline,
                                  const struct failed_stacks *failed,
                                  const struct observation *seen, struct policy *out);

/** The same among what counts after an ordinary end, by what stderr shows. */
bool policy_find_any_exit(const struct catalogue *catalogue,
                          const struct baseline *baseline, const struct observation *seen,
                          struct policy *out);

#endif
