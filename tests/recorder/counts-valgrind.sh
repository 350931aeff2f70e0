#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Allocations, frees and bytes of real programs equal Valgrind's "total heap usage" of the same run.
# Valgrind counts a realloc as one allocation and one free, and every block not live as freed.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need valgrind jq sqlite3 xmllint

cat >items.xml <<'X'
<items><item id="1">one</item><item id="2"><b>two</b></item></items>
X
echo '[{"a":1,"b":[1,2,3]},{"a":"two"}]' >items.json

compare() {
    local name=$1 totals
    shift
    valgrind --run-libc-freeres=no --run-cxx-freeres=no "$@" >/dev/null 2>valgrind.txt
    totals=$(sed -n 's/,//g; s/.*total heap usage: \([0-9]*\) allocs \([0-9]*\) frees \([0-9]*\) bytes.*/\1|\2|\3/p' valgrind.txt)
    [ -n "$totals" ] || fail "no totals from valgrind for $name"
    record -o "$name.db" -- "$@" >/dev/null
    equal "$totals" "$(sql "$name.db" "SELECT sum(count - failed),
        sum(count - failed) - sum(live_blocks), sum(bytes) FROM site_stat")" "$name"
}

compare jq jq '.[].a' items.json
compare sqlite3 sqlite3 -batch :memory: 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL
    SELECT x + 1 FROM n WHERE x < 200) SELECT count(DISTINCT x % 7), sum(x) FROM n'
compare xmllint xmllint --format items.xml
