#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names without end: a symbol of 200 bytes that stands for one of gigabytes takes neither the database nor
# the page nor the time; a long one is short in text, whole where it is asked for, and whole in JSON.
. "$(dirname "$0")/../lib.sh"
need g++ jq
export DEARTH_SYMBOL_CACHE=off

# bomb LEVELS [OPTION]: T1 is P<T0, T0>, T2 is P<T1, T1>, ...
bomb() {
    {
        printf '#include <cstdlib>\ntemplate <class A, class B> struct P {};\ntypedef P<int, int> T0;\n'
        for i in $(seq 1 "$1"); do echo "typedef P<T$((i - 1)), T$((i - 1))> T$i;"; done
        echo "__attribute__((noinline)) char *get(T$1 *) { char *p = (char *)malloc(10); if (p) *p = 1; return p; }"
        echo "int main() { T$1 t; char *p = get(&t); if (!p) return 3; free(p); }"
    } >"bomb$1.cc"
    g++ -O0 "${@:2}" "bomb$1.cc" -o "bomb$1"
}

for levels in 10 20 28; do
    bomb "$levels"
    timeout 60 "$DEARTH" record -q -o "b$levels.db" -- "./bomb$levels"
    "$DEARTH" view -q -o page.html "b$levels.db"
    [ "$(stat -c %s "b$levels.db")" -lt 3000000 ] || fail "$levels levels: a database of $(stat -c %s "b$levels.db") bytes"
    [ "$(stat -c %s page.html)" -lt 1000000 ] || fail "$levels levels: a page of $(stat -c %s page.html) bytes"
    longest=$(sql "b$levels.db" 'SELECT max(length(CAST(function AS BLOB))) FROM symbol')
    [ "$longest" -le 4096 ] || fail "$levels levels: a name of $longest bytes"
    equal 1 "$(sql "b$levels.db" "SELECT count(DISTINCT linkage_name) FROM symbol WHERE linkage_name LIKE '\_Z3getP%' ESCAPE '\\'")" \
        "$levels levels: the linkage name is there"
done

cat >long.cc <<'C'
#include <cstdlib>
#include <map>
#include <string>
#include <vector>
struct Table {
    __attribute__((noinline)) char *fill(std::map<std::string, std::vector<std::string>> const &m) {
        char *p = (char *)malloc(77 + m.size());
        p[0] = 1; /* not checked */
        return p;
    }
};
int main() {
    Table t;
    std::map<std::string, std::vector<std::string>> m;
    free(t.fill(m));
}
C
g++ -g -O0 long.cc -o long
short='Table::fill(std::map‹…› const&)'
status 1 "$DEARTH" check -o l.db --report l.json -- ./long
contains out "$short"
lacks out 'std::less<'
"$DEARTH" check -o l2.db --full-names -- ./long >whole || :
contains whole 'std::less<'
"$DEARTH" report --format text l.db >text
contains text "$short (" # with its line
"$DEARTH" report --format text --full-names l.db >text
contains text 'std::less<'
equal 1 "$(jq '[.sites[].location.function | select(. != null and test("std::less<"))] | length' l.json)" \
    'whole in JSON'
"$DEARTH" stats l.db >stats
contains stats "($short)"
"$DEARTH" stats --full-names l.db >stats
contains stats 'std::less<'
"$DEARTH" stats --stacks l.db >stats
contains stats "        $short"

# What shows it again names it as the report does, with lines.
id=$(sql l.db "SELECT id FROM finding WHERE verdict = 'crashed' LIMIT 1")
"$DEARTH" repro l.db "$id" >out 2>err || :
contains err "    $short ($work/long.cc:8)"
contains err "    main ($work/long.cc:15)"
lacks err _ZN5Table
"$DEARTH" repro --full-names l.db "$id" >out 2>err || :
contains err 'std::less<'
