#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `dearth export`: each format is what its consumers read, and its numbers are the recording's.
. "$(dirname "$0")/../lib.sh"
need jq sqlite3
python=/usr/bin/python3
[ -x $python ] || skip 'python3 is not installed'

"$BUILD/tests/recorder/make_database" dearth.db --events 50000
recording() {
    sql dearth.db "SELECT $1 FROM recording WHERE id = 1"
}
export_as() {
    "$DEARTH" export -r 1 "$@"
}

# Collapsed: "a;b;c N", a cost for each --cost.
export_as >collapsed
! grep -vE '^[^;]+(;[^;]+)+ [0-9]+$' collapsed || fail 'not lines of collapsed stacks'
equal "$(sort -u collapsed | wc -l)" "$(wc -l <collapsed)" 'no line twice'
contains collapsed 'prog;main;work_1;step_1;libleaf.so.1+0x504;malloc '
add_up() {
    export_as --cost "$1" | awk '{ sum += $NF } END { printf "%d\n", sum }'
}
equal "$(recording "allocations + failed")" "$(add_up count)" 'collapsed count'
equal "$(recording bytes)" "$(add_up bytes)" 'collapsed bytes'
equal "$(recording peak_bytes)" "$(add_up peak)" 'collapsed peak'
equal "$(recording live_bytes)" "$(add_up live)" 'collapsed live'
if command -v flamegraph.pl >/dev/null; then
    flamegraph.pl collapsed | grep work_1 >/dev/null || fail flamegraph.pl
fi

# speedscope: the members its importer reads.
export_as -f speedscope -o s.json
jq -e '."$schema" == "https://www.speedscope.app/file-format-schema.json" and (.shared.frames | all(.name | type == "string"))
    and (.profiles | length == 1) and .activeProfileIndex == 0' s.json >/dev/null || fail 'shape of speedscope'
jq -e '.shared.frames as $f | .profiles[0] | .type == "sampled" and .unit == "bytes" and .startValue == 0
    and (.samples | length) == (.weights | length) and (.weights | add) == .endValue
    and (.samples | flatten | all(. >= 0 and . < ($f | length)))' s.json >/dev/null || fail 'speedscope profile'
equal "$(recording bytes)" "$(jq '.profiles[0].endValue' s.json)" 'speedscope bytes'
equal '["prog","main","work_1","step_1"]' "$(jq -c '.shared.frames as $f | [.profiles[0].samples[] | map($f[.].name) |
    select(.[2] == "work_1")][0][0:4]' s.json)" 'speedscope: outermost frame first'

# ... and its schema, https://www.speedscope.app/file-format-schema.json: what it says of a sampled profile.
cat >speedscope.schema.json <<'J'
{"type": "object", "required": ["$schema", "profiles", "shared"], "properties": {
  "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
  "activeProfileIndex": {"type": "number"}, "exporter": {"type": "string"}, "name": {"type": "string"},
  "shared": {"type": "object", "required": ["frames"], "properties": {"frames": {"type": "array", "items":
    {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "file": {"type": "string"},
      "line": {"type": "number"}, "col": {"type": "number"}}}}}},
  "profiles": {"type": "array", "items": {"type": "object",
    "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"], "properties": {
      "type": {"const": "sampled"}, "name": {"type": "string"},
      "unit": {"enum": ["bytes", "microseconds", "milliseconds", "nanoseconds", "none", "seconds"]},
      "startValue": {"type": "number"}, "endValue": {"type": "number"},
      "samples": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
      "weights": {"type": "array", "items": {"type": "number"}}}}}}}
J
for cost in bytes count; do
    export_as -f speedscope --cost $cost >one.json
    $python -c 'import json, jsonschema; jsonschema.validate(json.load(open("one.json")), json.load(open("speedscope.schema.json")))' ||
        fail "speedscope with --cost $cost is not as its schema says"
done

# pprof: decoded by the rules of the wire format, references followed.
export_as -f pprof -o p.pb.gz
export_as -f pprof >again.pb.gz
cmp p.pb.gz again.pb.gz || fail 'the same recording gave other bytes'
gzip -t p.pb.gz
cat >decode.py <<'PY'
import gzip, sys
def varint(b, i):
    shift = value = 0
    while True:
        value |= (b[i] & 127) << shift
        shift += 7
        i += 1
        if b[i - 1] < 128:
            return value, i
def message(b):
    fields, i = {}, 0
    while i < len(b):
        tag, i = varint(b, i)
        if tag & 7 == 0:
            value, i = varint(b, i)
        else:
            assert tag & 7 == 2, tag
            n, i = varint(b, i)
            assert i + n <= len(b)
            value, i = b[i:i + n], i + n
        fields.setdefault(tag >> 3, []).append(value)
    return fields
def packed(b):
    values, i = [], 0
    while i < len(b):
        value, i = varint(b, i)
        values.append(value)
    return values
def one(m, field):
    return m.get(field, [0])[0]
profile = message(gzip.open(sys.argv[1]).read())
strings = [s.decode() for s in profile[6]]
assert strings[0] == '' and len(set(strings)) == len(strings)
types = [strings[one(message(t), 1)] + '/' + strings[one(message(t), 2)] for t in profile[1]]
functions = {one(m, 1): strings[one(m, 2)] for m in map(message, profile[5])}
mappings = {one(m, 1): m for m in map(message, profile[3])}
locations = {}
for m in map(message, profile[4]):
    mapping = mappings[one(m, 2)]
    assert one(mapping, 2) <= one(m, 3) < one(mapping, 3)
    locations[one(m, 1)] = [functions[one(message(line), 1)] for line in m[4]]
assert len(locations) == len(profile[4]) and 0 not in locations
totals, stack = [0] * len(types), None
for m in map(message, profile[2]):
    values = packed(one(m, 2))
    assert len(values) == len(types)
    totals = [a + b for a, b in zip(totals, values)]
    names = [n for l in packed(one(m, 1)) for n in locations[l]]
    if 'step_1' in names:
        stack = names
print(strings[one(profile, 14)], *[f'{t}={n}' for t, n in zip(types, totals)])
print(stack[1:], strings[one(mappings[1], 5)], strings[one(mappings[1], 6)])
PY
$python decode.py p.pb.gz >decoded || fail 'not a profile.proto'
for total in "alloc_objects/count=$(recording "allocations + failed")" "alloc_space/bytes=$(recording bytes)" \
    "inuse_objects/count=$(recording live_blocks)" "inuse_space/bytes=$(recording live_bytes)" \
    "peak_space/bytes=$(recording peak_bytes)"; do
    contains decoded "$total"
done
contains decoded "['step_1', 'work_1', 'main'] /opt/prog aa00"
equal alloc_space "$(cut -d' ' -f1 decoded | head -n 1)" 'default sample type'
export_as -f pprof --cost live >live.pb.gz
equal inuse_space "$($python decode.py live.pb.gz | head -n 1 | cut -d' ' -f1)" 'default sample type of --cost live'
# pprof takes the first mapping for the program, which another module may come before.
sqlite3 dearth.db "VACUUM INTO 'late.db'" "ATTACH 'late.db' AS f" "UPDATE f.process SET exe = '/usr/lib/libleaf.so.1'"
status 0 "$DEARTH" export -f pprof -o late.pb.gz late.db
contains <($python decode.py late.pb.gz) "'main'] /usr/lib/libleaf.so.1 "

# csv: every event.
export_as -f csv >events.csv
equal "$(recording events)" "$(tail -n +2 events.csv | wc -l)" 'events'
equal 10 "$(head -n 1 events.csv | tr -cd , | wc -c)" 'commas of the heading'
! grep -vE '^([^,]*,){10}[^,]*$' events.csv || fail 'lines of other lengths'
equal "$(recording frees)" "$(grep -c ',free,free,' events.csv)" 'frees'

# Names that would break a format.
sqlite3 dearth.db "UPDATE symbol SET function = 'op;er\"at' || char(10) || 'or' WHERE function = 'work_1'"
export_as >collapsed
contains collapsed 'prog;main;op:er"at\nor;step_1'
export_as -f speedscope | jq -e '.shared.frames | any(.name == "op;er\"at\nor")' >/dev/null || fail 'quotes in speedscope'

# Refusals.
status 2 "$DEARTH" export -f csv --cost live
contains err --cost
status 2 "$DEARTH" export -o "$work/no/such/folder"
contains err folder
status 2 "$DEARTH" export -o /dev/full
contains err /dev/full
sqlite3 dearth.db "UPDATE recording SET detail = 'sites'; DELETE FROM event_chunk"
status 2 "$DEARTH" export --cost peak
contains err --detail=sites
status 2 "$DEARTH" export -f csv
status 0 "$DEARTH" export -f pprof -o p2.pb.gz
lacks <($python decode.py p2.pb.gz) peak_space
