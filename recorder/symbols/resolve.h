/* SPDX-License-Identifier: Apache-2.0 */
/* From recorded addresses to names and locations: see resolve.c. */
#ifndef DEARTH_RESOLVE_H
#define DEARTH_RESOLVE_H

#include <stdbool.h>

struct store;

/**
 * Resolve symbols of every frame that is not yet, then locations and portable keys of
 * every site.
 * @progress: print a progress line on a terminal
 * Return: 0, or negative errno after a message. Missing symbols are no error.
 */
int resolve_store(struct store *store, bool progress);

#endif
