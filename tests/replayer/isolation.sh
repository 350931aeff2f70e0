#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2164
# Isolation: a program that, from its second run on, does to files everything that can be done to them and
# tries every way round a private tree changes nothing outside, whatever dearth runs it for; and what it
# can change under a weaker isolation, which nobody gets without asking, is said before.
#
#   isolation.sh USER-ISOLATION | corners
#
# tags: part
part=$1

# Mounts of our own, which go with us, and no processes but ours, which the target looks through.
if [ "$(id -u)" = 0 ] && [ "${2:-}" = "" ]; then
    if unshare -mpf --mount-proc --propagation private true 2>/dev/null; then
        exec unshare -mpf --mount-proc --propagation private bash "$0" "$part" mounts
    fi
fi
. "$(dirname "$0")/../lib.sh"
need setpriv jq

base=$work/base
name=dearth-isolation-${work##*.}
shm=/dev/shm/$name tmp=/tmp/$name dev=/dev/$name
trap 'rm -rf "$shm" "$tmp" "$dev"; umount -l "$base"/*/write/file "$base/way" "$base/deep" "$base/one" "$base/up1" "$base/tmpfs" "$base/alias" "$base/cwd/tmpfs" 2>/dev/null || :; rm -rf --one-file-system "$work"' EXIT
chmod 755 "$work"
cp "$TARGET" "$work/target"
mapfile -t behaviours < <("$work/target" --list | grep -v unmount-all) # that one is for the end
equal 1 $((${#behaviours[@]} >= 16)) 'at least 16 behaviours'
root=$([ "${2:-}" = mounts ] && echo 1 || echo 0)

# What every behaviour finds in a folder of its own.
make_template() {
    local name
    mkdir -p "$work/template/dir/inner"
    (cd "$work/template" && seq 100 >file && seq 50 >dir/inner/file && seq 20 >hard && ln hard dir/hard &&
        ln -s file link && mkfifo pipe)
    mkdir "$work/filled"
    for name in "${behaviours[@]}"; do
        cp -a "$work/template" "$work/filled/$name"
    done
}
make_template

# make_tree OWNER: the places, in `places`; mounts of its own where that is allowed
make_tree() {
    local place
    rm -rf "$base" "$shm" "$tmp" "$dev"
    mkdir -p "$base"/{cwd,out,home,other,db} "$shm" "$tmp"
    places=("$base/cwd" "$base/out" "$base/home" "$shm" "$tmp")
    if [ "$root" = 1 ]; then
        mkdir -p "$base"/{tmpfs,alias,way,cwd/tmpfs} "$dev"
        mount -t tmpfs -o mode=777 none "$base/tmpfs"
        mount -t tmpfs -o mode=777 none "$base/cwd/tmpfs"
        mount --bind "$base/other" "$base/alias"
        mount --bind "$base" "$base/way" # to the working folder, too
        places+=("$base/tmpfs" "$base/alias" "$base/way/cwd" "$base/cwd/tmpfs" "$dev")
    fi
    for place in "${places[@]}"; do
        [[ $place != */way/* ]] || continue
        cp -a "$work/filled/." "$place"
    done
    seq 1000 >"$base/out/input"
    seq 10 >"$base/out/log"
    mkdir "$base/out/fds"
    echo kept >"$base/out/fds/file"
    if [ "$root" = 1 ]; then # a file that is a mount, as in containers
        echo source >"$base/source"
        mount --bind "$base/source" "$base/home/write/file"
    fi
    chown -R "$1" "${places[@]}" "$base/db" "$base/cwd" "$base/source" 2>/dev/null || :
}
unmake_tree() {
    [ "$root" = 0 ] || umount "$base/home/write/file" "$base/way" "$base/tmpfs" "$base/alias" "$base/cwd/tmpfs"
}

# look FOLDER...: everything that is there, with the time of its last change, which nothing can set
look() {
    local folder
    for folder; do
        find "$folder" -printf '%p %y %m %U:%G %s %T@ %C@ %i %n %l\n'
        find "$folder" -type f -exec md5sum {} +
    done | sort -u
}

# try WHO ISOLATION STATUS: record, then everything that runs the program again
try() {
    local who=$1 isolation=$2 status=$3 owner as=() what="$1, $2, later status $3"
    owner=$(id -u):$(id -g)
    if [ "$who" = user ] && [ "$(id -u)" = 0 ]; then
        owner=1000:1000
        as=(setpriv --reuid 1000 --regid 1000 --clear-groups)
    fi
    make_tree "$owner"
    cd "$base/cwd"
    local db=$base/db/a.db
    local run=(env HOME="$base/home" TMPDIR="$base/db" "${as[@]}" "$DEARTH")
    # a copy leaves everything else real, the settings and the mounts of the machine too
    if [ "$isolation" = copy ]; then
        find "$base" "$shm" "$tmp" "$dev" -maxdepth 3 \( -name settings -o -name namespaces -o -name unmount \) -exec rm -r {} + 2>/dev/null || :
    fi
    "${run[@]}" record -q -o "$db" -- "$work/target" "$base/armed" "$status" "${places[@]}" <"$base/out/input" >"$work/first" ||
        fail "$what: recording"
    equal first "$(cat "$work/first")" "$what: recorded while harmless"
    touch "$base/armed"
    look "${places[@]}" "$base/source" 2>/dev/null >"$work/before" || :
    local options=(--how auto --guard all --leaks site -j 1 --in reported --in crashes --in leaks)
    # a copy of all that is made for every attempt: those of one site do
    [ "$isolation" = overlay ] || options=(--isolation "$isolation" -j 1 --how rerun --leaks off --guard off --in crashes --mode once)
    "${run[@]}" replay "${options[@]}" "$db" 3>>"$base/out/log" 4<"$base/out/fds" 5<>"$base/out/log" \
        <"$base/out/input" >"$work/out" 2>"$work/err" || {
        tail -n 30 "$work/out" "$work/err" >&2
        fail "$what: replay"
    }
    "${run[@]}" report --format json "$db" >"$work/report.json"
    local id
    id=$(jq '[.findings[] | select(.verdict == "crashed")][0].id' "$work/report.json")
    [ "$id" != null ] || fail "$what: no finding: $(cat "$work/err")"
    # as the report says it
    local command
    command=$(jq -r ".findings[] | select(.id == $id).repro" "$work/report.json")
    [ "$isolation" = overlay ] || contains <(echo "$command") "--isolation $isolation"
    read -ra command <<<"${command#dearth }"
    "${run[@]}" "${command[@]}" 3>>"$base/out/log" >"$work/out" 2>>"$work/err" ||
        fail "$what: repro: $(cat "$work/out" "$work/err")"
    if [ "$isolation" = overlay ]; then # the rest that runs it: second failures, by chance
        "${run[@]}" replay -q "${options[@]}" --depth 2 --retest "$db" >"$work/out" 2>&1 ||
            fail "$what: --depth 2: $? $(cat "$work/out")"
        "${run[@]}" replay -q -j 1 --probability 0.5 --runs 2 "$db" >"$work/out" 2>&1 ||
            fail "$what: --probability: $? $(cat "$work/out")"
        equal 1 "$(sql "$db" "SELECT count(*) > 0 FROM attempt WHERE under = 'guarded'")" "$what: guarded runs"
        equal 1 "$(sql "$db" "SELECT count(*) > 0 FROM attempt WHERE leaked IS NOT NULL")" "$what: runs that look for leaks"
    fi

    equal "$isolation" "$(sql "$db" "SELECT group_concat(DISTINCT isolation) FROM replay")" "$what: in the database"
    equal "$isolation" "$(jq -r '[.replays[].isolation, .findings[].isolation] | unique | join(" ")' "$work/report.json")" \
        "$what: in the report"
    equal 0 "$(sql "$db" "SELECT (SELECT count(*) FROM baseline WHERE exit_code = 99) + (SELECT count(*) FROM attempt WHERE exit_code = 99)")" \
        "$what: settings and namespaces had"
    equal 1 "$(sql "$db" "SELECT count(*) > 0 FROM attempt WHERE repeat > 0")" "$what: repeated runs"
    equal "$status" "$(sql "$db" "SELECT min(exit_code) FROM baseline WHERE replay_id = 1")" "$what: runs without a fault"
    case $isolation in
    overlay)
        look "${places[@]}" "$base/source" 2>/dev/null >"$work/after" || :
        [ "$status" = 0 ] || contains "$work/err" 'ends with status 3, but the recording ended with status 0'
        ;;
    copy) # only the working folder, and that was said
        contains "$work/err" "private copy of $base/cwd"
        contains "$work/err" 'everything outside of it is real'
        contains "$work/report.json" '"copied_tree"'
        grep " *$base/cwd[ /]" "$work/before" >"$work/b" && mv "$work/b" "$work/before"
        look "$base/cwd" | grep " *$base/cwd[ /]" >"$work/after"
        ;;
    esac
    diff "$work/before" "$work/after" | head -n 20 || :
    cmp -s "$work/before" "$work/after" ||
        fail "$what: something was changed"
    cd "$work"
    unmake_tree
    echo "ok: $what: nothing was changed"
}

# refuses: where no namespace is to be had, nothing is run before the user has chosen
refuses() {
    local status as=(unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_mnt_namespaces && echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh)
    "${as[@]}" true 2>/dev/null || return 0
    mkdir -p "$work/refused/cwd" && cd "$work/refused/cwd"
    fill_one "$work/refused/cwd"
    fill_one "$work/refused/out"
    "$DEARTH" record -q -o ../a.db -- "$work/target" ../armed 0 . ../out >/dev/null
    cd ..
    touch armed
    look cwd out >before
    status=0
    "${as[@]}" "$DEARTH" replay a.db >said.out 2>said.err || status=$?
    equal 2 "$status" 'status where there is no namespace'
    contains said.err 'no mount namespace may be entered'
    contains said.err '--isolation copy'
    contains said.err '--isolation shared'
    equal 0 "$(sql a.db 'SELECT count(*) FROM replay')" 'replays of it'
    look cwd out >after
    cmp before after || fail 'something ran'
    # asked for: said, and true
    mkdir said
    "${as[@]}" "$DEARTH" replay --isolation copy -j 1 --in crashes a.db >said/out 2>said/err || fail "copy: $(cat said/err)"
    contains said/err 'by its own path the folder is real too'
    contains <(sql a.db "SELECT text FROM note WHERE kind = 'copied_tree'") 'everything outside of it is real'
    "${as[@]}" "$DEARTH" replay --isolation shared -j 1 --in crashes a.db >said/out 2>said/err || fail "shared: $(cat said/err)"
    contains said/err 'attempts run in the real folder'
    "$DEARTH" report --format text a.db >said/report
    contains said/report 'files were real'
    contains said/report 'files outside of the working folder were real'
    cd "$work"
}
fill_one() {
    mkdir -p "$1"
    cp -a "$work/template" "$1/append"
}

# As root: a place that the kernel puts no overlay over, because overlays lie there already, is read-only
# and named; a program that runs there is not run. What an attempt has mounted and unmounted is made good.
corners() {
    local n
    make_tree 0:0
    mkdir -p "$base"/{one,two,deep,up1,up2,w1,w2}
    mount -t tmpfs none "$base/up1" && mkdir "$base"/up1/{u,w,u2,w2} || return 0
    mount -t overlay -o "lowerdir=$base/out,upperdir=$base/up1/u,workdir=$base/up1/w" none "$base/one" &&
        mount -t overlay -o "lowerdir=$base/one,upperdir=$base/up1/u2,workdir=$base/up1/w2" none "$base/deep" || return 0
    cd "$base/db"
    look "$base/deep" >"$work/before"
    "$DEARTH" record -q -o a.db -- "$work/target" "$base/armed" 0 "$base/deep" >/dev/null
    touch "$base/armed"
    "$DEARTH" replay -j 1 --in crashes a.db >"$work/out" 2>"$work/err" || fail "corners: $(cat "$work/err")"
    look "$base/deep" >"$work/after"
    cmp "$work/before" "$work/after" || fail 'a place without an overlay was changed'
    contains "$work/err" "attempts cannot write in: $base/deep"
    cd "$base/deep"
    rm "$base/armed"
    "$DEARTH" record -q -o "$base/db/b.db" -- "$work/target" "$base/armed" 0 . >/dev/null
    n=0
    "$DEARTH" replay "$base/db/b.db" >"$work/out" 2>"$work/err" || n=$?
    equal 2 $n 'a program that runs where there is no overlay'
    contains "$work/err" "no overlay over $base/deep"
    cd "$work"
    umount "$base/deep" "$base/one" "$base/up1"

    mkdir "$base/last"
    cp -a "$work/template" "$base/last/unmount-all"
    cp -a "$work/template" "$base/last/mount"
    touch "$base/armed"
    look "$base/last" "$base/tmpfs" >"$work/before"
    equal 1 "$("$DRIVE" -i overlay -n 4 -- "$work/target" "$base/armed" 0 "$base/last" | grep -o 'exit=.* stdout=[^ ]*' | sort -u | wc -l)" \
        'attempts after one that unmounts everything are as the first'
    look "$base/last" "$base/tmpfs" >"$work/after"
    cmp "$work/before" "$work/after" || fail 'unmounting laid something bare'
    unmake_tree
}

"$DRIVE" -q -i overlay -n 1 -- true >/dev/null 2>&1 || skip 'no overlay here'
case $part in
root-*)
    [ "$(id -u)" = 0 ] || skip 'not root'
    ;;
user-*)
    [ "$(id -u)" != 0 ] || setpriv --reuid 1000 --regid 1000 --clear-groups "$DRIVE" -q -i overlay -n 1 -- true >/dev/null 2>&1 ||
        skip 'no overlay here for a user'
    ;;
esac
case $part in
root-overlay)
    try root overlay 0
    try root overlay 3
    ;;
root-copy) try root copy 3 ;;
user-overlay) try user overlay 3 ;;
user-copy) try user copy 3 ;;
corners)
    refuses
    [ "$root" = 0 ] || corners
    ;;
*) fail "no such part: $part" ;;
esac
