# SPDX-License-Identifier: Apache-2.0
# What the preload library takes for leaked when a process ends (SHM_LEAKS), and what not: blocks
# hidden where a pointer may be, and blocks of which only a careless search finds one.
# shellcheck shell=bash
#
#   RUN, TARGET   preload_run, leaks_target (which says at each mode what is lost)
#   LIBRARY       the library
#   BUMP          another allocator, which leaves freed memory as it was
# tags: part
set -Eeu -o pipefail
: "${RUN:?is set by meson test}" "${TARGET:?}" "${LIBRARY:?}" "${BUMP:?}"
unset LD_PRELOAD DEARTH_ARENA PRELOAD_RUN_TSC
export LC_ALL=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/dearth-test.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'echo "$0:$LINENO: status $? of: $BASH_COMMAND" >&2' ERR
cd "$work"
SHM_LEAKS=128

# leaks MODE [HOW]: "state blocks bytes direct" of each process that looked, the last one first.
leaks() {
    "$RUN" --lib "$LIBRARY" --flags "$SHM_LEAKS" -- "$TARGET" "$@" >out 2>err || {
        cat err >&2
        echo "FAILED: status $? of: $*" >&2
        exit 1
    }
    sed -n 's/^leaks state \([0-9]*\) .* blocks \([0-9]*\) bytes \([0-9]*\) direct \([0-9]*\) .*/\1 \2 \3 \4/p' err
}

# equal WANTED SEEN WHAT
equal() {
    [ "$1" = "$2" ] || {
        cat err >&2
        echo "FAILED: $3: wanted '$1', saw '$2'" >&2
        exit 1
    }
    echo "ok: $3: $1"
}

none='1 0 0 0'
for how in exit _exit quick_exit; do
    while read -r mode wanted; do
        equal "$wanted" "$(leaks "$mode" "$how")" "$mode, $how"
    done <<END
nothing $none
lost 1 1 100 1
interior $none
end $none
tls $none
specific $none
pool $none
break $none
chain $none
tagged $none
epoll $none
freed-owner 1 1 100 1
ring 1 2 200 1
tree 1 3 300 1
lost-large 1 1 1048576 1
regrown 1 1 300 1
not-regrown $none
ended-thread 1 1 100 1
stack-in-block $none
thread-stack $none
thread-register $none
thread-deaf 3 0 0 0
end-register $none
litter 1 1 100 1
END
done

# The parent has nothing; the child lost its own, not what it inherited.
equal "$none
1 1 100 1" "$(leaks child)" 'a child that ends by _exit()'

# A program that execs has nothing left to lose; the other one looks.
"$RUN" --lib "$LIBRARY" --flags "$SHM_LEAKS" -- sh -c "exec $TARGET lost" >out 2>err
equal 1 "$(grep -c '^leaks state 1 .* blocks 1 ' err)" 'after an exec'
equal 1 "$(grep -c '^leaks ' err)" 'one search after an exec'

# The site is that of the allocation, with its stack.
leaks lost >/dev/null
equal 1 "$(grep -c '^leak blocks 1 bytes 100 direct 1 site .* op 1 .* leaks_target+' err)" 'the site'

# Nothing without the flag.
"$RUN" --lib "$LIBRARY" --flags 2 -- "$TARGET" lost >out 2>err
equal 0 "$(grep -c '^leaks ' err || :)" 'not asked for'

# Another allocator: leaks are found, nothing is invented.
export LD_PRELOAD=$BUMP
for mode in nothing interior tls pool chain epoll thread-register; do
    equal "$none" "$(leaks $mode)" "another allocator: $mode"
done
equal '1 1 100 1' "$(leaks lost)" 'another allocator: lost'
