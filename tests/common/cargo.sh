#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cargo dearth: a project's tests are built, and then run under dearth; what is before -- is dearth's, what follows
# is cargo test's.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cargo jq

mkdir bin
cp "$SOURCE/common/command/cargo-dearth" bin/
ln -s "$DEARTH" bin/dearth
export PATH=$work/bin:$PATH CARGO_NET_OFFLINE=true
unset CARGO_TARGET_DIR
cp -r "$SOURCE/tests/data/crate" project
cd project

status 1 cargo dearth lint
equal 8 "$(grep -c '^src/lib.rs:[0-9]*:[0-9]* via ' out)" 'infallible calls'
equal 8 "$(wc -l <out)" 'lines of standard output'
status 1 cargo dearth lint --format=json --own multi-map -- --lib -- tests::adds
equal 0 "$(jq '[.calls[] | select(.judged == "fallible")] | length' out)" 'calls of the other test'
status 1 cargo dearth lint -q
[ ! -s err ] || grep -qv '^dearth' err || fail "-q says: $(cat err)"
(cd src && status 1 cargo dearth lint)
# A build script that is run under it is no part of the crate.
touch build.rs
status 1 "$DEARTH" lint --tree . -- cargo test --lib
equal 8 "$(grep -c '^src/lib.rs:' out)" 'infallible calls without the build script'
equal 8 "$(wc -l <out)" 'lines then'

status 1 cargo dearth check -o ../check.db --fail-on policy
contains out 'tested'
contains err 'gate FAILED'
equal 1 "$(sql ../check.db "SELECT count(*) > 5 AND count(*) = sum(state = 'tested') FROM target")" 'targets'
equal 0 "$(sql ../check.db "SELECT count(*) FROM target t JOIN target_site x ON x.target_id = t.id JOIN site s ON s.id = x.site_id JOIN location l ON l.id = s.location_id WHERE l.function LIKE 'pthread%'")" "targets of the program's start"
status 0 cargo dearth list ../check.db
status 0 cargo dearth report -o ../report.json ../check.db
jq -e '.suite' ../report.json >/dev/null || fail 'no suite in the report'

status 0 cargo dearth --help
contains out 'cargo dearth lint'
status 0 cargo dearth lint --help
status 2 cargo dearth
status 2 cargo dearth nothing
echo 'fn broken' >src/lib.rs
status 2 cargo dearth lint
contains err 'error'
