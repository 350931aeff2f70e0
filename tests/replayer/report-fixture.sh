#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every format of a database that has every verdict, every reason, and strings made to break out.
. "$(dirname "$0")/../lib.sh"

python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import jsonschema' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || skip 'no python3 with jsonschema'

make_db() {
    "$python" "$SOURCE/tests/data/report_db.py" "$SOURCE" "$1"
}
make_db a.db
for flags in '' --stacks; do
    # shellcheck disable=SC2086
    "$DEARTH" report --like 2 $flags -o "report$flags.json" a.db
    "$python" - "$SOURCE/schemas/report.schema.json" "report$flags.json" <<'P' || fail 'not valid'
import json, sys
import jsonschema
schema, report = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(report)
P
    # Each stack is the database's, with its inlined calls; each frame is there once.
    "$python" - "report$flags.json" a.db <<'P' || fail "wrong stacks: $flags"
import json, sqlite3, sys
r = json.load(open(sys.argv[1], encoding="utf-8"))
db = sqlite3.connect(sys.argv[2])
db.text_factory = lambda b: b.decode("utf-8", "replace")
def walk(key):
    out, node = [], db.execute("SELECT stack_id FROM site WHERE hex(key) = upper(?)", (key,)).fetchone()[0]
    while node:
        node, frame, path, offset = db.execute('SELECT k.parent_id, f.id, m.path, f."offset" FROM stack k JOIN frame f ON f.id = k.frame_id '
                                               "JOIN module m ON m.id = f.module_id WHERE k.id = ?", (node,)).fetchone()
        names = db.execute("SELECT function, line FROM symbol WHERE frame_id = ? ORDER BY inline_index", (frame,)).fetchall() or [(None, None)]
        out += [(fn, line or None, path, offset, i + 1 < len(names)) for i, (fn, line) in enumerate(names)]
    return out
with_stack = [x for x in r["untested"] + r["sites"] if "stack" in x]
assert len(with_stack) == len(r["untested"]) + ("--stacks" in sys.argv[1]) * len(r["sites"])
for x in with_stack:
    frames = [] if x["stack"] is None else [r["frames"][i] for i in r["stacks"][x["stack"]]]
    assert [(f["function"], f["line"], f["module"], f["offset"], "inlined" in f) for f in frames] == walk(x["key"]), x
seen = [json.dumps(f) for f in r["frames"]]
assert len(set(seen)) == len(seen) and {i for s in r["stacks"] for i in s} == set(range(len(seen)))
assert list(dict.fromkeys(x["stack"] for x in with_stack if x["stack"] is not None)) == list(range(len(r["stacks"])))
P
done
# A baseline of the format before this one is read, one of a later format is not.
for of in 1 3; do
    "$python" - "$of" <<'P'
import json, sys
r = json.load(open("report.json", encoding="utf-8"))
r["version"] = int(sys.argv[1])
json.dump(r, open(f"version{sys.argv[1]}.json", "w"))
P
done
status 0 "$DEARTH" report --like 2 --gate --baseline version1.json -o gate.json a.db
status 2 "$DEARTH" report --like 2 --gate --baseline version3.json -o gate.json a.db
contains err 'newer dearth'
"$python" - <<'P' || fail 'wrong values'
import json
r = json.load(open("report.json", encoding="utf-8"))
s = r["summary"]
assert s["sites"] == dict(total=18, testable=17, tested=11, untested=6, excluded=1), s["sites"]
assert s["locations"] == dict(total=17, testable=16, tested=11, untested=5, excluded=1), s["locations"]
assert s["coverage"] == 0.647058, s["coverage"]
assert s["verdicts"] == dict(handled=2, reported=1, degraded=1, aborted=1, crashed=3, corrupted=1, hung=1,
                             flaky=1), s["verdicts"]
assert sum(s["verdicts"].values()) == s["sites"]["tested"]
assert s["findings"] == dict(bug=5, warning=1, policy=1, look=1)
assert s["places"] == dict(bug=4, warning=1, policy=1, look=1), s["places"]
places = [f["place"] for f in r["findings"] if f["severity"] == "bug"]
assert len(set(places)) == 4 and sorted(places)[1:3] == ["crashed|SIGSEGV|prog!foo_31"] * 2, places
reasons = sorted(u["reason"] for u in r["untested"])
assert reasons == ["budget", "filtered", "never_selected", "never_selected", "not_failable", "unreached",
                   "unreached"], reasons
assert all((u["command"] is None) == (u["reason"] == "not_failable") for u in r["untested"])
assert [x["id"] for x in r["recordings"]] == [2], "the other program is left out"
keys = [x["key"] for x in r["sites"]]
assert keys == sorted(keys) and len(set(keys)) == 18
by_id = {f["id"]: f for f in r["findings"]}
assert [f["severity"] for f in r["findings"]] == ["bug"] * 5 + ["warning", "policy", "look"]
assert r["findings"][4]["id"] == 3, "what went wrong in libc comes after the others"
crash = by_id[2]
assert crash["crash"]["signal"] == "SIGSEGV" and crash["crash"]["address"] == "0x10"
assert [f["function"] for f in crash["crash"]["stack"]][0] == "foo_31"
assert [f["function"] for f in crash["fault"]["stack"]] == ["function_6", "outer_of_6", "function_1"]
assert crash["fault"]["stack"][0]["inlined"] is True and "inlined" not in crash["fault"]["stack"][1]
assert crash["rate"] == dict(bad=2, tried=3, unreached=0) and crash["repro"] == "dearth repro a.db 2"
assert by_id[7]["crash"]["address"] == "0xffffffffffffffff"
assert len(by_id[7]["crash"]["stack"]) == 500
assert by_id[1]["crash"]["address"] is None and by_id[6]["crash"] is None
assert by_id[4]["exit_status"] == dict(code=None, signal="SIGKILL", timed_out=True)
site = next(x for x in r["sites"] if x["verdicts"].get("crashed") and x["how"] == ["rerun", "snapshot"])
assert site["verdict"] == "crashed" and site["verdicts"] == dict(crashed=1, handled=1)
assert site["occurrences_tested"] == 2
c = r["completeness"]
assert not c["exact"] and c["events_lost"] == 3 and c["stacks_truncated"] == 2
assert c["modules_without_cfi"] == ["/lib/libc.so.6", '/usr/lib/lib"quote\'s&amp;.so']
assert "recordings_left_out" in [n["kind"] for n in c["notes"]]
P
echo 'ok: valid, with the right values'
"$DEARTH" report a.db | "$python" -c 'import json, sys
r = json.load(sys.stdin)
assert [x["id"] for x in r["recordings"]] == [p["id"] for p in r["programs"]] == [1, 2], "all programs"
assert "recordings_left_out" not in [n["kind"] for n in r["completeness"]["notes"]]'

# The same rows give the same bytes, whoever wrote them and however often they are read.
make_db b.db
for format in json text markdown sarif junit lcov; do
    "$DEARTH" report --like 2 -f $format a.db >a.out
    "$DEARTH" report --like 2 -f $format a.db | cmp - a.out || fail "$format: twice, not the same bytes"
    mv a.db c.db
    mv b.db a.db
    "$DEARTH" report --like 2 -f $format a.db | cmp - a.out || fail "$format: of equal databases"
    mv a.db b.db
    mv c.db a.db
    # Only newlines reach a terminal, whatever the program printed.
    ! LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" a.out || fail "$format: control characters"
done
"$DEARTH" report --like 2 -f sarif a.db | "$python" -c 'import json, sys
run, = json.load(sys.stdin)["runs"]
assert [r["level"] for r in run["results"]] == ["error"] * 5 + ["warning", "note", "note"]'
"$DEARTH" report --like 2 -f junit a.db | "$python" -c 'import sys, xml.etree.ElementTree as e
suite = e.parse(sys.stdin).getroot()[0]
assert suite.get("tests") == str(len(suite)) == "17", suite.get("tests")
assert len(suite.findall(".//failure")) == 6 and len(suite.findall(".//skipped")) == 6'
"$DEARTH" report --like 2 -f lcov a.db >lcov
contains lcov DA:140,0
contains lcov DA:70,1
"$DEARTH" report --like 2 -f text a.db >text
contains text 'dearth repro a.db 2'
contains text '11 of 17 tested'
# Findings that end at one place are shown together; a way out (abort) is not the place.
contains text '1 more finding, after a failed'
contains text '#8     realloc in lib'
contains text 'corrupted and leaked: SIGABRT in </script>'
contains text 'Findings: 5 bugs at 4 places'
"$DEARTH" report --like 2 -f markdown a.db >markdown
contains markdown 'Findings: 5 bugs at 4 places'
contains markdown ', and 1 more: #8'
equal 7 "$(grep -c 'dearth repro a.db' markdown)" 'a row for each place'
lacks text '__pthread_kill_implementation'

# The gate.
status 1 "$DEARTH" report --like 2 --gate -o /dev/null a.db
contains err 'gate FAILED'
contains err '4 findings at 3 places of severity bug or worse'
contains err ': #2 #8'
status 1 "$DEARTH" report --like 2 --fail-on bug -o /dev/null a.db
status 0 "$DEARTH" report --like 2 --fail-on none -o /dev/null a.db

# What went wrong in libc does not count, unless it is asked for.
jq '.findings |= map(select(.attribution.kind != "libc"))' report.json >others.json
status 0 "$DEARTH" report --like 2 --baseline others.json -o /dev/null a.db
contains err 'inside the C library, the C++ runtime or the loader'
status 1 "$DEARTH" report --like 2 --baseline others.json --fail-on-runtime -o /dev/null a.db
status 0 "$DEARTH" report --like 2 --baseline report.json -o /dev/null a.db
status 1 "$DEARTH" report --like 2 --baseline report.json --min-coverage 64.71 -o /dev/null a.db
status 0 "$DEARTH" report --like 2 --baseline report.json --min-coverage 64.7 -o /dev/null a.db
"$python" -c 'import json
r = json.load(open("report.json"))
r["findings"] = [f for f in r["findings"] if f["severity"] != "warning" and f["id"] != 2]
json.dump(r, open("known.json", "w"))'
status 1 "$DEARTH" report --like 2 --baseline known.json -o /dev/null a.db
contains err ': #2'
lacks err '#8'
lacks err '#7'
contains err '1 finding of severity bug'
"$DEARTH" report --like 2 --baseline known.json -f text a.db >text 2>/dev/null || :
contains text '5 bugs at 4 places (4 known)'
contains text 'known bug: crashed: SIGSEGV in function_540'
contains text '#2 bug: crashed'
status 1 "$DEARTH" report --like 2 --baseline known.json --fail-on warning -o /dev/null a.db
contains err '2 findings at 2 places of severity warning'
echo '{"format": "other"}' >other.json
status 2 "$DEARTH" report --like 2 --baseline other.json -o /dev/null a.db
status 2 "$DEARTH" report --like 2 --baseline no-such.json -o /dev/null a.db
status 2 "$DEARTH" report --like 2 --min-coverage 101 -o /dev/null a.db
status 2 "$DEARTH" report --recording 9 a.db
contains err 'holds no recording 9'
status 2 "$DEARTH" report --like 2 -o /no-such-folder/x a.db

# One recording alone; nothing was replayed of it, and nothing is no evidence.
status 1 "$DEARTH" report --recording 1 --gate -o one.json a.db
contains err 'nothing was replayed'
"$DEARTH" report --recording 1 a.db >one.json
"$python" -c 'import json
r = json.load(open("one.json"))
assert [x["id"] for x in r["recordings"]] == [1] and len(r["sites"]) == 1 and r["findings"] == []
assert r["untested"][0]["reason"] == "never_selected"'
