/* SPDX-License-Identifier: Apache-2.0 */
/* Adding one database to another. */
#ifndef DEARTH_MERGE_H
#define DEARTH_MERGE_H

#include <stdbool.h>

struct store;
struct chunk_event;

/* Of the inputs of one result, one after another: what they have in common is looked up once. */
struct merge_buffer *merge_buffer_new(void);
struct merge_buffer *merge_buffer_free(struct merge_buffer *buffer);

enum { MERGE_SAME_FINDINGS = 1 };

/**
 * Add the database at @path to @out, in one transaction: `dearth merge`.
 * @quiet: do not tell what was added
 * Return: 0; MERGE_SAME_FINDINGS: @out has some of its findings already, with other attempts: merge_finish(); negative
 * errno after a message, and @out is as it was.
 */
int merge_add(struct store *out, const char *path, struct merge_buffer *buffer,
              bool quiet);

/** Tell findings apart that are of different programs of one name. Return: 0 or negative errno after a message. */
int merge_finish(struct store *out);

#endif
