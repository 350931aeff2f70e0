/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt must not inherit, for it would lead around its private tree: descriptors of real
 * files that dearth was started with, and root's rights over other processes, whose roots, folders
 * and descriptors in /proc are the real ones.
 */
#ifndef DEARTH_CONFINE_H
#define DEARTH_CONFINE_H

#include <stddef.h>

/**
 * Take stock of the descriptors above 2 that dearth was started with, and of its rights; from now on
 * no program inherits those descriptors themselves.
 * @left_out: out, @n bytes: those that programs will do without, "7 (pipe) 9 (socket)"; "" = none
 * Context: once, in a worker, before it enters a namespace.
 */
void confine_init(char *left_out, size_t n);

/**
 * Open files, folders and terminals among them again by their paths, at the same place, and give
 * rights up: for good. Does nothing without confine_init().
 * Context: a new process before its exec, in its root and folder; system calls only.
 */
void confine_enter(void);

#endif
