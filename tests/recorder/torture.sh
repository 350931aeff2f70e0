#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What programs do to their stacks, threads, processes and allocators: each behaves recorded as it does
# alone, nothing is lost, and the stacks are the right ones: the expectations stand in the sources of
# torture_target.c, torture_exceptions.cc and torture_sandbox.c.
#
#   TARGET, SANDBOX, EXCEPTIONS, PLUGIN    the programs, and the library that the last one loads
# tags: part
. "$(dirname "$0")/../lib.sh"
: "${TARGET:?}" "${SANDBOX:?}"

# --- stacks: all cases in one recording

here=$SOURCE/tests/recorder
programs=("$here/torture_target.c:$TARGET")
sources=()
[ ! -x "${EXCEPTIONS-}" ] || programs+=("$here/torture_exceptions.cc:$EXCEPTIONS")
"$SANDBOX" killing >/dev/null && status=0 || status=$?
[ "$status" = 77 ] || programs+=("$here/torture_sandbox.c:$SANDBOX")
for program in "${programs[@]}"; do
    source=${program%%:*} program=${program##*:}
    sources+=("$source")
    for case in $(sed -n 's/^.* expect \([a-z_]*\): .*/\1/p' "$source" | uniq); do
        echo "'$program' $case '${PLUGIN-}'; echo $case: \$?"
    done
done >all.sh
echo "for case in promises heap; do '$TARGET' \$case; done; exit 0" >>all.sh
ulimit -c 0
sh all.sh >plain 2>plain.err
record -o all.db --max-depth 16384 -- sh all.sh >seen
cmp plain seen || fail "the programs behave otherwise: $(diff plain seen)"
echo "ok: $(wc -l <plain) lines of output and statuses are the same"
equal '0|0|0|60|0' "$(sql all.db 'SELECT events_lost, stacks_lost, stacks_truncated, stacks_incomplete,
    processes_lost FROM recording')" 'lost: events, stacks; cut, without unwind information; processes'

for cost in count bytes; do # without the program's name and parameters
    "$DEARTH" export -q --cost $cost all.db | sed -E 's/^[^;]*;//; s/\([^;]*\)( const)?;/;/g' >$cost
done
main=$(sed -n 's/;main;plain;malloc 1$//p' count)
thread=$(sed -n 's/;plain_thread;malloc [0-9]*$//p' count)
[ -n "${main:+$thread}" ] || fail 'the plain stacks are not there'
found() { # COST REGEX
    { grep -E "^$2 [0-9]+$" "$1" || :; } | awk '{ n += $NF } END { printf "%d", n }'
}
checked=0
while read -r case count bytes frames; do
    regex=$(sed -E "s/[].+()[]/\\\\&/g; s/\*/.*/g; s/^main;/$main;main;/; s/^thread;/$thread;/" <<<"$frames")
    seen="$(found count "$regex") $(found bytes "$regex")"
    checked=$((checked + 1))
    [ "$seen" = "$count $bytes" ] || wrong="${wrong-}$case: wanted $count $bytes, saw $seen of $frames"$'\n'
done < <(sed -n 's: \*/$::; s/^.* expect \([a-z_]*\): \(.*\)$/\1 \2/p' "${sources[@]}")
[ -z "${wrong-}" ] || fail "$(cat count)"$'\n'"$wrong"
echo "ok: $checked stacks with their calls and bytes"
[ "$checked" -gt 25 ] || fail "only $checked expectations were found"

# What cannot be followed after a change of rights is named, what was never started is not.
equal 0 "$(sql all.db "SELECT count(*) FROM note WHERE kind = 'no_access'")" 'notes about a program that is not there'
if [ "$(id -u)" = 0 ]; then
    record -o rights.db -- perl -MPOSIX -e 'POSIX::setuid(65534); exec "/bin/true"'
    equal 1 "$(sql rights.db "SELECT count(*) FROM note WHERE kind = 'no_access' AND subject LIKE '%/true'")" \
        'note about a program started with other rights'
    # setpriv keeps root's rights until the exec, which takes them.
    record -o user.db -- setpriv --reuid=65534 -- /bin/true
    equal 1 "$(sql user.db "SELECT count(*) FROM note WHERE kind = 'no_access' AND subject LIKE '%/true'")" \
        'note about a program started as another user'
fi

# --- surroundings: other allocators, settings of this one, limits

# same NAME COMMAND...: it prints and ends as without dearth, and each call of after_jump() is there.
same() {
    local name=$1 plain=0 seen=0 calls
    shift
    "$@" >plain 2>plain.err || plain=$?
    "$DEARTH" record -o "$name.db" -- "$@" >seen 2>err || seen=$?
    equal "$plain" "$seen" "$name: status"
    cmp plain seen || fail "$name behaves otherwise: $(diff plain seen)"
    equal 1 "$(sql "$name.db" 'SELECT exact FROM recording')" "$name: exact"
    calls=$(sql "$name.db" "SELECT sum(count) FROM site_stat JOIN site ON site.id = site_id
        JOIN location ON location.id = location_id WHERE location.function = 'after_jump'")
    equal 200 "$calls" "$name: calls"
}
both="'$TARGET' jumps; '$TARGET' promises; '$TARGET' heap"
cc -g -O1 -fno-optimize-sibling-calls -D_GNU_SOURCE -w -c "$here/torture_target.c" -o linked.o
# jemalloc has no pvalloc(): the block that libc's gives is one that it cannot free, and it crashes.
for library in jemalloc.so.2 tcmalloc_minimal.so.4 mimalloc.so.2; do
    path=$(ldconfig -p | sed -n "s/.*lib$library .*=> //p" | head -n 1)
    [ -n "$path" ] || continue
    same "preloaded-$library" env LD_PRELOAD="$path" sh -c "'$TARGET' jumps; '$TARGET' promises"
    if cc -pthread linked.o -Wl,--no-as-needed "$path" -o "linked-$library"; then
        same "linked-$library" "./linked-$library" jumps
    fi
done
same variables env MALLOC_PERTURB_=165 MALLOC_ARENA_MAX=1 MALLOC_TOP_PAD_=1000000 MALLOC_MMAP_THRESHOLD_=4096 \
    sh -c "$both"
same tunables env GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=90 sh -c "$both"
debug=$(ldconfig -p | sed -n 's/.*libc_malloc_debug.so.0 .*=> //p' | head -n 1)
[ -z "$debug" ] || same malloc_check env LD_PRELOAD="$debug" MALLOC_CHECK_=3 sh -c "'$TARGET' jumps; '$TARGET' promises"
same few_descriptors sh -c "ulimit -n 4; '$TARGET' jumps"
same stack_without_end sh -c "ulimit -s unlimited; '$TARGET' jumps"

# --- other people's tracers, around dearth and inside

if command -v strace >/dev/null; then
    same inside_strace strace -f -o trace "$TARGET" jumps
    strace -f -qq -o trace "$DEARTH" record -q -o around.db -- "$TARGET" jumps >seen || [ $? = 1 ] || fail 'under strace'
    equal 'jumps done|1' "$(cat seen)|$(sql around.db 'SELECT exact FROM recording')" 'strace around dearth'
fi
if command -v gdb >/dev/null; then
    same inside_gdb sh -c "gdb -nx -q -batch -ex 'set debuginfod enabled off' -ex run --args '$TARGET' jumps |
        sed 's/process [0-9]*/process/'"
    gdb -nx -q -batch -ex 'set debuginfod enabled off' -ex run --args "$DEARTH" record -q -o around2.db -- "$TARGET" jumps >seen 2>&1
    contains seen 'exited with code 01'
    equal 1 "$(sql around2.db 'SELECT exact FROM recording')" 'gdb around dearth'
fi
