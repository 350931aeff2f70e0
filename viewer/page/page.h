/* SPDX-License-Identifier: Apache-2.0 */
/* The page: one self-contained HTML file that shows a report. Pure. */
#ifndef DEARTH_PAGE_H
#define DEARTH_PAGE_H

#include "report_source.h"

/**
 * Append the page: viewer/page/page.html with its style, its script and the report's values in
 * it. It loads nothing, from nowhere, and a Content-Security-Policy in it says so.
 * @before: what it is compared with, of another database; NULL = nothing
 * @source: show lines of the program's sources with findings; NULL = do not
 * Return: 0, or negative errno after a message (a stack could not be read).
 */
int page_write(const struct report_data *data, const struct report_data *before,
               const struct report_source *source, struct text *out);

#endif
