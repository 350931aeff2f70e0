/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of `dearth lint` share.
 *
 *   lint.c        the command line; recording
 *   lint_find.c   a database's sites ─► calls of the project's own, judged (rust_call.h)
 *   lint_text.c   what is printed
 */
#ifndef DEARTH_LINT_PRIVATE_H
#define DEARTH_LINT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "rust_call.h"
#include "store.h"

struct lint_scope {
    const char *const *own;
    uint32_t n_own;
    const char *const *not_own;
    uint32_t n_not_own;
    const char *tree;    /* NULL = found from where it was recorded */
    bool tests;          /* of what is own, tests too */
    const char *program; /* glob; NULL = all */
    int64_t recording;   /* this one alone; 0 = the newest of each program */
};

/* A place of the project's own that asks for memory: a line's column, and what it calls there. */
struct lint_call {
    const char *file;              /* NULL = unknown */
    uint32_t line, column;         /* 0 = unknown */
    const char *function, *module; /* own; function: NULL = unknown */
    uint64_t offset;
    char *via;
    enum rust_call judged;
    bool proven;             /* by a failure that was tried, where names say nothing */
    uint64_t calls, largest; /* bytes */
    char **sites;            /* keys, in hex, in order */
    uint32_t n_sites;
};

struct lint {
    struct store *store;
    struct frames_reader *reader; /* has the strings */
    char *tree;
    struct lint_call *calls; /* by file, line, column and via */
    uint32_t n_calls;
    uint64_t n_own;    /* sites of the project's own */
    uint64_t n_seen;   /* those, and its tests' */
    uint64_t n_unseen; /* modules of the project's that allocate past dearth */
    uint64_t n_rust;   /* all sites of Rust's library */
};

/** Find them. Return: 0, or a negative errno after a message. @out: lint_deinit(), also after an error. */
int lint_find(struct store *store, const struct lint_scope *scope, struct lint *out);
void lint_deinit(struct lint *lint);

/** Return: how many are judged so. */
uint32_t lint_count(const struct lint *lint, enum rust_call judged);

/** Print the infallible ones, a line each, on standard output; what else there is on standard error. */
void lint_text(const struct lint *lint);
/** Print all as JSON (schemas/lint.schema.json). */
void lint_text_json(const struct lint *lint);

#endif
