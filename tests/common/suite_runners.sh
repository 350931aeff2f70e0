#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# As suite_tests, for the other runners that have a filter, for tests that are known by their functions, and for a runner
# that cannot be asked.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc c++ sqlite3 python3 rustc

# shellcheck source=tests/common/runners.sh
source "$SOURCE/tests/common/runners.sh"

# each: one test without a flaw, one that meets that of words_length()
cat >tests/check.c <<'END'
#include <check.h>
#include <stdlib.h>
#include "../words.h"
START_TEST(test_copy) { char *p = words_copy("x"); ck_assert_ptr_nonnull(p); free(p); }
END_TEST
START_TEST(test_length) { ck_assert_int_eq(words_length("abc"), 3); }
END_TEST
int main(void) {
    Suite *s = suite_create("words & co");
    TCase *copy = tcase_create("core"), *length = tcase_create("edge");
    tcase_add_test(copy, test_copy);
    tcase_add_test(length, test_length);
    suite_add_tcase(s, copy);
    suite_add_tcase(s, length);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int n = srunner_ntests_failed(r);
    srunner_free(r);
    return n != 0;
}
END
cat >tests/criterion.c <<'END'
#include <criterion/criterion.h>
#include <stdlib.h>
#include "../words.h"
Test(words, copies) { char *p = words_copy("x"); cr_assert(p); free(p); }
Test(words, length) { cr_assert(words_length("abc") == 3); }
END
cat >tests/plain.c <<'END'
#include <stdlib.h>
#include "../words.h"
static void test_copies(void) { free(words_copy("x")); }
static void test_length(void) { if (words_length("abc") != 3) exit(1); }
int main(void) {
    test_copies();
    test_length();
    return 0;
}
END
cat >rust.rs <<'END'
use std::ffi::{c_char, CStr};
extern "C" { fn words_length(s: *const c_char) -> usize; }
fn length(s: &CStr) -> usize { unsafe { words_length(s.as_ptr()) } }
#[cfg(test)]
mod tests {
    use std::ffi::CString;
    #[test]
    fn adds() { assert_eq!(1 + 1, 2); }
    #[test]
    fn length() { assert_eq!(super::length(&CString::new("abc").unwrap()), 3); }
}
END

# shellcheck disable=SC2046 # words are meant to be split
cc -g -O0 -o check tests/check.c words.o $(pkg-config --libs check)
try check Check "words & co: core" "words & co: edge"
contains err "CK_RUN_CASE=edge"
cc -g -O0 -o criterion tests/criterion.c words.o -lcriterion
try criterion Criterion words/copies words/length
rustc -q --test -g -C link-arg=words.o -o rust rust.rs 2>/dev/null || rustc --test -g -C link-arg=words.o -o rust rust.rs
try rust libtest tests::adds tests::length

cc -g -O0 -o plain tests/plain.c words.o
status 0 "$DEARTH" suite record -o plain.db -- ./plain
status 0 "$DEARTH" suite replay plain.db
equal "stack|test_copies,stack|test_length" "$(sql plain.db "SELECT group_concat(harness || '|' || name) FROM (SELECT * FROM test ORDER BY name)")" "tests without a harness"
status 0 "$DEARTH" repro plain.db "$(sql plain.db "SELECT id FROM finding WHERE severity = 'bug'")"
contains err "test test_length"

# what cannot be listed is what it was: a program that does not know the option
cat >tests/deaf.cc <<'END'
extern "C" {
#include "../words.h"
}
#include <gtest/gtest.h>
TEST(Words, Length) { EXPECT_EQ(words_length("abc"), 3u); }
int main() {
    testing::InitGoogleTest();
    return RUN_ALL_TESTS();
}
END
c++ -g -O0 -o deaf tests/deaf.cc words.o -lgtest -pthread
status 0 "$DEARTH" suite record -o deaf.db -- ./deaf
equal 0 "$(sql deaf.db 'SELECT count(*) FROM test')" "tests that cannot be listed"
status 0 "$DEARTH" suite replay deaf.db
contains out "1 of 1 tested"
equal "Words.Length" "$(sql deaf.db 'SELECT name FROM test')" "by its function"
