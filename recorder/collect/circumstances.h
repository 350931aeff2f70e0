/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A suite: what each program needs to be run by itself later, read from outside while it waits at its
 * start (SHM_SEEN).
 *
 *   /proc/PID/{environ, cmdline, cwd, exe, fd, fdinfo, status}, prlimit() ─► rows of unit, environment
 *
 * Values of variables whose names look like those of secrets are not kept, only their names.
 *
 * What a pipe on standard input will bring is known when its writers have ended (piped.h): until then, for a short while,
 * the program may be left where it is (circumstances_waits()).
 */
#ifndef DEARTH_CIRCUMSTANCES_H
#define DEARTH_CIRCUMSTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

struct collector;
struct watched;

/* Zero is valid: the built-in patterns alone. Globs on names; they outlive the collector. */
struct circumstances_options {
    struct cli_list allow; /* kept in any case */
    struct cli_list deny;  /* not kept, beside what is built in */
    bool no_input;         /* what was on standard input is not kept */
};

/** Is the value of the variable @name (@n bytes) one that may be kept? */
bool circumstances_may_keep(const struct circumstances_options *options, const char *name,
                            size_t n);

struct circumstances;

/** Read those of @pid. What cannot be read is left out. Return: owned. Context: any thread; @pid waits. */
struct circumstances *circumstances_new(const struct circumstances_options *options,
                                        uint32_t pid);

/** May somebody still write into the pipe on its standard input? Else all is known that will be.
 * Return: the pipe's inode; 0 = no */
uint64_t circumstances_waits(const struct circumstances *circumstances);

/** Look again into that pipe of @pid, which waits. Context: any thread. */
void circumstances_look_again(struct circumstances *circumstances, uint32_t pid);

/** NULL is allowed. Return: NULL. */
struct circumstances *circumstances_free(struct circumstances *circumstances);

/**
 * Write the rows of @w, which has just started. What could not be read is said in the row, and the program
 * is no unit then.
 * @circumstances: NULL = it could not be looked at
 * Return: 0, or a negative errno after a message: the database cannot be written.
 */
int circumstances_keep(struct collector *c, const struct watched *w,
                       const struct circumstances *circumstances);

#endif
