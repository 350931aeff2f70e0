/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that run many tests inside: how each of the known ones lists them, and how it is told to run one.
 * Pure, but for looking whether an argument of pytest's is a file.
 *
 *   arguments ─ suite_runner_list() ─► arguments that list ─► output ─ suite_runner_parse() ─► cases
 *   arguments, case ─ suite_runner_choose() ─► arguments that run this one alone
 */
#ifndef DEARTH_SUITE_RUNNER_H
#define DEARTH_SUITE_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

/* One test, or one group of them. Strings are owned. */
struct suite_case {
    char *name;    /* as people know it */
    char *pattern; /* as its runner takes it */
    char *
        group; /* of runners that have groups: what chooses all of the same; NULL = none */
};

struct suite_cases {
    struct suite_case *items;
    uint32_t n;
};
void suite_cases_deinit(struct suite_cases *cases);
/** Groups in the place of tests. Return: false = there are none, and nothing was changed. */
bool suite_cases_group(struct suite_cases *cases);

struct suite_runner;

/** @harness: its section of the catalogue. Return: NULL = it has no filter. */
const struct suite_runner *suite_runner_find(const char *harness);
/** Is that pytest's command line? */
bool suite_runner_is_pytest(char *const *argv);
const char *suite_runner_name(const struct suite_runner *runner);

/* What a program is started with; owned, NULL-terminated lists. */
struct suite_start {
    char **argv;
    char **more; /* NAME=VALUE, beside its environment */
    char *shown; /* what chooses the test, as a shell takes it */
};
void suite_start_deinit(struct suite_start *start);

/** How many ways of listing there are to try, one after another. */
uint32_t suite_runner_ways(const struct suite_runner *runner);
/** Where the list comes: a file of that name, which it writes; NULL = its standard output. */
bool suite_runner_writes(const struct suite_runner *runner);
/**
 * The command line that lists its tests.
 * @file: where, when it writes one
 * Return: false = one test cannot be chosen on top of what these arguments choose.
 */
bool suite_runner_list(const struct suite_runner *runner, uint32_t way, char *const *argv,
                       const char *cwd, const char *file, struct suite_start *out);
/** @text: the list. Return: nothing when it is not one. */
struct suite_cases suite_runner_parse(const struct suite_runner *runner,
                                      const char *text);
void suite_runner_choose(const struct suite_runner *runner, const struct suite_case *test,
                         char *const *argv, const char *cwd, struct suite_start *out);

#endif
