#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two replays of two recordings of the same program agree on every verdict.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need xmllint

echo '<items><item id="1">one</item><item id="2"><b>two</b></item></items>' >items.xml
for run in 1 2; do
    "$DEARTH" record -o "$run.db" -- xmllint --format items.xml >/dev/null 2>err
    "$DEARTH" replay --jobs "$run" "$run.db" >err 2>&1
    sql "$run.db" "SELECT DISTINCT lower(hex(key)), occurrence, mode, verdict FROM attempt
        JOIN site ON site.id = site_id ORDER BY 1, 2, 3, 4" >"$run.txt"
done
[ "$(wc -l <1.txt)" -gt 100 ] || fail "few attempts: $(wc -l <1.txt)"
diff 1.txt 2.txt || fail 'the replays disagree'
echo "ok: $(wc -l <1.txt) verdicts agree"
