/* SPDX-License-Identifier: Apache-2.0 */
/* From recorded addresses to names and locations: see resolve.c. */
#ifndef DEARTH_RESOLVE_H
#define DEARTH_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

struct store;

/**
 * Resolve symbols of every frame that is not yet, then locations and portable keys of
 * every site.
 * @wrappers: globs on function names beside the built-in catalogue, @n of them
 * @progress: print a progress line on a terminal
 * Return: 0, or negative errno after a message. Missing symbols are no error.
 */
int resolve_store(struct store *store, const char *const *wrappers, uint32_t n,
                  bool progress);
/** The same with the wrappers that were named when @recording_id was made. */
int resolve_recording(struct store *store, int64_t recording_id, bool progress);

#endif
