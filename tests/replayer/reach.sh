#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What attempts do to other processes stays inside: a bystander, dearth, its workers and attempts that
# run beside them live on, the verdict says what was tried, and a copy that does it to its original is
# left to a rerun. Everything happens in a PID namespace of the test's own.
#
#   reach.sh                as we are, and as nobody where that is possible
#   reach.sh inside [few]   in the namespace, with a few of the ways
. "$(dirname "$0")/../lib.sh"
need unshare setpriv

# one PROGRAM WAY VERDICT [OPTIONS]: of the failure in new_job; the other site is reached and reports.
one() {
    local program=$1 way=$2 verdict=$3
    shift 3
    rm -f one.db*
    timeout 100 "$DEARTH" record -o one.db -- "$PROGRAMS/$program" "$way" >/dev/null 2>err ||
        fail "record $way: $(cat err)"
    timeout 100 "$DEARTH" replay --jobs 2 "$@" one.db >err 2>&1 ||
        fail "replay $way: status $?: $(tail -n 20 err)"
    kill -0 "$bystander" 2>/dev/null || fail "$way killed a bystander"
    [ "$(ps -o stat= -p "$bystander" | cut -c 1)" != T ] || fail "$way stopped a bystander"
    lacks err 'no processes of their own'
    [ "$verdict" = - ] ||
        equal "$verdict" "$(site_verdicts one.db once new_job)" "$program $way $*: verdict"
    equal reported "$(site_verdicts one.db once new_result)" "$program $way $*: the other site"
    equal 0 "$(sql one.db "SELECT count(*) FROM attempt WHERE fired = 0")" "$way: without proof"
}

if [ "${1:-}" = inside ]; then
    # In a session, and a process group, of its own: only kill(-1) would find it.
    setsid sleep 1000 &
    bystander=$!
    ways=(everybody gently parent stop ask queue thread descriptor group)
    [ "${2:-}" != few ] || ways=(everybody parent)
    for way in "${ways[@]}"; do
        one outward "$way" degraded --how rerun
    done
    "$DEARTH" report --format text one.db >report 2>/dev/null
    contains report 'signal was sent to its parent'
    [ "${2:-}" != few ] || {
        one outward parent degraded --how auto
        kill "$bystander"
        exit 0
    }
    for way in init limits move; do
        one outward "$way" handled --how rerun
    done
    # these may be refused, by privileges, and a tracer's stop is not always seen
    one outward trace - --how rerun
    one outward memory - --how rerun
    for way in everybody gently parent stop; do
        one outward "$way" degraded --how snapshot
    done
    one outward everybody degraded --how auto --isolation shared
    for way in everybody parent; do
        one outward-fixed "$way" reported --how auto
    done
    # asked for: said, before anything is tried
    rm -f one.db*
    "$DEARTH" record -o one.db -- "$PROGRAMS/outward-fixed" everybody >/dev/null 2>&1
    "$DEARTH" replay --share signals --share ipc one.db >err 2>&1 || fail "--share: $(cat err)"
    contains err 'a kill(-1) of an attempt reaches every one'
    equal 'shared_ipc+shared_signals' "$(sql one.db "SELECT group_concat(kind, '+') FROM
        (SELECT kind FROM note WHERE kind LIKE 'shared%' ORDER BY kind)")" 'notes'
    status 2 "$DEARTH" replay --share nothing one.db
    kill "$bystander"
    exit 0
fi

# refused KIND...: in a namespace that may make no more of these: said, and what is to be had is used.
if [ "${1:-}" = refused ]; then
    shift
    for kind; do
        echo 0 >"/proc/sys/user/max_${kind}_namespaces"
    done
    record -- "$PROGRAMS/outward" parent >/dev/null
    replay --jobs 2
    contains err 'gives attempts no processes of their own'
    [ $# = 1 ] || contains err 'gives attempts no IPC namespace of their own'
    equal $# "$(sql dearth.db "SELECT count(*) FROM note WHERE kind LIKE 'shared%'")" 'notes'
    equal degraded "$(site_verdicts dearth.db once new_job)" 'the parent is a stand-in all the same'
    equal 3 "$(sql dearth.db 'SELECT count(DISTINCT site_id) FROM attempt WHERE fired')" 'sites'
    exit 0
fi

apart=(unshare --pid --fork --mount --mount-proc)
[ "$(id -u)" = 0 ] || apart+=(--user --map-root-user)
"${apart[@]}" true 2>/dev/null || skip 'no PID namespace is to be had here'
"${apart[@]}" bash "$0" inside
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if [ "$(id -u)" = 0 ] && "${nobody[@]}" unshare --user --mount --pid --fork true 2>/dev/null &&
    "${nobody[@]}" test -r "$BUILD" -a -x "$DEARTH"; then
    echo 'as nobody'
    "${apart[@]}" "${nobody[@]}" bash "$0" inside few
fi
if unshare --user --map-root-user --pid --fork --mount-proc sh -c 'echo 0 >/proc/sys/user/max_pid_namespaces' 2>/dev/null; then
    for kinds in pid 'pid ipc'; do
        # shellcheck disable=SC2086 # words
        unshare --user --map-root-user --mount --pid --fork --mount-proc bash "$0" refused $kinds
    done
fi
