/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of a suite (schemas/store.sql: test): which of them reaches a site, and which one a finding was seen in.
 *
 *   process ─ unit ─ test ─┐
 *   site_stat ─────────────┼─► (site, program, test): what a site and a finding say, and the lists of --by
 *   test_site ─────────────┘
 *
 * Where more than one test would be right the finest is named: one that a runner's filter chose, else one known by
 * its function, else the program that a harness started.
 */
#ifndef DEARTH_REPORT_TESTS_H
#define DEARTH_REPORT_TESTS_H

#include <stddef.h>
#include <stdint.h>

#include "report_data.h"
#include "report_json.h"

struct report_test {
    int64_t id, unit, whole; /* whole: 0 = it is a program */
    const char *harness, *name, *filter;
    const char *of;      /* the test that the program it is in is; NULL = none */
    const char *command; /* of the program */
    size_t n_sites;
};

/* A program, or one of its tests, has come to a site. */
struct report_reach {
    int64_t site, process; /* rows */
    uint32_t test;         /* index + 1; 0 = none */
    const char *command;   /* NULL = a test that was run by itself, beside the suite */
};

/* A process of the suite, or of a test that was run by itself. */
struct report_run {
    int64_t process, unit; /* rows; unit 0 = a fork */
    uint32_t test;         /* index + 1; 0 = none */
};

struct report_tests {
    struct report_test *items;
    size_t n;
    struct report_run *runs;
    size_t n_runs;
    struct report_reach *reach; /* by site, then test */
    size_t n_reach;
};

/** After findings, sites and targets. Return: 0 or negative errno after a message. */
int report_tests_load(struct report_data *data);
void report_tests_free(struct report_data *data);

/** Was @finding seen in @test? */
bool report_tests_found(const struct report_test *test,
                        const struct report_finding *finding);

/** The member `tests` of `suite`. */
void report_tests_json(struct json *json, const struct report_data *data);

enum report_by {
    REPORT_BY_NOTHING,
    REPORT_BY_TEST,
    REPORT_BY_PROGRAM,
    REPORT_BY_DIRECTORY
};

/** A table for people. Return: 0, or -EINVAL after a message: there are no tests. */
int report_tests_add_by(const struct report_data *data, enum report_by by,
                        struct text *out);

#endif
