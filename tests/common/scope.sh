#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Scope is one notion for a single program as well: `dearth check --own --not-own --in --blame`, or the project's file,
# say what is tried, covered, reported and judged, in every format.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 jq

mkdir -p project/.git
cd project
cp "$SOURCE"/tests/data/words.[ch] .
# the library's flaw: words_length(); the program's own: main() after words_twice()
cat >main.c <<'END'
#include <stdlib.h>
#include "words.h"
int main(void) {
    char *s = words_twice("ab"), *t = words_copy("c");
    int wrong = s[3] != 'b' || words_length("abc") != 3;
    free(s), free(t);
    return wrong;
}
END
cc -g -O0 -o prog main.c words.c
tried() { sql "$1" "SELECT group_concat(DISTINCT l.function) FROM attempt a JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id"; }
stacks() { sql "$1" "SELECT count(DISTINCT site_id) FROM attempt"; }

# only what --in and --own name is tried, and it is all that coverage and the gate are of
status 0 "$DEARTH" check -o in.db --in words_twice --mode once --fail-on none --min-coverage 100 -- ./prog
equal "words_twice|1" "$(tried in.db)|$(stacks in.db)" "what --in has tried"
status 0 "$DEARTH" check -o own.db --own words.c --not-own words_copy --not-own words_length --report own.json \
    --blame words.c --min-coverage 100 -- ./prog
equal "words_twice|1" "$(tried own.db)|$(stacks own.db)" "what --own and --not-own have tried"
equal "1 true" "$(jq -r '"\(.summary.sites.total) \(.findings | all(.apart))"' own.json)" "what the report is about"

# whose findings count
status 1 "$DEARTH" check -o all.db -- ./prog
contains err "2 findings at 2 places of severity bug"
status 1 "$DEARTH" check -o blame.db --blame words.c -- ./prog
contains err "1 finding of severity bug"
contains err "1 went wrong in code that --blame does not name"

# a mistake is named, with what is near, before anything is tried; that nothing is in the scope is none
for option in own in blame; do
    status 2 "$DEARTH" check -o wrong.db --$option wrods_copy -- ./prog
    contains err "--$option wrods_copy"
    contains err "words_copy"
    equal 0 "$(sql wrong.db "SELECT count(*) FROM attempt")" "attempts"
done
status 2 "$DEARTH" replay --own wrods_copy all.db
contains err "words_copy"
status 2 "$DEARTH" replay --in wrods_copy all.db
status 0 "$DEARTH" check -o nothing.db -q --own main --not-own main --report nothing.json -- ./prog
equal 1 "$(grep -c . err)" "lines"
contains err "nothing to do"
equal 0 "$(jq .summary.sites.total nothing.json)" "sites of a report on nothing"
status 0 "$DEARTH" report --gate --own main --not-own main all.db
contains err "nothing to do"

# the project's file says the same to each of them
printf 'own words.c\nnot-own words_twice\nblame words_length\nin words_length\n' >.dearth
status 1 "$DEARTH" check -o file.db --min-coverage 100 -- ./prog
contains err ".dearth: --own words.c"
equal "words_copy|1" "$(tried file.db)|$(stacks file.db)" "what the project's file has tried"
contains err "1 finding of severity bug"
status 1 "$DEARTH" report --gate --min-coverage 100 file.db
status 0 "$DEARTH" report -f junit all.db
contains out 'tests="1" failures="1"'
status 0 "$DEARTH" report -f sarif all.db
equal "error" "$(jq -r '[.runs[0].results[].level] | join(" ")' out)" "levels in SARIF"
status 0 "$DEARTH" report -f lcov all.db
equal "1" "$(grep -c '^DA:' out)" "lines in LCOV"
# what a command line says takes the place of it
status 0 "$DEARTH" check -o line.db --in words_copy --mode once --blame words_twice -- ./prog
equal "words_copy|2" "$(tried line.db)|$(stacks line.db)" "what a command line has tried"
