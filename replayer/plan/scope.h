/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scope of a failure that lasts: which later calls it takes, by the same rule as the sites of a plan.
 *
 *   rule (--own, --in, --not-in; a suite's own part) ─┐
 *   frames of the recording, with all their names ────┼─► classes of every return address ─► struct shm_scope
 *   functions of the modules that they lie in ────────┘
 *
 * An address that the recording has is known with what is inlined there. Of any other the function is known, or,
 * where that has no name, the module: SHM_SCOPE_NEARLY where that may not be all.
 */
#ifndef DEARTH_SCOPE_H
#define DEARTH_SCOPE_H

#include "plan.h"

struct catalogue;
struct shm_scope;

/* What is in the scope. Zero is valid: everything is, and there is none. */
struct scope_rule {
    const char *const *own; /* globs, as the next */
    uint32_t n_own;
    const char *const *not_own;
    uint32_t n_not_own;
    const char *const *in;
    uint32_t n_in;
    const char *const *not_in;
    uint32_t n_not_in;
    const char *tree; /* of a suite's sources, NULL = none is known */
    bool target;      /* what own_targets() finds a target in, of a suite's */
};

/** Is there a scope at all? */
bool scope_is_given(const struct scope_rule *rule);
/** As attempt.scope has it: a JSON object. Return: owned; NULL = there is none. */
char *scope_text(const struct scope_rule *rule);
/** Its hash; all zero for NULL. */
struct dearth_key scope_key(const char *text);
/** Read that. @text: NULL = there is none. @out: scope_rule_deinit() */
void scope_parse(const char *text, struct scope_rule *out);
/** Of a rule that scope_parse() made. Twice is safe. */
void scope_rule_deinit(struct scope_rule *rule);

struct scope_function {
    uint64_t start, end;                        /* file addresses; @end is behind it */
    const char *function, *linkage_name, *file; /* NULL = not known; not inlined */
};

/* A module that frames of the recording lie in. */
struct scope_module {
    struct dearth_key key;
    const char *path;
    bool known;   /* false: its functions could not be read */
    bool inlines; /* what is inlined could be known: there is debug information */
    const struct scope_function *functions; /* ascending */
    uint32_t n_functions;
    const uint8_t
        *asks; /* of these, what scope_asks() says; NULL = it is not known yet */
};

struct scope_input {
    const struct plan_frame *frames; /* of the recording's sites */
    uint32_t n_frames;
    const struct scope_module *modules;
    uint32_t n_modules;
    const struct catalogue *catalogue;
    const char *exe; /* of the program; NULL = not known */
};

/**
 * What the catalogue says of each function of @module, for scope_make(). It is the same in every scope by the same catalogue
 * in which harness_is_of_runtime() is. Pure.
 * Return: free() it.
 */
uint8_t *scope_asks(const struct scope_input *input, const struct scope_module *module);

/**
 * Write down what each return address is. Pure.
 * @left_out: modules whose functions found no room; out
 * Return: free() it.
 */
struct shm_scope *scope_make(const struct scope_input *input,
                             const struct scope_rule *rule, uint32_t *left_out);

#endif
