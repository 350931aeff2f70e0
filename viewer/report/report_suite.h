/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report on a suite: a project's tests, of which targets were failed (schemas/store.sql: unit, unit_run, target).
 *
 *   the suite's recording ─► how often sites were called
 *   target, target_site ───► which sites it is about: others are in no part of the report
 *   unit_run ──────────────► whose replays were the evidence; what was refused, and why
 *
 * Coverage is that of targets; sites are their contexts.
 */
#ifndef DEARTH_REPORT_SUITE_H
#define DEARTH_REPORT_SUITE_H

#include <stdint.h>

#include "report_data.h"
#include "report_json.h"

/* A target; `shown` is the first of its sites, by key. */
struct report_target {
    int64_t id;
    const char *reason; /* not tested: one sentence */
    const struct report_site *shown;
    uint32_t contexts, contexts_tested; /* sites */
};

/* A program that was to be run by itself. */
struct report_unit {
    const char *command;
    const char *refused; /* one sentence; NULL = it does there what it did in the suite */
    uint64_t sites, reached; /* places of its own in the suite; of these, by itself */
};

struct report_tests;

struct report_suite {
    struct report_tests *tests;    /* report_tests.h */
    struct report_target *targets; /* by id */
    size_t n_targets;
    struct report_unit *units; /* in the order in which they were first run */
    size_t n_units, n_refused, n_partial;
    uint64_t n_programs;  /* that the suite started */
    uint64_t n_strangers; /* recordings that are no part of any suite */
    uint64_t
        n_cut_off; /* units that had pipes or sockets, which they have not by themselves */
};

/**
 * Is the report to be about a suite? Then choose its recordings and replays, and fill the temporary table
 * `chosen_target`.
 * Return: 1, 0 = the database holds none, or negative errno after a message.
 */
int report_suite_choose(struct report_data *data);

/** Read units, and whose the findings are; after sites. Return: 0 or negative errno after a message. */
int report_suite_load(struct report_data *data);
void report_suite_free(struct report_data *data);

/** Count targets; when sites are in the order of the report. @is_void: what was not seen may matter */
void report_suite_tally(struct report_data *data, bool is_void);

/** What coverage is the coverage of: targets, or sites. */
const struct report_tally *report_suite_measure(const struct report_data *data);
/** "targets", "testable sites" */
const char *report_suite_measured(const struct report_data *data);

void report_suite_add_head(const struct report_data *data, struct text *out);
/** @max: places named; 0 = all. */
void report_suite_add_untested(const struct report_data *data, uint32_t max,
                               struct text *out);
/** What running programs by themselves cannot show, each with @before. */
void report_suite_add_limits(const struct report_data *data, const char *before,
                             const char *between, struct text *out);
/** The member `suite`. Return: 0 or negative errno. */
int report_suite_json(struct report_out *out);

#endif
