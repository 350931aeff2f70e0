/* SPDX-License-Identifier: Apache-2.0 */
/* One cover of an overlay: over a folder, a file, a socket. */
#ifndef DEARTH_COVER_H
#define DEARTH_COVER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct cover;
struct overlay;

/** Where @path of the view is, seen by the worker. A descriptor names it once it has been moved to
 * "/". */
void cover_place(const struct overlay *o, const char *path, char out[static PATH_MAX]);

/** Mount cover @index of the view. Return: 0 or a negative errno, without a message. */
int cover_apply(struct overlay *o, size_t index);
/** The same as the view was, less what is really gone meanwhile: an entry of a folder of ours. */
int cover_apply_again(struct overlay *o, size_t index);
/** Folders of ours get their modes last, when everything in them is made. */
void cover_finish_folders(struct overlay *o);

/** Is cover @index written to? @upper: what was written to, out. */
bool cover_is_used(const struct overlay *o, size_t index, char upper[static PATH_MAX]);
/** Remove what was written to it. */
void cover_remove_layers(const struct overlay *o, size_t index);
/** Mount it fresh, by itself: nothing is mounted inside. Return: as cover_apply(). */
int cover_renew(struct overlay *o, size_t index);

#endif
