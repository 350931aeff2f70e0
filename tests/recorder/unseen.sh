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
# Modules of other shapes: more imports than are read at once, and no GNU hash table.
{
    seq 5000 | sed 's/.*/void other_&(void);/'
    echo 'void others(void); void others(void) {'
    seq 5000 | sed 's/.*/other_&();/'
    echo '}'
} >calls.c
seq 5000 | sed 's/.*/void other_&(void); void other_&(void) {}/' >others.c
cc -shared -fPIC -o libothers.so others.c
cc -g -fno-builtin -o many.so calls.c "$here/unseen_plugin.c" -shared -fPIC -L. -lothers "-Wl,-rpath,$PWD"
build cc sysv.so unseen_plugin.c -shared -fPIC -Wl,--hash-style=sysv
for plugin in many sysv; do
    unseen "$plugin.db" '' '' ./host "./$plugin.so"
    unseen "$plugin-deep.db" bound_elsewhere "$plugin.so" ./host "./$plugin.so" deep
done
# In a tree, too.
unseen child.db bound_elsewhere plugin.so sh -c './host ./plugin.so deep; true'

# An allocator without names: by what it says of itself, where it can get memory to give away.
cat >said.c <<'END'
#include <sys/mman.h>
const char *said(void);
const char *said(void) { return "mimalloc: "; }
__asm__(".text\n.skip 8192"); /* they are not small */
#ifdef MAPS
void *pages(void);
void *pages(void) { return mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
#endif
END
build cc said.so unseen_plugin.c "$PWD/said.c" -shared -fPIC -DMAPS -s
build cc only-said.so unseen_plugin.c "$PWD/said.c" -shared -fPIC -s
unseen said.db own_allocator said.so ./host ./said.so only -
unseen only-said.db '' '' ./host ./only-said.so only -

# That a file has none is remembered, of the file as it was.
export XDG_CACHE_HOME=$PWD/kept
cp plugin.so changing.so
sleep 2.1 # what was written a moment ago may be written again without a trace
unseen clean.db '' '' ./host ./changing.so only -
[ -s kept/dearth/cleared ] || fail 'nothing is remembered'
cp kept/dearth/cleared as-it-was
unseen clean-again.db '' '' ./host ./changing.so only -
cmp as-it-was kept/dearth/cleared || fail 'what is remembered was written anew'
cat hidden.so >changing.so
unseen changed.db own_allocator changing.so ./host "$PWD/changing.so" only -
printf x | dd of=kept/dearth/cleared bs=1 seek=60 conv=notrunc 2>dd.log
unseen damaged.db own_allocator hidden.so ./host "$PWD/hidden.so" only -
[ -s kept/dearth/cleared ] || fail 'nothing is remembered after damage'
unset XDG_CACHE_HOME

# Pointers that are asked for by name: libc's is ours, the next one after us is not.
build cc asks unseen_asked.c -ldl
build cc wraps unseen_asked.c -DWRAPS -ldl
build cc next.so unseen_asked.c -DNEXT -shared -fPIC -ldl
unseen asks.db '' '' ./asks
equal '20 20' "$(sql asks.db "SELECT max(count) || ' ' || sum(count) FROM site_stat JOIN site ON site.id = site_id
    WHERE site_stat.min_size = 100")" 'blocks by a pointer'
unseen wraps.db '' '' ./wraps
equal 0 "$(sql wraps.db 'SELECT exit_code FROM recording')" 'a wrapper in the program'
build cc turns unseen_asked.c -DWRAPS -DTURNS -ldl
unseen turns.db '' '' ./turns
equal '0 20 20' "$(sql turns.db "SELECT (SELECT exit_code FROM recording) || ' ' || max(count) || ' ' || sum(count)
    FROM site_stat JOIN site ON site.id = site_id WHERE site_stat.min_size = 100")" "a wrapper is not given itself"
unseen next.db bound_elsewhere next.so ./host ./next.so only -
# The same of a certain version.
case $(uname -m) in
aarch64) version='"GLIBC_2.17"' ;;
*) version='"GLIBC_2.2.5"' ;;
esac
build cc asks-version unseen_asked.c -DVERSION="$version" -ldl
build cc wraps-version unseen_asked.c -DVERSION="$version" -DWRAPS -ldl
build cc next-version.so unseen_asked.c -DVERSION="$version" -DNEXT -shared -fPIC -ldl
for program in asks wraps; do
    unseen "$program-version.db" '' '' "./$program-version"
    equal '0 20 20' "$(sql "$program-version.db" "SELECT (SELECT exit_code FROM recording) || ' ' || max(count) || ' ' || sum(count)
        FROM site_stat JOIN site ON site.id = site_id WHERE site_stat.min_size = 100")" "$program: blocks by dlvsym()"
done
unseen next-version.db bound_elsewhere next-version.so ./host ./next-version.so only -

# Memory of one's own is no part of what is recorded: a word with figures, and nothing is missing.
build cc maps unseen_asked.c -DMAPS -ldl
unseen maps.db '' '' ./maps
equal '1 1' "$(sql maps.db "SELECT count(*) || ' ' || sum(text LIKE '%8.0 MiB%') FROM note WHERE kind = 'own_memory'
    AND subject LIKE '%/maps'")" 'memory of its own'
equal 0 "$(sql usual.db "SELECT count(*) FROM note WHERE kind = 'own_memory'")" 'no memory of its own'

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
python3 "$SOURCE/tests/viewer/page_values.py" page.html >page.json
contains page.json '"millionths":-1'
status 0 "$DEARTH" check --accept-unseen 'are*' --report report.json -- ./area
equal '1 true' "$(jq -r '"\(.summary.coverage) \(.completeness.unseen[0].accepted)"' report.json)" 'accepted'
status 2 "$DEARTH" check --accept-unseen 'other*' -- ./area
status 0 "$DEARTH" check -- ./passes
