/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What production exercises and CI never failed.
 *
 *   production.db ─► its sites, with how often and how large
 *        │ the same key, else the same names on the stack
 *        ▼
 *   ci.db ─► failed there? recorded there? ─► text | JSON (schemas/demand.schema.json)
 */
#ifndef DEARTH_REPORT_DEMAND_H
#define DEARTH_REPORT_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct store;

/**
 * Compare.
 * @production: path of the other database
 * @json: else text
 * @most: sites listed in a text; 0 = all
 * Return: 0, or a negative errno after a message.
 */
int report_demand(struct store *store, const char *production, bool json, uint32_t most,
                  struct text *out);

#endif
