#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same on AArch64, under qemu-user, as here: sites by portable key, processes, verdicts. Run by .ci/aarch64.
#
#   EMULATE  command that runs AArch64 programs   THERE  root of the build for it   CROSS  its C compiler
# tags: part
. "$(dirname "$0")/../lib.sh"
: "${EMULATE:?is set by .ci/aarch64}" "${THERE:?}" "${CROSS:?}"

# there COMMAND...: on AArch64. A program with threads that forks under qemu-user may hang for ever, in qemu
# (https://gitlab.com/qemu-project/qemu/-/issues/285): once more, then, from what there was.
there() {
    local try status
    for try in 1 2 3; do
        rm -f before.db
        [ ! -f there.db ] || cp there.db before.db
        # shellcheck disable=SC2086 # words are meant to be split
        status=0 && timeout -k 10 90 $EMULATE "$@" 2>err </dev/null || status=$?
        [ $status != 0 ] || return 0
        [ $status = 124 ] || break
        echo "try $try hung: $*" >&2
        rm -f there.db there.db-*
        [ ! -f before.db ] || mv before.db there.db
    done
    cat err >&2
    fail "on AArch64: status $status of: $*"
}

# record_both NAME [ARGUMENTS]: the test program, into here.db and there.db.
record_both() {
    local name=$1
    shift
    rm -f here.db there.db
    record -q -o here.db -- "$PROGRAMS/$name" "$@" >out </dev/null
    there "$THERE/dearth" record -q -o "$PWD/there.db" -- "$THERE/tests/programs/$name" "$@" >out
}

keys() {
    sql "$1" 'SELECT hex(portable_key) FROM site ORDER BY 1'
}

# same_sites NAME: of here.db and there.db
same_sites() {
    keys here.db >here
    keys there.db >there
    cmp here there || {
        "$DEARTH" export -q -c count here.db >here
        "$DEARTH" export -q -c count there.db | diff here - >&2 || :
        fail "$1: the sites differ"
    }
    echo "ok: $1: $(wc -l <here) sites"
    whole there.db "$1"
}

# whole DATABASE NAME: nothing lost, every stack deeper than one frame and walked by our own rules.
whole() {
    equal '1|0|0' "$(sql "$1" 'SELECT exact, unwind_fallbacks, stacks_incomplete FROM recording')" "$2: exact, stacks by libunwind, and incomplete ones"
    equal 0 "$(sql "$1" 'SELECT count(*) FROM site LEFT JOIN stack ON stack.id = stack_id WHERE parent_id IS NULL')" \
        "$2: stacks of one frame"
}

for name in handled reported recursion realloc occurrence oracle xmalloc siblings aligned; do
    record_both $name
    same_sites $name
done
equal cntvct "$(sql there.db 'SELECT clock FROM recording')" 'the clock'

# Return addresses that are signed.
for name in realloc siblings; do
    $CROSS -mbranch-protection=pac-ret+leaf -g -O1 -fno-optimize-sibling-calls -fno-ipa-icf -I "$SOURCE/schemas" \
        -o $name "$SOURCE/tests/programs/$name.c"
    rm -f here.db there.db
    record -q -o here.db -- "$PROGRAMS/$name" >out </dev/null
    there "$THERE/dearth" record -q -o "$PWD/there.db" -- "$PWD/$name" >out
    same_sites "$name, signed"
done

# Threads begin elsewhere: qemu has no clone3().
record_both threads
whole there.db threads
equal "$(sql here.db 'SELECT count(*), sum(count) FROM site JOIN site_stat ON site_id = site.id')" \
    "$(sql there.db 'SELECT count(*), sum(count) FROM site JOIN site_stat ON site_id = site.id')" 'threads: sites, calls'

# Children of every kind. qemu makes forks of vfork() and posix_spawn(), and ignores MADV_WIPEONFORK.
record_both tree fork exec vfork spawn system popen clearenv daemon deep
whole there.db tree
leaves="SELECT count(DISTINCT process_id), sum(count) FROM site_stat
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id WHERE location.function = 'leaf_work'"
equal "$(sql here.db "$leaves")" "$(sql there.db "$leaves")" 'tree: processes and calls of the leaves'
equal 0 "$(sql there.db "SELECT count(*) FROM process WHERE (parent_id IS NULL) <> (origin = 'first') OR end = 'running'")" \
    'tree: processes without a parent or an end'

# Signal handlers, other stacks, recursion: every stack is libunwind's, counted as libunwind does.
for name in semantics drap altstack signals recursion cancel; do
    there "$THERE/tests/recorder/preload_run" --lib "$THERE/tests/recorder/libdearth_preload_checked.so" -- \
        "$THERE/tests/recorder/preload_target" $name >out
    equal '0 0 0 yes' "$(sed -n 's/^total .* lost \([0-9]*\) bad \([0-9]*\) .* different \([0-9]*\).*/\1 \2 \3/p' err) \
$(grep -q '^total .* compared [1-9]' err && echo yes)" "$name: lost, bad, other stacks than libunwind's; compared"
done

for name in drap altstack contexts; do # nothing that needs libunwind
    there "$THERE/tests/recorder/preload_run" --lib "$THERE/recorder/preload/libdearth_preload.so" -- \
        "$THERE/tests/recorder/preload_target" $name >out
    grep -q '^process .* fallbacks 0 incomplete 0 ' err || fail "$name: not walked by rules"
done

# A program of Debian's.
echo '{"a": [1, 2]}' >in.json
rm -f here.db there.db
there "$THERE/dearth" record -q -o "$PWD/there.db" -- jq . "$PWD/in.json" >out
equal "$(jq . in.json)" "$(cat out)" 'jq: its output'
whole there.db jq
[ "$(sql there.db 'SELECT count(*) FROM site')" -gt 400 ] || fail "jq: few sites: $(sql there.db 'SELECT count(*) FROM site')"
if [ "$(jq --version)" = "$(there jq --version)" ]; then
    record -q -o here.db -- jq . in.json >out
    keys here.db >here
    keys there.db >there
    n=$(comm -12 here there | wc -l)
    [ $((n * 100)) -ge $((95 * $(wc -l <here))) ] || fail "jq: $n of $(wc -l <here) sites are those of here"
    echo "ok: jq: $n of $(wc -l <here) sites are those of here"
fi

# What allocates past dearth is found in machine code.
for side in here there; do
    compiler=cc version='"GLIBC_2.2.5"'
    [ $side = here ] || compiler=$CROSS version='"GLIBC_2.17"'
    mkdir -p $side.d
    while read -r name source options; do
        # shellcheck disable=SC2086 # words are meant to be split
        $compiler -g -O1 -fno-builtin -o $side.d/$name "$SOURCE/tests/recorder/$source" $options
    done <<EOS
host unseen_host.c -ldl
linked unseen_host.c -ldl -Wl,-z,now -fno-plt
plugin.so unseen_plugin.c -shared -fPIC
own.so unseen_plugin.c -shared -fPIC -DOWN -Wl,-Bsymbolic
own-open.so unseen_plugin.c -shared -fPIC -DOWN
hidden.so unseen_plugin.c -shared -fPIC -DHIDDEN
asks unseen_asked.c -ldl
wraps unseen_asked.c -DWRAPS -ldl
asks-version unseen_asked.c -DVERSION=$version -ldl
wraps-version unseen_asked.c -DVERSION=$version -DWRAPS -ldl
next.so unseen_asked.c -DNEXT -shared -fPIC -ldl
EOS
done
notes="SELECT DISTINCT kind, replace(subject, rtrim(subject, replace(subject, '/', '')), '') FROM note
    WHERE kind IN ('own_allocator', 'bound_elsewhere', 'other_namespace', 'pooled_allocator')"
while read -r wanted program plugin how; do
    rm -f here.db there.db
    # shellcheck disable=SC2086 # words are meant to be split
    record -q -o here.db -- here.d/$program "$PWD/here.d/$plugin" $how >out </dev/null
    # shellcheck disable=SC2086
    there "$THERE/dearth" record -q -o "$PWD/there.db" -- "$PWD/there.d/$program" "$PWD/there.d/$plugin" $how >out
    equal "${wanted#-}" "$(sql here.db "$notes")" "$program $plugin $how: note here"
    equal "${wanted#-}" "$(sql there.db "$notes")" "$program $plugin $how: note on AArch64"
done <<EOS
- host plugin.so
- linked plugin.so
- host own-open.so
bound_elsewhere|plugin.so host plugin.so deep
other_namespace|plugin.so host plugin.so apart
own_allocator|own.so host own.so only -
own_allocator|hidden.so host hidden.so only -
- asks asks
- wraps wraps
- asks-version asks
- wraps-version wraps
bound_elsewhere|next.so host next.so only -
EOS
# A pointer from dlsym() or dlvsym() goes through a stub of the machine's own.
blocks="SELECT max(count), sum(count) FROM site_stat WHERE min_size = 100"
for program in asks wraps asks-version wraps-version; do
    rm -f here.db there.db
    record -q -o here.db -- here.d/$program >out </dev/null
    there "$THERE/dearth" record -q -o "$PWD/there.db" -- "$PWD/there.d/$program" >out
    equal '20|20' "$(sql here.db "$blocks")" "$program: blocks here"
    equal '20|20' "$(sql there.db "$blocks")" "$program: blocks on AArch64"
done

# Failures, in whole runs without a tracer.
for name in handled reported degraded crashed xmalloc; do
    record_both $name
    "$DEARTH" replay -q --how rerun here.db >out 2>&1 || :
    there "$THERE/dearth" replay -q --how rerun --isolation shared "$PWD/there.db" >out
    verdicts='SELECT DISTINCT function, mode, verdict FROM attempt JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id ORDER BY 1, 2, 3'
    equal "$(sql here.db "$verdicts")" "$(sql there.db "$verdicts")" "$name: verdicts"
done

# musl's programs are refused by name, and so are those whose loader is not there.
loader=$PWD/ld-musl-aarch64.so.1
$CROSS -I "$SOURCE/schemas" -o musl "$SOURCE/tests/programs/hello.c" -Wl,--dynamic-linker="$loader"
# shellcheck disable=SC2086 # words are meant to be split
refused() {
    status=0 && $EMULATE "$THERE/dearth" record -o "$PWD/musl.db" -- "$PWD/musl" >out 2>err || status=$?
    equal "$1" $status "$2"
}
refused 127 'no loader: status'
contains err "$loader is not there"
$CROSS -shared -nostdlib -o "$loader" -x c /dev/null
refused 125 'musl: status'
contains err 'musl'
