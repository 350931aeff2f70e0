/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of `dearth report`: functions from a report's values to bytes. */
#ifndef DEARTH_REPORT_H
#define DEARTH_REPORT_H

#include <stdbool.h>

#include "report_data.h"

/* Of the JSON: schemas/report.schema.json. In 1 each of `untested` and `sites` had its stack written out. */
#define REPORT_VERSION 2

/**
 * Append the report as JSON: schemas/report.schema.json.
 * @stacks: with a stack in each of `sites` too
 * Return: 0, or negative errno after a message (a stack could not be read); as all below.
 */
int report_json(const struct report_data *data, bool stacks, struct text *out);

/** Append a summary in Markdown: for a pull request or a job's summary page. */
int report_markdown(const struct report_data *data, struct text *out);

/** Append SARIF 2.1.0: one result per finding, at the line whose allocation was failed.
 * Source: OASIS, Static Analysis Results Interchange Format 2.1.0. */
int report_sarif(const struct report_data *data, struct text *out);

/** Append JUnit XML: one test case per testable site; findings fail it, untested is
 * skipped. */
int report_junit(const struct report_data *data, struct text *out);

/** Append LCOV's tracefile: a line is covered when its allocation was failed.
 * Source: geninfo(1), FILES. */
int report_lcov(const struct report_data *data, struct text *out);

#endif
