/* SPDX-License-Identifier: Apache-2.0 */
/* Is a database made of what dearth makes it of, and of nothing else? */
#ifndef DEARTH_STORE_SCHEMA_H
#define DEARTH_STORE_SCHEMA_H

#include <stdbool.h>

struct store;

/**
 * Compare every table, index, view and trigger of a database with schemas/store.sql.
 * An object that the schema does not know, one that is defined in another way, and one that is
 * missing are refused by name. What ANALYZE makes (sqlite_stat1, sqlite_stat4) is allowed; it only
 * steers plans.
 * @whole: false = an older schema, of which only the names of objects are looked at: migrating it
 *         must not run what somebody put there
 * Return: 0, or -EINVAL after a message.
 */
int store_schema_check(struct store *store, bool whole);

#endif
