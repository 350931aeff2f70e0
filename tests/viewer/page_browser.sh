#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: part
# The page in Chromium: what it computes, how it looks to whom, links, keys, hostile names, recordings apart.
. "$(dirname "$0")/../lib.sh"
need python3 sqlite3 node chromium

mapfile -t scripts < <(sed -n "/^page_pure/,/page.js/p" "$SOURCE/viewer/page/meson.build" | grep -o "[a-z_]*\.js")
node "$SOURCE/tests/viewer/page_pure.js" "${scripts[@]/#/$SOURCE/viewer/page/}" || fail 'what the page computes'

python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" report.db
python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" hostile.db
"${CC:-cc}" -O1 -fno-inline -o many "$SOURCE/tests/bench/many_stacks.c"
record -o two.db -- ./many 300
record -o two.db -- ./many 500
record --detail=sites -o untimed.db -- "$PROGRAMS/hello"

# Names as an enemy would choose them, wherever there is one.
python3 - <<'P'
import json, sqlite3
db = sqlite3.connect("hostile.db")
evil = "</script><script>pwned=1</script><img src=x onerror=pwned=2><b onclick=pwned=3>&lt; \u202egnirts\u202c \u2066x \u200f ${pwned=4} \x1b[31m"
db.execute("UPDATE recording SET argv = ?, exe = ?, cwd = ?", (json.dumps(["/bin/" + evil, "x" * 30000, evil]), "/bin/" + evil, evil))
db.execute("UPDATE process SET argv = ?, exe = ?", (json.dumps([evil]), "/" + evil))
db.execute("UPDATE symbol SET function = ? || function, file = '/src/' || ?", (evil, evil))
db.execute("UPDATE location SET function = ? || function, file = '/src/' || ?", (evil, evil))
for table, column in (("module", "path"), ("attempt", "stderr_tail"), ("note", "text"), ("finding", "policy"), ("finding", "attributed_module")):
    db.execute(f"UPDATE {table} SET {column} = {column} || ?", (evil,))
db.commit()
P
for name in report two untimed hostile; do
    status 0 "$DEARTH" view -q $name.db -o $name.html
done
# The same program with its code elsewhere; another one.
"$BUILD/tests/recorder/make_database" a.db --events 3000 --seed 1 >/dev/null
"$BUILD/tests/recorder/make_database" b.db --events 3000 --seed 1 --shift 4096 >/dev/null
"$DEARTH" view -q a.db b.db -o same.html
record -o other.db -- "$PROGRAMS/growing" >/dev/null
"$DEARTH" view -q other.db two.db -o changed.html
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
