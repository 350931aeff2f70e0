/* SPDX-License-Identifier: Apache-2.0 */
/* Former files in the database: rows of `former_file`. */
#ifndef DEARTH_BEFORE_STORE_H
#define DEARTH_BEFORE_STORE_H

#include <stdint.h>

struct before;
struct store;

/** Keep them with a recording, in one transaction. Return: 0 or a negative errno after a message. */
int before_store(struct store *store, int64_t recording_id, const struct before *before);

/** Read them. @before: zero when called. Return: 0 or a negative errno after a message. */
int before_load(struct store *store, int64_t recording_id, struct before *before);

#endif
