/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests of a suite that was just recorded: what its harnesses call its programs, and those that run inside of
 * one, each run once more by itself, recorded.
 *
 *   unit ─ suite_names ──────────────────────────────► test (a program)
 *   unit whose stacks have a runner ─ suite_runner ─► its tests ─► a script of them all, recorded ─► unit, test
 *
 * The second recording is of dearth's own making: it counts in no number of the suite's, and gives units that can
 * be failed. Whatever of it does not work out is left to the program as a whole.
 */
#ifndef DEARTH_SUITE_TESTS_H
#define DEARTH_SUITE_TESTS_H

#include "record.h"
#include "suite_load.h"

enum suite_split { SUITE_SPLIT_AUTO, SUITE_SPLIT_ALL, SUITE_SPLIT_OFF };

/**
 * @how: as the suite was recorded
 * @scope: what is the project's own: whose programs are worth it; none said = everything
 * Return: 0, or a negative errno after a message: the database cannot be written.
 */
int suite_tests_record(const char *path, const struct record_options *how,
                       const struct suite_scope *scope, enum suite_split split);

#endif
