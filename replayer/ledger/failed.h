/* SPDX-License-Identifier: Apache-2.0 */
/* The stacks of the calls that failed in an execution, as the database has them. */
#ifndef DEARTH_FAILED_H
#define DEARTH_FAILED_H

#include "abort.h"
#include "attempt.h"
#include "store.h"

struct frames_reader;

/** Make the statement that failed_load() asks with. Return: 0, or a negative errno after a message. */
int failed_prepare(struct store *store, sqlite3_stmt **out);

/**
 * Load them where they are of interest: at an end by abort().
 * @s: of failed_prepare(); @reader: of @store, as it is
 * @out: abort_stacks_deinit(); empty when they are not known
 * Return: 0, or a negative errno after a message.
 */
int failed_load(struct store *store, sqlite3_stmt *s, struct frames_reader *reader,
                const struct order *order, const struct observation *seen,
                struct failed_stacks *out);

#endif
