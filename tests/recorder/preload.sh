# SPDX-License-Identifier: Apache-2.0
# The preload library alone, under preload_run (an arena and a small collector): what the
# target may do to it, what it may not do to the target.
# shellcheck shell=bash
#
#   RUN, TARGET       preload_run, preload_target
#   LIBRARY, CHECKED  the library; the same, comparing every stack with libunwind's
#   BUMP, PLUGIN_A, PLUGIN_B
# tags: part
set -Eeu -o pipefail
: "${RUN:?is set by meson test}" "${TARGET:?}" "${LIBRARY:?}" "${CHECKED:?}" "${BUMP:?}"
unset LD_PRELOAD DEARTH_ARENA PRELOAD_RUN_TSC
export LC_ALL=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/dearth-test.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'echo "$0:$LINENO: status $? of: $BASH_COMMAND" >&2' ERR
cd "$work"
fail() {
    echo "FAILED: $*" >&2
    [ -f err ] && tail -n 5 err >&2
    exit 1
}

# recorded LIBRARY ARGUMENTS...: run the target; its output in out, what came through in err.
recorded() {
    local library=$1
    shift
    "$RUN" --lib "$library" "$@" >out 2>err
}

# number WORD: the value behind WORD in the line "total".
number() {
    sed -n "s/^total .*\\<$1 \\([0-9]*\\).*/\\1/p" err
}

# equal WANTED SEEN WHAT
equal() {
    [ "$1" = "$2" ] || fail "$3: wanted '$1', saw '$2'"
    echo "ok: $3: $1"
}

clean() {
    equal "0 0 0" "$(number lost) $(number bad) $(number different)" "$1: lost, bad, different"
}

for name in semantics descriptors drap altstack contexts signals recursion branches cancel forks descriptors \
    "plugins $PLUGIN_A $PLUGIN_B"; do
    for library in "$LIBRARY" "$CHECKED"; do
        # shellcheck disable=SC2086
        recorded "$library" -- "$TARGET" $name || fail "$name: status $?"
        clean "${name%% *}"
    done
    [ "$(number compared)" -gt 0 ] || fail "$name: nothing was compared"
done

for name in altstack contexts drap; do # nothing that needs libunwind, no end before main()
    recorded "$LIBRARY" -- "$TARGET" $name
    grep -q '^process .* fallbacks 0 incomplete 0 ' err || fail "$name: not walked by rules"
done

recorded "$LIBRARY" -- "$TARGET" semantics
equal "10 10 4 2" "$(number allocs) $(number frees) $(number fails) $(number reallocs)" \
    "semantics: allocs, frees, fails, reallocs"

recorded "$LIBRARY" -- "$TARGET" threads
clean threads
equal 10001 "$(number threads)" "threads seen"
[ "$(number blocks)" -lt 100 ] || fail "slots of dead threads are not used again"

recorded "$LIBRARY" -- "$TARGET" crowd # more threads alive than a process begins with rings for
clean crowd
equal "3001 3000" "$(number threads) $(grep -o 'rings 3[0-9]*' err | cut -d' ' -f2 | sed s/1$/0/)" "crowd: threads, rings"

LD_PRELOAD=$BUMP recorded "$LIBRARY" --events -- "$TARGET" jumps
equal 1000 "$(grep -c '^event .* 4321 node' err)" "jumps: events after the last jump"

"$TARGET" descriptors >plain
recorded "$LIBRARY" -- "$TARGET" descriptors
equal "$(cat plain)" "$(cat out)" "open descriptors"

# Faults: the same site by key; the refused occurrences.
for how in m c r p; do
    recorded "$LIBRARY" --flags 3 --sites -- "$TARGET" asking $how
    key=$(sed -n 's/^site \([0-9a-f]*\) op [0-9]* count 10 .*/\1/p' err)
    leaf=$(sed -n "s/^site $key .* leaf \([0-9a-f:]*\).*/\1/p" err)
    [ ${#key} = 32 ] || fail "$how: no site with ten calls"
    for flags in 0 1 8; do # nothing else; events too; unwind only where it can match
        for mode in "once: 4" "sticky: 4 5 6 7 8 9 10" "burst3: 4 5 6"; do
            recorded "$LIBRARY" --flags $flags --fault "$key:4:${mode%%:*}:$leaf" -- \
                "$TARGET" asking $how || fail "asking $how: status $?"
            equal "refused${mode#*:}" "$(cat out)" "$how, $mode, flags $flags"
            grep -q '^fault fired 1 hits 4 size 300' err ||
                { [ "${mode%%:*}" = once ] && grep -q 'fault fired 1 hits 10 size 300' err; } ||
                { [ "${mode%%:*}" = burst3 ] && grep -q 'fault fired 1 hits 8 size 300' err; } ||
                fail "no proof: $(grep ^fault err)"
        done
    done
    recorded "$LIBRARY" --fault "$key:11:once" -- "$TARGET" asking $how
    equal "refused fault fired 0" "$(cat out) $(grep -o '^fault fired 0' err)" "$how, 11th"
    recorded "$LIBRARY" --fault "$key:4:sticky" -- "$TARGET" asking ${how}f
    equal "refused 4 6 7 8 9 10" "$(sed 's/ 5//' out)" "$how: a forked child inherits sticky"
done

# Keys are the same in another run and in another environment.
recorded "$LIBRARY" --flags 3 --sites -- "$TARGET" semantics
grep ^site err | cut -d' ' -f 2-8 | sort >sites1
env -i "$RUN" --lib "$LIBRARY" --flags 3 --sites -- "$TARGET" semantics 2>err
grep ^site err | cut -d' ' -f 2-8 | sort >sites2
cmp sites1 sites2 || fail "keys differ between two runs"
echo "ok: $(wc -l <sites1) keys equal in two runs"

# Started programs: none of ours shows, all of them are recorded.
env -i PATH="$PATH" A=1 B=2 "$TARGET" starting >plain
env -i PATH="$PATH" A=1 B=2 "$RUN" --lib "$LIBRARY" -- "$TARGET" starting >out 2>err
cmp plain out || fail "started programs see something of ours: $(diff plain out)"
equal 12 "$(grep -c "^process .* exe .*/bin/env " err)" "programs named env"
clean starting
LD_PRELOAD=$BUMP env -u _ env >plain
LD_PRELOAD=$BUMP env -u _ "$RUN" --lib "$LIBRARY" -- env >out 2>err
cmp plain out || fail "the user's LD_PRELOAD: $(diff plain out)"

# What cannot be followed runs as it would, and is named.
printf 'int main(void) { return 5; }\n' >five.c
if cc -static five.c -o five-static 2>/dev/null; then
    recorded "$LIBRARY" -- sh -c './five-static; echo $?'
    equal "5 1" "$(cat out) $(grep -c '^note 1 ./five-static' err)" "a static program"
fi
if command -v musl-gcc >/dev/null && musl-gcc five.c -o five-musl; then
    recorded "$LIBRARY" -- sh -c './five-musl; echo $?'
    equal "5 1" "$(cat out) $(grep -c '^note 3 ./five-musl' err)" "a musl program"
fi

# AddressSanitizer's runtime wants to be first, and finds its own malloc through us.
if cc -fsanitize=address five.c -o five-asan 2>/dev/null; then
    recorded "$LIBRARY" -- sh -c './five-asan; echo $?'
    equal 5 "$(cat out)" "a program with AddressSanitizer"
    grep -q '^process .*/five-asan argc 1' err || fail "five-asan was not recorded"
fi

# No room to map the arena: the program runs alone, and that is counted.
LD_PRELOAD=$LIBRARY "$TARGET" semantics || fail "without an arena"
recorded "$LIBRARY" -- sh -c "ulimit -v 400000; exec '$TARGET' semantics" || fail "ulimit -v"
equal 1 "$(number alone)" "processes without an arena"

# Killed at any moment: every event that was over is there. On a busy machine it may take longer to
# get as far as to count.
allocs=no seen_allocs=no
for try in {1..60}; do
    [ "$try" -le 20 ] || [ "$allocs" = no ] || break
    rm -f count
    recorded "$LIBRARY" --kill "$(((RANDOM % 50000 + 1000) * (1 + try / 20)))" -- "$TARGET" counting count || true
    [ -s count ] || continue
    done=$(od -An -t u8 -N 16 count | tr -s ' ')
    read -r allocs frees <<<"$done"
    seen_allocs=$(number allocs) seen_frees=$(number frees)
    more=$((seen_allocs - allocs)),$((seen_frees - frees)) # what it had not counted yet
    case $more in
    0,0 | 0,1 | 1,0) ;;
    *) fail "killed: done $allocs/$frees, seen $seen_allocs/$seen_frees" ;;
    esac
done
[ "$allocs" != no ] || fail "it was never seen to count before it was killed"
echo "ok: killed: last was $allocs allocs done, $seen_allocs seen"

# Nobody reads: a thread goes on for as long as there are blocks in plenty, and leaves the rest to others.
recorded "$LIBRARY" --late --flags 17 -- "$TARGET" many 400000
clean 'far ahead'
equal 1 "$(($(number allocs) >= 400000))" 'all of it'
recorded "$LIBRARY" --late --flags 17 --blocks 2048 -- "$TARGET" many 400000
equal 1 "$(($(number lost) > 0))" 'an eighth of the arena'
recorded "$LIBRARY" --late --flags 17 -- "$TARGET" many 1200000
equal 1 "$(($(number lost) > 0))" '64 MiB'
