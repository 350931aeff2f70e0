#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# RUST_BACKTRACE is not passed to attempts of a Rust program, which is said, unless it was asked for; other programs
# have it as they had it. A finding is shown again with names as people write them, and lines.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
[ -x "$PROGRAMS/global-alloc" ] || skip 'rustc is not installed'
export RUST_BACKTRACE=1

status 0 "$DEARTH" record -o asked.db --env RUST_BACKTRACE -- "$PROGRAMS/global-alloc"
status 0 "$DEARTH" record -o plain.db -- "$PROGRAMS/global-alloc"
contains out ' with'
status 0 "$DEARTH" record -o other.db -- printenv RUST_BACKTRACE
for name in asked plain other; do
    status 0 "$DEARTH" replay --mode once $name.db
    cp err $name.err
done
prints() {
    sql "$1" 'SELECT DISTINCT trim(stdout, char(10)) FROM baseline'
}
equal '100 without' "$(prints plain.db)" 'a Rust program'
contains plain.err 'RUST_BACKTRACE is not passed'
equal 1 "$(grep -c RUST_BACKTRACE plain.err)" 'said once'
equal 1 "$(sql plain.db "SELECT count(*) FROM note WHERE kind = 'backtrace'")" 'a note in the report'
equal '100 with' "$(prints asked.db)" 'a Rust program that is to have it'
lacks asked.err 'is not passed'
equal 1 "$(prints other.db)" 'a program of another language'
lacks other.err 'is not passed'

# A check leaves it out from the beginning, so that its attempts do what it has recorded.
for env in '' --env=RUST_BACKTRACE; do
    # shellcheck disable=SC2086 # none, or one
    status 0 "$DEARTH" check -o "check$env.db" --mode once --in '*::try_' $env -- "$PROGRAMS/global-alloc"
    cp err "check$env.err"
done
equal '100 without' "$(prints check.db)" 'a check'
contains check.err 'RUST_BACKTRACE is not passed'
equal '100 with' "$(prints check--env=RUST_BACKTRACE.db)" 'a check that is to have it'
lacks check--env=RUST_BACKTRACE.err 'is not passed'

# In a suite.
for allow in '' --env-allow=RUST_BACKTRACE; do
    # shellcheck disable=SC2086 # none, or one
    status 0 "$DEARTH" suite record -o "suite$allow.db" $allow -- sh -c "'$PROGRAMS/global-alloc'; :"
    cp err "suite$allow.err"
done
kept() {
    sql "$1" "SELECT count(*) > 0 FROM environment WHERE instr(variables, 'RUST_BACKTRACE=1')"
}
equal 0 "$(kept suite.db)" "a suite's programs"
contains suite.err 'RUST_BACKTRACE is not passed'
equal 1 "$(kept suite--env-allow=RUST_BACKTRACE.db)" "a suite's programs that are to have it"
lacks suite--env-allow=RUST_BACKTRACE.err 'is not passed'

# Names and lines.
id=$(sql plain.db "SELECT f.id FROM finding f JOIN location l ON l.id = f.location_id WHERE l.function = 'global_alloc::grow' LIMIT 1")
status 0 "$DEARTH" repro plain.db "$id"
contains err 'in global_alloc::grow ('
contains err 'global-alloc.rs:'
lacks err '17h'
