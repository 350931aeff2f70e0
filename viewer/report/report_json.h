/* SPDX-License-Identifier: Apache-2.0 */
/* How the JSON report writes each kind of field; the page writes most of them the same way. */
#ifndef DEARTH_REPORT_JSON_H
#define DEARTH_REPORT_JSON_H

#include "report_fields.h"

extern report_write
    *const report_json_writers[N_REPORT_KINDS]; /* NULL: not in the report */

#endif
