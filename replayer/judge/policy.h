/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue of what programs do on purpose when memory runs out, and of what the
 * runtime says when it finds damage. A deliberate end is exposure (aborted), damage and
 * assertions are bugs.
 */
#ifndef DEARTH_POLICY_H
#define DEARTH_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"

enum policy_class {
    POLICY_DAMAGE, /* heap or stack damage, found by the runtime or a sanitizer: corrupted
                    */
    POLICY_CRASH,  /* an assertion, or a sanitizer that caught a wild access: crashed */
    POLICY_DELIBERATE /* ends the program because memory ran out: aborted */
};

struct policy {
    const char *name;
    enum policy_class class;
    const char *symbols[2]; /* globs on linkage or demangled names; each that is not NULL
                               must be found in the stack */
    const char
        *messages[2]; /* parts of one line of stderr, in order; case does not count */
    bool weak;     /* says that somebody gave up, not why: looked at after all others */
    bool any_exit; /* counts even when the program ended in an ordinary way: a sanitizer's
                      report */
};

/**
 * Find the entry that explains an end: by the stack first, by the message second.
 * @frames, @n: stack at the fatal signal, innermost first
 * @text, @text_n: end of stderr; @known, @known_n: what the baseline printed (no
 * evidence)
 * @extra: the user's entries, looked at before the catalogue
 * Return: the entry, or NULL.
 */
const struct policy *policy_find(const struct crash_frame *frames, uint32_t n,
                                 const char *text, uint64_t text_n, const char *known,
                                 uint64_t known_n, const struct policy *extra,
                                 uint32_t n_extra);

/** The entry with any_exit set that stderr shows, or NULL: for ends without a signal. */
const struct policy *policy_find_any_exit(const char *text, uint64_t text_n,
                                          const char *known, uint64_t known_n);

/**
 * Parse --policy's "NAME=GLOB" into @out (class deliberate; members point into @text's
 * copy, which out->name owns: free((char *)out->name)). Return: 0, or -EINVAL.
 */
int policy_parse(const char *text, struct policy *out);

#endif
