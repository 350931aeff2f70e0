#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: part
# A project whose library has one flaw, and what is the same for every runner of its tests.
# shellcheck shell=bash

mkdir -p project/tests
cd project || exit
cp "$SOURCE"/tests/data/words.[ch] .
cc -g -O0 -c words.c

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
