/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs a report is about, and which of them has what. */
#ifndef DEARTH_REPORT_PROGRAMS_H
#define DEARTH_REPORT_PROGRAMS_H

#include <stdbool.h>

struct report_data;
struct report_choice;
struct report_finding;
struct report_program;
struct text;

/**
 * Fill the temporary tables `chosen_recording` and `chosen_replay`, and the report's programs.
 * Return: 0, or negative errno after a message.
 */
int report_programs_choose(struct report_data *data, const struct report_choice *choice);

/** With several programs: give each site and finding its command line, and each program its sums. While
 * sites are in the order of their ids and say whether they are tested. Return: 0 or negative errno. */
int report_programs_load(struct report_data *data);

/** Do sites and findings say whose they are: are there several programs, or those of a suite? */
bool report_programs_several(const struct report_data *data);

/** Without evidence: nothing of it was tried, and others did not do so in its place. */
bool report_programs_unproven(const struct report_program *program);

/** With several programs: ", in COMMAND and 2 more programs"; else nothing. @before: ", in ", ... */
void report_programs_add_of(const struct report_data *data,
                            const struct report_finding *finding, const char *before,
                            struct text *out);

#endif
