#!/usr/bin/env bash
# Two replays of two recordings of the same program agree on every verdict.
. "$(dirname "$0")/../lib.sh"
need jq

echo '[{"a":1,"b":[1,2,3]},{"a":"two"}]' >items.json
for run in 1 2; do
    "$DEARTH" record -o "$run.db" -- jq '.[].a' items.json >/dev/null 2>err
    "$DEARTH" replay --mode once --jobs "$run" "$run.db" >err 2>&1
    sql "$run.db" "SELECT DISTINCT lower(hex(key)), occurrence, mode, verdict FROM attempt
        JOIN site ON site.id = site_id ORDER BY 1, 2, 3, 4" >"$run.txt"
done
[ "$(wc -l <1.txt)" -gt 100 ] || fail 'few attempts'
diff 1.txt 2.txt || fail 'the replays disagree'
echo "ok: $(wc -l <1.txt) verdicts agree"
