/* SPDX-License-Identifier: Apache-2.0 */
/* How the JSON report writes each kind of field; the page writes most of them the same way. */
#ifndef DEARTH_REPORT_JSON_H
#define DEARTH_REPORT_JSON_H

#include "report_fields.h"

struct frame;

extern report_write
    *const report_json_writers[N_REPORT_KINDS]; /* NULL: not in the report */

/** Write a frame of a stack. @name, return: as report_write. */
int report_json_frame(struct report_out *out, const char *name, const struct frame *f,
                      bool inlined);

#endif
