#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: part
# The page in Chromium: what it computes, how it looks to whom, links, keys, hostile names, recordings apart.
. "$(dirname "$0")/../lib.sh"
need python3 sqlite3 node chromium

mapfile -t scripts < <(sed -n "/^page_pure/,/page.js/p" "$SOURCE/viewer/page/meson.build" | grep -o "[a-z_]*\.js")
node "$SOURCE/tests/viewer/page_pure.js" "${scripts[@]/#/$SOURCE/viewer/page/}" || fail 'what the page computes'

# shellcheck source=tests/viewer/page_files.sh
. "$SOURCE/tests/viewer/page_files.sh"
status 2 "$DEARTH" view a.db b.db
contains err 'name it with -o'
status 2 "$DEARTH" view a.db b.db two.db -o -
status 2 "$DEARTH" view --recording 1 a.db b.db -o -
status 2 "$DEARTH" view no-such.db b.db -o -
sql two.db "SELECT json_object('calls', json_group_array(n)) FROM (SELECT sum(count) AS n FROM site_stat GROUP BY
    recording_id ORDER BY recording_id)" >calls.json
sql other.db 'SELECT sum(count) FROM site_stat' >before.json
peak=$(sql two.db 'SELECT peak_bytes FROM recording WHERE id = 2')
python3 - "$peak" <<'P'
import json, sys
n = float(sys.argv[1])
for unit in ("B", "KiB", "MiB"):
    if n < 1023.95:
        break
    n /= 1024
facts = json.load(open("calls.json"))
facts["compared"] = [json.load(open("before.json")), facts["calls"][1]]
facts["peak"] = f"{n:.1f} {unit}" if unit != "B" else f"{int(n)} B"
json.dump(facts, open("facts.json", "w"))
P
# shellcheck disable=SC2086 # PARTS: some alone, by hand
node "$SOURCE/tests/viewer/page_browser.js" . ${PARTS-} || fail 'the page in a browser'
