/* SPDX-License-Identifier: Apache-2.0 */
/* Which line a site stands for, and its name that outlives a rebuild: both for the store. */
#ifndef DEARTH_LOCATE_H
#define DEARTH_LOCATE_H

struct catalogue;
struct store;

/**
 * Bring site.location_id and site.portable_key up to date, if a site lacks them or if the
 * rules are not those of the last time.
 * The rules: the built-in catalogue, the stored ones and the --wrapper globs of all recordings.
 * Return: 0, or negative errno after a message.
 * Context: symbols are resolved; opens a transaction unless the caller has one.
 */
int locate_sites(struct store *store);

/** The same rules: the built-in catalogue, the stored ones and the wrappers. @out: catalogue_free(), also after
 * an error. Return: 0, or negative errno after a message. */
int locate_catalogue(struct store *store, struct catalogue **out);

#endif
