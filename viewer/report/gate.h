/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: may this pass? */
#ifndef DEARTH_GATE_H
#define DEARTH_GATE_H

#include <stdbool.h>

#include "report_data.h"

struct gate_options {
    enum severity fail_on; /* this or worse fails; SEVERITY_NONE = none does */
    bool silent;           /* wrong answers that nobody is told about fail, too */
    bool runtime;  /* what went wrong in libc, libstdc++ or the loader counts, too */
    bool baseline; /* gate_mark_known() was called: only what is new counts */
    double min_coverage; /* per cent of the testable sites; 0 = any */
};

enum gate_outcome {
    GATE_PASSED = 0,
    GATE_FAILED = 1,
    GATE_UNDECIDED =
        2, /* nothing failed, but the evidence is not about the recorded run, or not about all of it */
};

/**
 * Mark the findings that an earlier report has.
 * @path: that report, JSON
 * Return: 0, or negative errno after a message (it cannot be read, it is no report).
 */
int gate_mark_known(struct report_data *data, const char *path);

/** Is that file a report that gate_mark_known() can read? Return: 0, or negative errno after
 * a message. */
int gate_check_baseline(const char *path);

/**
 * Judge a report. Without a single attempt it fails: a filter that matches nothing must not pass. But for
 * --changed-since, where the replay found that nothing of what was recorded has changed.
 * @why: what failed, or that it passed, in lines for people
 * Return: enum gate_outcome, or negative errno after a message (the baseline cannot be
 * read).
 */
int gate_judge(const struct report_data *data, const struct gate_options *options,
               struct text *why);

#endif
