#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a module allocates past dearth does not pass as "nothing lost": a note names it, and neither exactness nor
# coverage is claimed; and what comes to dearth by a detour raises no alarm.
. "$(dirname "$0")/../lib.sh"
need cc c++

here=$SOURCE/tests/recorder
build() { # COMPILER OUTPUT SOURCE OPTIONS...
    "$1" -g -O1 -fno-builtin -o "$2" "$here/$3" "${@:4}"
}
build cc host unseen_host.c -ldl
build cc plugin.so unseen_plugin.c -shared -fPIC
build cc own.so unseen_plugin.c -shared -fPIC -DOWN -Wl,-Bsymbolic
build cc own-open.so unseen_plugin.c -shared -fPIC -DOWN
build cc hidden.so unseen_plugin.c -shared -fPIC -DHIDDEN
for lazy in lazy now; do
    build cc "linked-$lazy" unseen_host.c -ldl "-Wl,-z,$lazy" -no-pie
done

# unseen DATABASE KIND MODULE COMMAND...: there is that note, and one only; "": none.
unseen() {
    "$DEARTH" record -o "$1" -- "${@:4}" >out 2>err
    equal "$2" "$(sql "$1" "SELECT group_concat(DISTINCT kind) FROM note WHERE kind IN ('own_allocator',
        'bound_elsewhere', 'other_namespace', 'pooled_allocator')")" "${*:4}: notes"
    equal "$3" "$(sql "$1" "SELECT group_concat(DISTINCT replace(subject, rtrim(subject, replace(subject, '/', '')), ''))
        FROM note WHERE kind IN ('own_allocator', 'bound_elsewhere', 'other_namespace', 'pooled_allocator')")" \
        "${*:4}: module"
    equal "$([ "$2" ] && echo 0 || echo 1)" "$(sql "$1" 'SELECT exact FROM recording')" "${*:4}: exact"
    [ -z "$2" ] || contains err "$3"
}
unseen usual.db '' '' ./host ./plugin.so
unseen deep.db bound_elsewhere plugin.so ./host ./plugin.so deep
unseen apart.db other_namespace plugin.so ./host ./plugin.so apart
unseen own.db own_allocator own.so ./host ./own.so only -
unseen hidden.db own_allocator hidden.so ./host "$PWD/hidden.so" only -
# A malloc() that anybody may take the place of: ours has.
unseen own-open.db '' '' ./host ./own-open.so
unseen own-deep.db own_allocator own-open.so ./host ./own-open.so deep -
unseen lazy.db '' '' ./linked-lazy ./plugin.so
unseen now.db '' '' ./linked-now ./plugin.so
# In a tree, too.
unseen child.db bound_elsewhere plugin.so sh -c './host ./plugin.so deep; true'

# What a module without our free() ended is no leak; without such a module it would be one.
"$DEARTH" stats --leaks usual.db >leaks
lacks leaks '1.2 KiB'
"$DEARTH" stats --leaks deep.db >leaks 2>err
lacks leaks '1.2 KiB'
contains err plugin.so

build c++ passes unseen_new.cc
build c++ passes-jump unseen_new.cc -O2
build c++ static unseen_new.cc -static-libstdc++
unseen static.db '' '' ./static
build c++ area unseen_new.cc -DAREA
build c++ pieces unseen_new.cc -DPIECES
unseen passes.db '' '' ./passes
unseen passes-jump.db '' '' ./passes-jump
unseen area.db own_allocator area ./area
unseen pieces.db pooled_allocator pieces ./pieces
if command -v rustc >/dev/null; then
    for options in -g -O; do
        rustc --edition 2021 "$options" -o bump "$here/unseen_global.rs" 2>/dev/null
        rustc --edition 2021 "$options" --cfg passes_on -o system "$here/unseen_global.rs" 2>/dev/null
        unseen "bump$options.db" own_allocator bump ./bump
        unseen "system$options.db" '' '' ./system
    done
fi

# Allocators in the place of libc's: what comes by malloc() is seen, their operator new is not.
jemalloc=$(ldconfig -p | sed -n 's/.*libjemalloc.so.2.* => //p' | head -n 1)
if [ "$jemalloc" ]; then
    build cc usual-jemalloc unseen_host.c -ldl -Wl,--no-as-needed "$jemalloc"
    unseen jemalloc.db '' '' ./usual-jemalloc ./plugin.so
    cat >new.cc <<'END'
#include <cstdio>
int main() { int *p = new int(7); std::printf("%d\n", *p); delete p; }
END
    c++ -O0 -o new new.cc
    c++ -O0 -o new-jemalloc new.cc -Wl,--no-as-needed "$jemalloc"
    unseen new.db '' '' ./new
    unseen new-jemalloc.db bound_elsewhere new-jemalloc ./new-jemalloc
fi

# The gate: neither passed nor failed, unless it is accepted by name.
status 2 "$DEARTH" check --report report.json --html page.html -- ./area
contains err UNDECIDED
contains err area
equal 'null own_allocator false false' "$(jq -r '"\(.summary.coverage) \(.completeness.unseen[0].kind) \(
    .completeness.unseen[0].accepted) \(.completeness.exact)"' report.json)" 'the report'
contains page.html '"millionths":-1'
status 0 "$DEARTH" check --accept-unseen 'are*' --report report.json -- ./area
equal '1 true' "$(jq -r '"\(.summary.coverage) \(.completeness.unseen[0].accepted)"' report.json)" 'accepted'
status 2 "$DEARTH" check --accept-unseen 'other*' -- ./area
status 0 "$DEARTH" check -- ./passes
