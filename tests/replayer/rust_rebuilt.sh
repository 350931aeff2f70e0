#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cargo and rustc put behind names is no part of what is known: another version's build of a crate has the
# findings of its baseline.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need rustc jq
[ -x "$PROGRAMS/multimap" ] || skip 'rustc does not work'
rustc=/usr/bin/rustc
[ -x "$rustc" ] || rustc=rustc

# build HASH VERSION: as cargo does; stripped in part, so that modules without functions are met as well.
build() {
    mkdir -p deps
    "$rustc" --edition 2021 -g -C opt-level=1 -C metadata="$1" --crate-name multimap -o "deps/multimap-$1" "$2"
}
cp "$SOURCE/tests/programs/multimap.rs" one.rs
{
    printf '// a line more\n'
    cat one.rs
} >two.rs
build 0123456789abcdef one.rs
build fedcba9876543210 two.rs
status 1 "$DEARTH" check -o one.db --mode once --fail-on policy --report one.json -- deps/multimap-0123456789abcdef
status 0 "$DEARTH" check -o two.db --mode once --fail-on policy --baseline one.json -- deps/multimap-fedcba9876543210
identities() {
    sql "$1" 'SELECT identity FROM finding ORDER BY 1'
}
equal "$(identities one.db)" "$(identities two.db)" 'identities of findings'
equal 0 "$(identities one.db | grep -cE '[0-9a-f]{16}' || :)" 'hashes in them'
portable() {
    sql "$1" "SELECT hex(portable_key) FROM site s JOIN site_stat t ON t.site_id = s.id ORDER BY 1"
}
equal "$(portable one.db)" "$(portable two.db)" 'portable keys'

# A name of another kind stays as it is.
cp deps/multimap-0123456789abcdef multimap-20240101
status 1 "$DEARTH" check --mode once --fail-on policy --baseline one.json -- ./multimap-20240101
