/* SPDX-License-Identifier: Apache-2.0 */
/* Sites in the order in which somebody else's runs ask for them (--demand). */
#ifndef DEARTH_ASKED_H
#define DEARTH_ASKED_H

#include "sites.h"

struct store;

/**
 * Fill in the demand of @sites, which are @store's.
 * @path: of the database whose runs ask
 * Return: 0, or a negative errno after a message.
 */
int asked_mark(const char *path, struct store *store, struct sites *sites);

#endif
