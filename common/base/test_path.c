/* SPDX-License-Identifier: Apache-2.0 */
/* Tests by the names of their files and folders: see test_path.h. Pure. */
#include "test_path.h"

#include <string.h>
#include <strings.h>

static bool has_word(const char *name, size_t n, const char *const *words) {
    for (; *words; words++)
        if (strlen(*words) == n && strncasecmp(name, *words, n) == 0)
            return true;
    return false;
}

static bool folder_is_test(const char *name, size_t n) {
    static const char *const words[] = {
        "test",  "tests",  "testing",    "testsuite", "testsuites", "t",
        "check", "checks", "unittest",   "unittests", "unit-test",  "unit-tests",
        "unity", "gtest",  "googletest", "catch2",    "spec",       "benches",
        "bench", "fuzz",   "fuzzing",    "examples",  "example",    NULL};
    return has_word(name, n, words);
}

/* "test_x.c", "x_test.cc", "x-tests.c", "testx.c", "check_x.c"; not "attest.c", "contest.c". */
static bool file_is_test(const char *name) {
    size_t n = strcspn(name, ".");
    static const char *const starts[] = {"test_",  "test-",  "tests_",
                                         "check_", "check-", "unittest"};
    static const char *const ends[] = {"_test",     "-test",  "_tests", "-tests",
                                       "_unittest", "_check", "_spec"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncasecmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t k = strlen(ends[i]);
        if (n >= k && strncasecmp(name + n - k, ends[i], k) == 0)
            return true;
    }
    if (strcmp(name, "build.rs") == 0) /* cargo's: what builds is not what is built */
        return true;
    return (n == 4 || n == 5) && strncasecmp(name, "tests", n) == 0;
}

bool test_path_is(const char *path) {
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1)
        if (folder_is_test(path, (size_t)(slash - path)))
            return true;
    return file_is_test(path);
}
