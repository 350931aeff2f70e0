/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEARTH_TEST_PATH_H
#define DEARTH_TEST_PATH_H

#include <stdbool.h>

/** Is it a test, by the names of its folders below the project's, or its own? @path: relative to that folder */
bool test_path_is(const char *path);

#endif
