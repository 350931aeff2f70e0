/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as their authors wrote them, of names as compilers made them: C++ and Rust, bounded. A name of
 * 200 bytes may stand for one of a gigabyte ("the type of before, twice" is three bytes), and its making
 * may take as long without giving any text.
 */
#ifndef DEARTH_DEMANGLE_H
#define DEARTH_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

#define DEMANGLE_NAME_BYTES 4096u    /* the longest that is made; cut ones end in "…" */
#define DEMANGLE_MOST_BYTES 65536u   /* longer ones are not looked at */
#define DEMANGLE_WORK_NS    50000000 /* of processor time for one */

/** Does @name begin as mangled names do? */
bool demangle_wants(const char *name);

/**
 * Demangle @name.
 * @parameters: with those of functions
 * Return: a malloc()ed string of at most DEMANGLE_NAME_BYTES; NULL: it is none, is damaged, is too long,
 * or takes longer than DEMANGLE_WORK_NS without giving as much text.
 * Context: one thread at a time; takes SIGVTALRM for a moment.
 */
char *demangle(const char *name, bool parameters);

/** Copy of @name, cut as demangle() does; free() it. */
char *demangle_cut(const char *name);

#endif
