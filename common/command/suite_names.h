/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What its harness calls a program of a suite: from its command line and environment, and those of who started it.
 *
 *   automake  the arguments of test-driver: --test-name
 *   CTest     the list that ctest itself prints, by command line
 *   meson     meson-info/intro-tests.json of the build, by command line
 *   bats      BATS_TEST_NAME, BATS_TEST_FILENAME
 *   pytest    PYTEST_CURRENT_TEST, of what a test starts
 *   cargo     CARGO_PKG_NAME, and the name of the program
 *
 * A name is that of the first program that has it: what it starts belongs to it.
 */
#ifndef DEARTH_SUITE_NAMES_H
#define DEARTH_SUITE_NAMES_H

#include "unit.h"

struct suite_names; /* lists that were read already */

struct suite_names *suite_names_new(void);
/** NULL is allowed. Return: NULL. */
struct suite_names *suite_names_free(struct suite_names *names);

/**
 * @parent: who started it; NULL = not known
 * @harness: a literal; out
 * Return: its name, owned by the caller; NULL = it has none of its own.
 */
char *suite_names_find(struct suite_names *names, const struct unit *unit,
                       const struct unit *parent, const char **harness);

#endif
