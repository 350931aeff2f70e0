/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report says, as plain structs: the one place that reads it out of the database,
 * so that every format (JSON, text, Markdown, ..., the page) is a function of the same
 * values.
 *
 *   recording* ─ site_stat ─┐
 *   replay*    ─ attempt ───┼─► site[] (by key) ─► tallies, untested
 *   skipped ────────────────┘
 *   finding ─ finding_attempt ─► finding[] (worst first) ─► site keys
 *
 * Which recordings: the one asked for; else of each program (executable path) the newest and all that
 * are of the same build (no module path with another build-id), with all their replays. What is left
 * out is said in a note.
 *
 * Error-path sites (--depth 2) are in site[] too, but in none of the tallies of ordinary sites:
 * what is tested must not look less because more was looked at.
 *
 * Invariants: testable = tested + untested; total = testable + excluded; VERDICT_NONE
 * only where nothing was attempted. Everything is read in one transaction, which stacks that are asked for later
 * are read in too, so a replay that is still running cannot make the parts disagree. Nothing in here depends on the clock.
 */
#ifndef DEARTH_REPORT_DATA_H
#define DEARTH_REPORT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "frames.h"
#include "report_fields.h"
#include "survivor.h"

struct store;

/* What has a row in report_fields.def, where each member is explained, and what is found out besides. */

struct report_location {
#define PLACE(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
    uint32_t testable, tested, sites; /* sites of it */
};

struct report_site {
#define SITE(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
    bool ended_early; /* --quick: a fault of it is open, and none of the others was bad */
    bool after_failure; /* error_path, and no recording or run without a failure has it */
    uint32_t target;    /* of a suite: index + 1; 0 = none */
    const char *test;   /* the first of `tests`; NULL = none */
    uint32_t
        only_test; /* the one test that reaches it: index + 1; 0 = none does, or several do */
};

struct report_leak {
#define LEAK(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_difference {
#define DIFFERENCE_SEEN(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_fault {
#define FAULT(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_second {
#define SECOND(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_last {
#define LAST(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_crash {
#define CRASH(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_damage {
#define DAMAGE(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_finding {
#define FINDING(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
    bool known; /* a baseline has it: set by gate_mark_known() */
    bool
        known_by_call; /* by the failed call alone: where one of both went wrong is not known */
    const char *
        whole; /* command line of the program that runs its test among others; NULL = none does */
};

struct report_recording {
#define RECORDING(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_replay {
#define REPLAY(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_tally {
#define TALLY(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_program {
#define PROGRAM(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
    bool same_name; /* as struct store_program */
};

struct report_stop {
#define STOP(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_note {
#define NOTE(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_refusal {
#define REFUSED(source, report, page) REPORT_MEMBER_##source
#include "report_fields.def"
};

struct report_data {
    struct store *store;
    const char *path;                    /* of the database, as the user gave it */
    struct report_recording *recordings; /* by id; the last is the newest; at least one */
    size_t n_recordings;
    /* to be named to `dearth replay`; 0 = the newest recording of all is of the same program */
    int64_t replay_recording;
    struct report_program
        *programs;     /* by their newest recording; none: one recording was asked for */
    size_t n_programs; /* > 1: what belongs to one says to which */
    struct report_suite
        *suite;        /* NULL = the report is not about a suite: report_suite.h */
    size_t n_left_out; /* programs that `wanted_program` does not name */
    uint64_t
        n_other_builds; /* recordings of chosen programs, in builds that are not their newest */
    const char *wanted_program;    /* --program; NULL = all */
    struct report_replay *replays; /* by id */
    size_t n_replays;
    struct report_location *locations; /* by id; only some may have sites */
    size_t n_locations;
    struct report_site *sites; /* by key */
    size_t n_sites;
    struct report_site **untested; /* reason != REASON_TESTED: by location, then key */
    size_t n_untested;
    struct report_finding *findings; /* by severity, runtime, silent, verdict, identity */
    size_t n_findings;
    struct report_tally site_tally, location_tally;
    struct report_tally target_tally; /* of a suite */
    struct report_tally error_tally;  /* error-path sites, which are in no other number */
    uint64_t verdicts[N_VERDICTS];    /* sites by worst verdict */
    uint64_t severities[N_SEVERITIES]; /* findings */
    uint64_t places[N_SEVERITIES];     /* at which these went wrong: report_group.h */
    uint64_t runtime[N_SEVERITIES];    /* of these, in the runtime */
    uint64_t silent;                   /* findings */
    uint64_t reasons[N_REASONS];       /* sites */
    uint64_t n_apart;                  /* findings that --blame does not name */
    bool narrowed;                     /* --in was given */
    uint64_t n_attempts;
    uint64_t n_behind; /* executions that no findings were derived of yet */
    struct survivor_counts survivors;
    bool
        quick; /* copies were ended early: some faults are open for it, or it is how the newest replay was */
    uint64_t n_doubtful; /* sites tested only where the program did not end as recorded */
    const char **modules_without_cfi; /* sorted */
    size_t n_modules_without_cfi;
    struct report_stop *stops;
    size_t n_stops;
    struct report_refusal *refusals; /* by reason */
    size_t n_refusals;
    struct report_note *notes;
    size_t n_notes;
    bool exact;
    struct report_private *private;
};

struct report_choice {
    int64_t recording; /* id; 0 = not one alone */
    bool alike;        /* with all others of its like (above), not alone */
    const char *
        program; /* without `recording`: as store_programs_load(), which keeps it; NULL = all */
    /* globs: report_scope.h; NULL, empty = all */
    const struct cli_list *own, *not_own, *in, *blame;
};

/**
 * Read everything but stacks. The store is in a read transaction until the report is freed.
 * @choice: what it is to be about
 * @out: owned by the caller; report_data_free(); @store must outlive it
 * Return: 0, or negative errno after a message.
 */
int report_data_new(struct store *store, const struct report_choice *choice,
                    struct report_data **out);
struct report_data *report_data_free(struct report_data *data);
static inline void report_data_free_pointer(struct report_data **data) {
    *data = report_data_free(*data);
}
#define AUTO_REPORT __attribute__((cleanup(report_data_free_pointer)))

/** A stack with its symbols: frames_load() over the report's own reader. */
int report_data_stack(const struct report_data *data, int64_t stack_id,
                      struct frames *out);

/** One row of a stack: frames_step() over the same. */
int report_data_step(const struct report_data *data, int64_t stack_id, int64_t *parent_id,
                     const struct frame **frames, uint32_t *n);

/** Append a location, or where a site has none its innermost frame. Return: 0 or negative errno. */
int report_data_add_place(const struct report_data *data,
                          const struct report_location *location, int64_t stack_id,
                          struct text *out);
/**
 * Where a hung program's two samples meet: the innermost function that both have.
 * @frame: out; points into @frames, which the caller frees
 * Return: 1, 0 there is none, or negative errno.
 */
int report_data_loop(const struct report_data *data, const struct report_finding *finding,
                     struct frames *frames, const struct frame **frame);

#endif
