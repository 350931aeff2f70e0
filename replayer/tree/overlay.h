/* SPDX-License-Identifier: Apache-2.0 */
/* A copy-on-write view of every writable file system, in a mount namespace of our own. */
#ifndef DEARTH_OVERLAY_H
#define DEARTH_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scratch.h"

struct overlay;

/**
 * Enter a mount namespace and build the view.
 * @options: `session` stays shared with the outside, our own files are mounted over it; `sharers`
 * are views on this machine, and what they hold lies in memory; `cwd` must be covered
 * @missing: what could not be had, for people; out when it fails, owned by the caller
 * Return: 0, or a negative errno: not possible here (no message; nothing of the outside
 * changed). Context: single-threaded process.
 */
int overlay_new(const struct scratch_options *options, struct overlay **out,
                char **missing);
struct overlay *overlay_free(struct overlay *overlay);

int overlay_root(const struct overlay *overlay); /* directory to chroot into */
/** Places that could be written to and cannot here: nothing private could be put over them.
 * @out: @n bytes, separated by spaces, cut with "..." */
void overlay_read_only(const struct overlay *overlay, char *out, size_t n);

/**
 * Make the view, and every fresh one from now on, so that files are as they were before.
 * @tree: what came of it, out
 * Return: 0 or a negative errno, without a message: the view cannot be used any more.
 */
struct before;
int overlay_put_before(struct overlay *overlay, const struct before *before,
                       struct tree_facts *tree);

/** See scratch_used(). */
bool overlay_used(const struct overlay *overlay);

/** Has an attempt mounted or unmounted something? */
bool overlay_moved(struct overlay *overlay);
/** Is it the id of a mount in which files are copied on write? Source: proc(5), /proc/PID/fdinfo */
bool overlay_has_mount(const struct overlay *overlay, uint64_t id);

/** See scratch_read() and scratch_clean(). */
void overlay_read(const struct overlay *overlay, struct written *written);
int overlay_clean(struct overlay *overlay);

#endif
