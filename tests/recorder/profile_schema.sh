#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The JSON of stats and diff is what schemas/profile.schema.json says, and the same data gives the same bytes.
. "$(dirname "$0")/../lib.sh"
python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import jsonschema' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || skip 'no python3 with jsonschema'

"$BUILD/tests/recorder/make_database" a.db --events 5000
"$BUILD/tests/recorder/make_database" b.db --events 5000 --seed 2 --shift 1
n=0
say() {
    n=$((n + 1))
    "$DEARTH" "$@" -f json >"$n.json"
    "$DEARTH" "$@" -f json | cmp - "$n.json" || fail "other bytes the second time: $*"
}
for by in site location function module size thread process; do
    say stats a.db -r 1 --by $by --stacks
done
say stats a.db --sort peak
say stats a.db --sort realloc
say stats a.db --sort realloc --by thread
say stats a.db --leaks -n 2
for by in site location function module process; do
    say diff a.db b.db --by $by -n 0
done
"$python" - "$SOURCE/schemas/profile.schema.json" $(seq "$n") <<'PY'
import json, jsonschema, sys
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for name in sys.argv[2:]:
    validator.validate(json.load(open(name + '.json')))
bad = json.load(open('1.json'))
bad['items'][0]['count'] = 'many'
assert not validator.is_valid(bad)
PY
echo "ok: $n documents"
