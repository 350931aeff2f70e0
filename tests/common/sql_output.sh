#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `dearth sql`: where queries come from, how rows are printed, what is refused.
. "$(dirname "$0")/../lib.sh"
need jq

"$BUILD/tests/recorder/make_database" dearth.db --events 1000
status 0 "$DEARTH" sql 'SELECT count(*) AS n FROM recording'
equal $'n\n-\n2' "$(cat out)" 'table, default database'
cp dearth.db other.db
status 0 "$DEARTH" sql other.db 'SELECT 1 AS a, NULL AS b, 2.5 AS c'
equal $'a  b    c\n-  -  ---\n1     2.5' "$(cat out)" 'columns of a table'
echo 'SELECT 1 AS x; SELECT 2 AS y' | "$DEARTH" sql -f csv >out
equal $'x\n1\ny\n2' "$(cat out)" 'statements from standard input'

# Values that would break a format.
values="SELECT 'a,\"b\"' AS q, 'l1' || char(10) || 'l2' AS l, x'00ff' AS blob, NULL AS n, 1e999 AS inf,
    char(27) || '[31m' AS control, 9007199254740993 AS big, 'ünï' AS u"
"$DEARTH" sql -f json "$values" >out
equal '["a,\"b\"","l1\nl2","00ff",null,null,"\u001b[31m","ünï"]' \
    "$(jq -c '.[0] | [.q, .l, .blob, .n, .inf, .control, .u]' out)" JSON
contains out 9007199254740993
"$DEARTH" sql -f csv "$values" >out
contains out '"a,""b""","l1'
"$DEARTH" sql "$values" >out
equal 3 "$(wc -l <out)" 'lines of a table'
contains out 'l1\nl2'
contains out '\x1b[31m'
"$DEARTH" sql "SELECT char(155) || '5n' AS c1" >out
contains out '\x9b5n'
equal '[]' "$("$DEARTH" sql -f json 'SELECT 1 WHERE 0' | jq -c .)" 'no row in JSON'
"$DEARTH" sql 'SELECT 1 AS empty WHERE 0' >out
contains out empty
# More rows than one batch of a table.
equal 2502 "$("$DEARTH" sql 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
    SELECT i FROM n' | wc -l)" 'rows of a long table'

# Read-only, unless asked for.
status 2 "$DEARTH" sql 'DELETE FROM note'
contains err --write
status 0 "$DEARTH" sql --write "INSERT INTO note(kind, text) VALUES ('test', 'x')"
equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'test'")" 'rows written'

status 2 "$DEARTH" sql 'SELECT 1 FROM nowhere'
contains err nowhere
status 2 "$DEARTH" sql missing.db 'SELECT 1'
contains err missing.db
status 2 "$DEARTH" sql a.db b.db c.db
printf '.tables\n.schema site\n.schema allocation\n.help\n.quit\nSELECT 1 AS unreachable;\n' | "$DEARTH" sql >out
contains out event_chunk
contains out key_site # the schema keeps its comments
contains out 'freed_ns INTEGER'
lacks out unreachable
