/* SPDX-License-Identifier: Apache-2.0 */
/* What users added to the catalogue, kept in the database: no command reads a file because a database
 * says so, and all of them come to the same. */
#ifndef DEARTH_CATALOGUE_STORE_H
#define DEARTH_CATALOGUE_STORE_H

struct catalogue;
struct store;

/** Add the stored texts to @catalogue, behind what it was given, but for those whose name it was given
 * anew. Return: 0, or negative errno (printed). */
int catalogue_load(struct catalogue *catalogue, struct store *store);
/** Store the texts that @catalogue was given; one of the same name is replaced, an empty one taken out.
 * Return: 0, or negative errno (printed). */
int catalogue_save(const struct catalogue *catalogue, struct store *store);

#endif
