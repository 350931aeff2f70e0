/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A suite: what each program needs to be run by itself later, read from outside while it waits at its
 * start (SHM_SEEN).
 *
 *   /proc/PID/{environ, cmdline, cwd, exe, fd, fdinfo, status}, prlimit() ─► rows of unit, environment
 *
 * Values of variables whose names look like those of secrets are not kept, only their names.
 */
#ifndef DEARTH_CIRCUMSTANCES_H
#define DEARTH_CIRCUMSTANCES_H

#include "cli.h"

struct collector;
struct watched;

/* Zero is valid: the built-in patterns alone. Globs on names; they outlive the collector. */
struct circumstances_options {
    struct cli_list allow; /* kept in any case */
    struct cli_list deny;  /* not kept, beside what is built in */
};

/** Is the value of the variable @name (@n bytes) one that may be kept? */
bool circumstances_may_keep(const struct circumstances_options *options, const char *name,
                            size_t n);

/**
 * Write the rows of @w, which has just started. What cannot be read is said in the row, and the program
 * is no unit then.
 * Return: 0, or a negative errno after a message: the database cannot be written.
 */
int circumstances_keep(struct collector *c, struct watched *w);

#endif
