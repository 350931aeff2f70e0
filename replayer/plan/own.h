/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: what a project wants failed once, whichever of its tests comes there.
 *
 *   outermost                                            innermost
 *   main ─ test_parse ─ │ parse_file ─ parse_line ─ copy ─ strdup ─ malloc
 *         the test's    │ the own part, from its outermost own frame on: the target
 *
 * Two sites whose stacks end in the same own part are one target in two contexts. Where functions and
 * lines are known they are what is compared, with how far into its function each call instruction lies, so
 * that one source file in many test programs is one, and two calls on one line are two; else builds and
 * offsets are.
 */
#ifndef DEARTH_OWN_H
#define DEARTH_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

/* What counts as the project's own. */
struct own_options {
    const char *const *
        globs; /* on modules, functions, source files; none = what lies below `tree` and is
                                 not a test's */
    uint32_t n_globs;
    const char *const *not_globs; /* never */
    uint32_t n_not_globs;
    const char *const *in; /* only stacks with such a frame, whosever it is; none = all */
    uint32_t n_in;
    const char *tree; /* absolute; NULL = there is none */
    /* by frame: a test harness's. What called it, as main() does, is no part of what is tested, and what it
     * asks for itself is not, either, unless `globs` name it; NULL = none is */
    const bool *harness;
};

/** Is the @symbol-th function of a frame a test's, by its file below @tree, or, in Rust, by its module? */
bool own_is_test_frame(const char *tree, const struct plan_frame *frame, uint32_t symbol);
/** Is it the project's own? */
bool own_is_own(const struct own_options *options, const struct plan_frame *frame,
                uint32_t symbol);

/* What a frame is to a target. */
struct own_part {
    bool own, in; /* one of its functions is */
    bool harness; /* what is further out is no part of what is tested */
};
/** Of every frame of @input. Pure. @parts: by frame, the caller's */
void own_frames(const struct plan_input *input, const struct own_options *options,
                struct own_part *parts);

/**
 * Find each site's target. Pure.
 * @keys: by site: all zero = none of its frames is own, or it cannot be failed; owned by the caller
 */
void own_targets(const struct plan_input *input, const struct own_options *options,
                 struct dearth_key *keys);

#endif
