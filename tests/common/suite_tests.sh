#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests have names: programs that run many inside are divided by their runner's own filter, and each test is failed by
# itself; where there is no filter the function on the stack is the test. Findings and reports name them.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc c++ sqlite3 python3

# shellcheck source=tests/common/runners.sh
source "$SOURCE/tests/common/runners.sh"

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
# in the page the memory of a program that runs both is by test, where one alone comes to a site
status 0 "$DEARTH" view -q google.db -o page.html
equal "[1, 2]" "$(python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import page_values; print(sorted(page_values.read("page.html")[1]["0.test"]))' "$SOURCE/tests/viewer")" "tests of rows of memory"
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
# with its harness's own name it has two, and is one unit
BATS_TEST_NAME=test_length BATS_TEST_FILENAME=words.bats status 0 "$DEARTH" suite record -o two.db -- ./google --gtest_filter=Words.Length
equal "words.bats: length,Words.Length" "$(sql two.db 'SELECT group_concat(name) FROM test')" "two names"
equal 1 "$("$DEARTH" suite list --json two.db | grep -c '"unit"')" "units with two names"
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
