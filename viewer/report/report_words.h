/* SPDX-License-Identifier: Apache-2.0 */
/* The phrases of a report: places, differences, counts, commands to copy. */
#ifndef DEARTH_REPORT_WORDS_H
#define DEARTH_REPORT_WORDS_H

#include "report_data.h"

/** What excludes a site that is REASON_NOT_FAILABLE: "never", "outside" (dearth.h), "call" (no
 * call of it can fail), "harness" (a test harness asks for it itself). Return: NULL for others. */
const char *report_words_exclusion(const struct report_site *site);

/** Append where a program went on that gives a wrong answer, and who had returned to it by then: one of these
 * ignored that the call failed. Nothing when that was not seen. Return: 0 or a negative errno after a message. */
int report_words_add_went_on(const struct report_data *data,
                             const struct report_finding *finding, struct text *out);

/** Append "function (file:line)", "function (module)", "module+0x12". NULL: "unknown". */
void report_words_add_location(const struct report_location *location, struct text *out);
/** Append "one of 2 calls that failed by chance (probability 0.1, seed 7)". */
void report_words_add_chance(const struct report_fault *fault, struct text *out);
/** What fails after it: "and every allocation after it"; nothing where nothing does. */
void report_words_add_then(const struct report_fault *fault, struct text *out);
/** The site of the @i-th call that failed by chance, and its number among the chosen calls.
 * Return: false when there are no more; @site NULL when the report does not have it. */
bool report_words_failed_call(const struct report_data *data,
                              const struct report_finding *finding, int i,
                              const struct report_site **site, int64_t *call);
/** Append "stdout is truncated", and with @detail " (10 of 20 bytes)". */
void report_words_add_difference(const struct report_difference *difference, bool detail,
                                 struct text *out);
/** Append "written 3 bytes behind a block of 10 bytes, found at free"; nothing when there is none. */
void report_words_add_damage(const struct report_damage *damage, struct text *out);
/** Append the command that would test a site; nothing for REASON_NOT_FAILABLE. */
void report_words_add_command(const struct report_data *data,
                              const struct report_site *site, struct text *out);
/** Append the command that shows a finding again. */
void report_words_add_repro(const struct report_data *data,
                            const struct report_finding *finding, struct text *out);
/** Append the recorded command line, quoted for a shell; the executable when argv is
 * unknown. */
void report_words_add_argv(const struct report_recording *recording, struct text *out);

/** Sum up what a finding's attempt leaked. */
void report_words_count_leaks(const struct report_finding *finding, int64_t *blocks,
                              int64_t *bytes);
/** Append "malloc in f (f.c:3)"; of a pair "malloc in g, after the failure of malloc in f". */
void report_words_add_failed(const struct report_finding *finding, struct text *out);
/** Append " at 4 places" behind a number of findings, where that is more than one. */
void report_words_add_places(uint64_t n_findings, uint64_t n_places, struct text *out);
/** Append "1 site", "2,000 sites". */
void report_words_add_plural(struct text *out, uint64_t n, const char *one,
                             const char *many);
/** Append "1 bug, 2 warnings"; "nothing" when there is no finding. */
void report_words_add_severities(const struct report_data *data, struct text *out);

#endif
