#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The infallible calls of a crate, each with its line, column and what is called there; what says that there is no
# memory is told apart, and so is what names cannot tell. A crate and a package's name are globs.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need rustc jq
[ -x "$PROGRAMS/multimap" ] || skip 'rustc does not work'
rustc=/usr/bin/rustc
[ -x "$rustc" ] || rustc=rustc

cp -r "$SOURCE/tests/data/crate" project
mkdir temporary
export TMPDIR=$work/temporary # not where other tests' lints are at work
cd project
build() {
    "$rustc" --edition 2021 --test --crate-name multi_map "$@" -o tests-run src/lib.rs
}
build -g

export RUST_BACKTRACE=1 # the panic of a test looks all names up, which is no call of the crate's
# Recorded by it: the call's lines on standard output, all else elsewhere. Columns depend on the compiler.
status 1 "$DEARTH" lint --tree . -- ./tests-run
cp out calls.txt
sed -E 's/:[0-9]+ via/:C via/' calls.txt >places.txt
equal "src/lib.rs:16:C via HashMap::entry
src/lib.rs:16:C via Vec::push
src/lib.rs:16:C via X::to_string
src/lib.rs:24:C via Iterator::collect
src/lib.rs:24:C via String::clone
src/lib.rs:29:C via fmt::format
src/lib.rs:51:C via X::to_string
src/lib.rs:6:C via String::clone" "$(sed 's/via [A-Za-z]*::to_string/via X::to_string/' places.txt | LC_ALL=C sort)" 'infallible calls'
contains err 'test result: ok'
contains err '8 infallible, 1 fallible'
contains err '1 ask the allocator itself'
equal '' "$(ls "$TMPDIR")" 'databases that stay'

# One that was recorded before; as JSON, whose schema holds; by crate, by package, by file; with tests.
status 1 "$DEARTH" lint -q -o lint.db --own multi_map -- ./tests-run
[ ! -s err ] || fail "-q says: $(cat err)"
cmp out calls.txt || fail 'other calls by the name of the crate'
status 1 "$DEARTH" lint --own multi-map lint.db
cmp out calls.txt || fail 'other calls by the name of the package'
status 1 "$DEARTH" lint --own '*/project/src/lib.rs' lint.db
cmp out calls.txt || fail 'other calls by file'
status 1 "$DEARTH" lint --tests --own multi_map lint.db
equal 1 "$(($(wc -l <out) > 8))" 'calls with those of tests'
status 0 "$DEARTH" lint --own multi_map --not-own '*lib.rs' lint.db
status 1 "$DEARTH" lint --tree . --format json lint.db
cp out lint.json
equal '1 allocator, 1 fallible, 8 infallible' "$(jq -r '[.calls[].judged] | group_by(.) | map("\(length) \(.[0])") | join(", ")' lint.json)" 'judged'
equal 'Vec::try_reserve' "$(jq -r '.calls[] | select(.judged == "fallible") | .via' lint.json)" 'the fallible one'
equal true "$(jq '[.calls[].column > 0] | all' lint.json)" 'columns'
for python in python3 /usr/bin/python3; do
    "$python" -c 'import jsonschema' 2>/dev/null || continue
    "$python" -c 'import json, jsonschema, sys; jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))' \
        "$SOURCE/schemas/lint.schema.json" lint.json
    break
done

# What asks the allocator itself is known when it was failed.
status 0 "$DEARTH" replay -q --in '*::itself' lint.db
status 1 "$DEARTH" lint --tree . --format json lint.db
equal 'fallible true' "$(jq -r '.calls[] | select(.via | test("alloc$")) | "\(.judged) \(.proven)"' out)" 'proven by a failure'

# A function of one's own that says so, in a catalogue.
printf '[fallible]\nrust alloc::fmt::format*\n' >ours
status 1 "$DEARTH" lint --tree . --catalogue ours -- ./tests-run
lacks out 'fmt::format'
contains err '7 infallible, 2 fallible'

# The program is gone: no columns.
mv tests-run away
status 1 "$DEARTH" lint --own multi_map lint.db
contains out 'src/lib.rs:16 via Vec::push'
mv away tests-run

# No infallible one is left; only names that say nothing; another language; nothing of that name.
sed -i '/fn shout/,/^}/d; /fn add(/,/^    }/d; /fn entries/,/^    }/d; /fn label/,/^}/d; /assert_eq/d; /map.add/d; s/^#\[derive(Clone)\]//' src/lib.rs
build -g -A warnings
status 0 "$DEARTH" lint --own multi_map -- ./tests-run
[ ! -s out ] || fail "not infallible: $(cat out)"
build -O -A warnings
status 2 "$DEARTH" lint --own '*multi_map*' --tests -- ./tests-run
contains err 'debug information'
status 2 "$DEARTH" lint -- "$PROGRAMS/hello"
contains err 'Rust'
status 2 "$DEARTH" lint --own multi_nap lint.db
contains err 'multi_map'
status 2 "$DEARTH" lint --own multi_map -- ./no-such-program
# What allocates past dearth is not clean because nothing of it is seen.
sed 's/&raw mut AREA/std::ptr::addr_of_mut!(AREA)/' "$SOURCE/tests/recorder/unseen_global.rs" >unseen_global.rs # for older compilers
"$rustc" --edition 2021 -g -A warnings -o unseen unseen_global.rs
status 2 "$DEARTH" lint --tree . -- ./unseen
contains err 'allocates past dearth'
status 2 "$DEARTH" lint -o other.db lint.db
status 2 "$DEARTH" lint lint.db other.db
