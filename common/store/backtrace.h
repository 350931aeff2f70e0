/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The variables that let Rust's library print stacks. A program that panics in an attempt looks all its names up for
 * it, 20 times as long as the attempt takes: attempts have them only where they were asked for.
 */
#ifndef DEARTH_BACKTRACE_H
#define DEARTH_BACKTRACE_H

#include <stdbool.h>
#include <stddef.h>

struct store;

/** Is it the name of one, of @n bytes? */
bool backtrace_is_variable(const char *name, size_t n);

/** Take them out of our own environment: what is recorded has to do what attempts do. Return: was one there? */
bool backtrace_leave_out(void);

/** Has a program of the database code of Rust's, as far as lines are known? */
bool backtrace_has_rust(struct store *store);

#endif
