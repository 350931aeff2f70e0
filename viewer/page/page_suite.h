/* SPDX-License-Identifier: Apache-2.0 */
/* What the page has of a suite: its tests, the programs that were run by themselves, which test comes to which site. */
#ifndef DEARTH_PAGE_SUITE_H
#define DEARTH_PAGE_SUITE_H

#include "idmap.h"
#include "json.h"
#include "page_columns.h"
#include "report_data.h"

/**
 * Write `suite`, and the columns test.site and test.index: pairs of a site's place and a test that comes to it, by site; of
 * the sites each is less the one before. A target is {site, contexts, reason} where it was never tested, and counts for
 * the tests that reach it: `targets`, `tested`.
 * @sites: row of `site` → place in the page + 1
 * Return: 0, or negative errno after a message.
 */
int page_suite_add(const struct report_data *data, const struct idmap *sites,
                   struct page_columns *columns, struct json *json);

/**
 * Tests by rows of a recording's memory. @out: idmap_deinit(); page_suite_row() of a process and a site → index of the
 * test + 1, where one is known; page_suite_row() of a process and 0 → that of the process.
 */
void page_suite_rows(const struct report_data *data, struct idmap *out);
int64_t page_suite_row(int64_t process_id, int64_t site_id);

#endif
