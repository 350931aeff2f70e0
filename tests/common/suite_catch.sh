#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# As suite_tests, for Catch2, whose own code does not survive every failure: that is apart.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc c++ jq sqlite3 python3

# shellcheck source=tests/common/runners.sh
source "$SOURCE/tests/common/runners.sh"

# one test without a flaw, one that meets that of words_length()
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

c++ -g -O0 -o catch tests/catch.cc words.o
try catch Catch2 "copies, [well]" "length * of it"
# what lasts keeps to the own code in a suite; else Catch2 itself does not survive it: that is apart, and fails no gate
equal "1" "$(python3 -c 'import json; print(len({f["place"] for f in json.load(open("report.json"))["findings"] if f["severity"] == "bug" and not f["apart"]}))')" "places of bugs that count"
equal 0 "$(jq '[.findings[] | select(.apart)] | length' report.json)" "findings that stand apart"
"$DEARTH" check --mode sticky --report report.json -o plain.db -- ./catch "copies*" >out 2>err || :
equal harness "$(jq -r '[.findings[] | select(.apart) | .attribution.kind] | unique | join(" ")' report.json)" "whose the others are"
status 0 "$DEARTH" report --gate -f text --baseline report.json plain.db
contains out "of the test harness"

# as many as no other list ends with: version 2 ends with their number
{
    printf '%s\n' '#define CATCH_CONFIG_MAIN' '#include <catch2/catch.hpp>' 'extern "C" {' '#include "../words.h"' '}'
    for i in $(seq 130); do
        echo "TEST_CASE(\"number $i\") { REQUIRE(words_length(\"abc\") == 3); }"
    done
} >tests/many.cc
c++ -g -O0 -o many tests/many.cc words.o
status 0 "$DEARTH" suite record --split all -o many.db -- ./many
equal 130 "$(sql many.db "SELECT count(*) FROM test WHERE harness = 'Catch2' AND filter IS NOT NULL")" 'tests of a program that has many'
