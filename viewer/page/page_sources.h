/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of sources in the page: only where they were asked for, since a page is made to be passed on. */
#ifndef DEARTH_PAGE_SOURCES_H
#define DEARTH_PAGE_SOURCES_H

#include "json.h"
#include "report_source.h"

/**
 * Write `sources`: for each finding of the report, in its order, a list of {file, line, first, lines, says, doubt}. A file
 * is called what the debug information calls it: where it was found here is nobody else's business.
 * Return: 0, or negative errno after a message.
 */
int page_sources_add(const struct report_source *source, struct json *json);

#endif
