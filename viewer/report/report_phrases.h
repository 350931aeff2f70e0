/* SPDX-License-Identifier: Apache-2.0 */
/* The phrases that report_fields.def names: each of the struct of the table that has it (report_say). */
#ifndef DEARTH_REPORT_PHRASES_H
#define DEARTH_REPORT_PHRASES_H

#include "report_fields.h"

report_say report_phrases_command_line;                      /* of a recording */
report_say report_phrases_exclusion, report_phrases_command; /* site */
report_say report_phrases_headline, report_phrases_hang, report_phrases_hang_call,
    report_phrases_loop, report_phrases_went_on, report_phrases_repro,
    report_phrases_cause, report_phrases_help; /* finding */
report_say report_phrases_thread, report_phrases_then, report_phrases_chance; /* fault */
report_say report_phrases_address;                                            /* crash */
report_say report_phrases_damage;                                             /* damage */

#endif
