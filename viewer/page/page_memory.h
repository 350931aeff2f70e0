/* SPDX-License-Identifier: Apache-2.0 */
/* What the page has of each recording's memory: sites by process, and when. Recordings are never added up. */
#ifndef DEARTH_PAGE_MEMORY_H
#define DEARTH_PAGE_MEMORY_H

#include "idmap.h"
#include "json.h"
#include "page_columns.h"
#include "report_data.h"

/**
 * Write `memory`, a list with an object for each recording of the report, and its columns, "0.NAME" for the
 * first. A row is a site in a process; a cell is a row in a bin of time (page_time.h), and there are none
 * of a recording without single events.
 * @sites: row of `site` → place in the page + 1, which may be that of others too; what has none is left out
 * @n_sites: places
 * Return: 0, or negative errno after a message.
 */
int page_memory_add(const struct report_data *data, const struct idmap *sites,
                    size_t n_sites, struct page_columns *columns, struct json *json);

#endif
