#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests have names: programs that run many inside are divided by their runner's own filter, and each test is failed by
# itself; where there is no filter the function on the stack is the test. Findings and reports name them.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc c++ sqlite3 python3 rustc

mkdir -p project/tests
cd project
cp "$SOURCE"/tests/data/words.[ch] .
cc -g -O0 -c words.c

# each: one test without a flaw, one that meets that of words_length()
cat >tests/google.cc <<'END'
extern "C" {
#include "../words.h"
}
#include <cstdlib>
#include <gtest/gtest.h>
TEST(Words, Copies) { char *p = words_copy("abc"); ASSERT_TRUE(p); free(p); }
TEST(Words, Length) { EXPECT_EQ(words_length("abc"), 3u); }
TEST(Words, DISABLED_Fails) { FAIL(); }
int main(int argc, char **argv) {
    puts("This is no test."); /* among what lists them */
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
END
cat >tests/catch.cc <<'END'
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
extern "C" {
#include "../words.h"
}
TEST_CASE("copies, [well]", "[tag]") { char *p = words_copy("abc"); REQUIRE(p); free(p); }
TEST_CASE("length * of it") { REQUIRE(words_length("abc") == 3); }
TEST_CASE("hidden", "[.]") { REQUIRE(words_length("abc") == 4); }
END
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

# try PROGRAM HARNESS TESTS...: each is listed, and the flaw found in the last; --split off: by its function or not at all
try() {
    local program=$1 harness=$2 last=${*: -1}
    shift 2
    status 0 "./$program"
    status 0 "$DEARTH" suite record -o "$program.db" -- "./$program"
    equal "$(printf '%s\n' "$@")" "$(sql "$program.db" "SELECT name FROM test WHERE harness = '$harness' ORDER BY id")" "tests of $program"
    equal "$#" "$(sql "$program.db" "SELECT count(*) FROM test t JOIN unit u ON u.id = t.unit_id JOIN recording r ON r.id = u.recording_id WHERE t.filter IS NOT NULL AND r.suite_id = t.recording_id")" "run by themselves"
    status 0 "$DEARTH" suite replay "$program.db"
    equal 0 "$(sql "$program.db" "SELECT count(*) FROM target WHERE state <> 'tested'")" "targets left of $program"
    "$DEARTH" report "$program.db" >report.json
    equal "$last" "$(python3 -c 'import json; print(*{f["test"] for f in json.load(open("report.json"))["findings"] if f["severity"] == "bug" and "words_length" in f["place"]})')" "who found the bug of $program"
    bug=$(python3 -c 'import json; print(*[f["id"] for f in json.load(open("report.json"))["findings"] if f["severity"] == "bug" and "words_length" in f["place"]][:1])')
    status 0 "$DEARTH" repro "$program.db" "$bug"
    contains err "test $last"
}

c++ -g -O0 -o google tests/google.cc words.o -lgtest -pthread
try google GoogleTest Words.Copies Words.Length
# nothing is the project's own but what it has written: neither the harness nor the runtime that is linked in
equal 2 "$(sql google.db 'SELECT count(*) FROM target')" "targets"
equal "1" "$(sql google.db "SELECT count(DISTINCT name) FROM test t JOIN unit_run n ON n.unit_id = t.unit_id JOIN attempt a JOIN replay p ON p.id = a.replay_id AND p.recording_id = n.recording_id WHERE a.verdict = 'crashed'")" "tests in which it crashed"
status 0 "$DEARTH" suite list google.db
contains out "test Words.Length"
contains out "2 are tests that a program runs inside"
# which test reaches a site, which test found what, in every format
equal "[['Words.Copies'], ['Words.Length']]" "$(python3 -c 'import json; print(sorted(s["tests"]["names"] for s in json.load(open("report.json"))["sites"]))')" "tests that reach sites"
equal "Words.Length" "$(python3 -c 'import json, sys; print(*(t["name"] for t in json.load(open("report.json"))["suite"]["tests"] if int(sys.argv[1]) in t["findings"]))' "$bug")" "whose finding it is"
status 0 "$DEARTH" report --by test google.db
equal "1 1 1" "$(awk '/^By test/ {on = 1} on && $5 == "Words.Length" {print $1, $2, $3}' out)" "by test"
contains out "program     Words.Length: google"
status 0 "$DEARTH" report --by program google.db
equal "2 2 1" "$(awk '/^By program/ {on = 1} on && $5 == "google" {print $1, $2, $3}' out)" "by program"
status 0 "$DEARTH" report --by directory google.db
equal "2 2 1" "$(awk '/^By directory/ {on = 1} on && $5 ~ /project.$/ {print $1, $2, $3}' out)" "by directory"
status 2 "$DEARTH" report --by test --format json google.db
status 0 "$DEARTH" report -f junit google.db
contains out 'classname="Words.Length"'
status 0 "$DEARTH" report -f sarif google.db
contains out '"test": "Words.Length"'
status 0 "$DEARTH" repro --print google.db "$bug"
contains out "# The test: Words.Length (--gtest_filter=Words.Length)"
# the suite's own numbers are those of the suite alone
equal 1 "$(python3 -c 'import json; r = json.load(open("report.json")); print(r["suite"]["programs"] * len(r["recordings"]))')" "programs and recordings"
# what is joined from shards has the tests, too
cp google.db shard.db
status 0 "$DEARTH" merge merged.db shard.db google.db
equal "$(sql google.db 'SELECT count(*) FROM test')" "$(sql merged.db 'SELECT count(*) FROM test')" "tests of merged shards"
status 0 "$DEARTH" suite replay merged.db
contains out "0 programs were run by themselves now"

# a single one, chosen by its harness's own filter, is the program
status 0 "$DEARTH" suite record -o one.db -- ./google --gtest_filter=Words.Length
equal "Words.Length|1" "$(sql one.db 'SELECT name, whole_id IS NULL FROM test')" "one test"
# --split off: known by its function
status 0 "$DEARTH" suite record --split off -o off.db -- ./google
equal 0 "$(sql off.db 'SELECT count(*) FROM test')" "tests before a replay"
status 0 "$DEARTH" suite replay off.db
equal "Words.Copies,Words.Length" "$(sql off.db 'SELECT group_concat(name) FROM (SELECT name FROM test ORDER BY name)')" "tests by their functions"
status 0 "$DEARTH" report --by test off.db
equal "1 1 1" "$(awk '/^By test/ {on = 1} on && $5 == "Words.Length" {print $1, $2, $3}' out)" "by test"
# by its groups where single ones are too many is one of --split auto; all of them with 'all'
status 0 "$DEARTH" suite check --split all --fail-on none -o all.db -- ./google
equal 2 "$(sql all.db 'SELECT count(*) FROM test WHERE filter IS NOT NULL')" "split all"

c++ -g -O0 -o catch tests/catch.cc words.o
try catch Catch2 "copies, [well]" "length * of it"
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
