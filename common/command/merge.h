/* SPDX-License-Identifier: Apache-2.0 */
/* Adding one database to another. */
#ifndef DEARTH_MERGE_H
#define DEARTH_MERGE_H

#include <stdbool.h>

struct store;
struct chunk_event;

struct merge_buffer *merge_buffer_new(void);
struct merge_buffer *merge_buffer_free(struct merge_buffer *buffer);

/**
 * Add the database at @path to @out, in one transaction: `dearth merge`.
 * @quiet: do not tell what was added
 * Return: 0, or negative errno after a message; @out is as it was then.
 */
int merge_add(struct store *out, const char *path, struct merge_buffer *buffer,
              bool quiet);

#endif
