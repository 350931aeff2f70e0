#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does 'dearth check' cost beside a run for each allocation, as simple injectors do it?
#
#   tests/bench/each_call.sh [-n ROUNDS] [-m MOST] DEARTH [PROGRAM...] >table.md
#
# The other way is as cheap as it can be: a library that counts calls and fails one (nth_call.c), started once for
# each call by vfork and exec, as many at a time as there are processors (spawn_loop.c); nothing is recorded, judged,
# repeated or kept apart from the user's files. `check` is measured as it is, and asked for what the other way does alone:
# each failure once (--mode once --repeat 0 --guard off --leaks off). Of more than MOST (2000) calls every k-th is made to fail, and the
# time taken k-fold, which the table says. Each round does all three once, in turn; medians of ROUNDS (3), wall and
# processor time of all that was started. dearth's names are kept from an earlier run, as on a machine where it has been
# used before. No test: nothing fails when it is slow. Progress goes to standard error, Markdown to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
rounds=3 most=2000
while getopts n:m: option; do
    case $option in
    n) rounds=$OPTARG ;;
    m) most=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dearth=$(readlink -f "${1:?the dearth to measure}")
shift
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
TIMEFORMAT='%R %U %S'

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache
"${CC:-cc}" -O2 -o spawn_loop "$here/spawn_loop.c"
"${CC:-cc}" -O2 -fPIC -shared -o nth_call.so "$here/nth_call.c"

# --- programs ---

cp "$here/../data/sample.json" in.json
echo '<r><e id="1"><n>name</n></e><e id="2"/></r>' >in.xml
echo hello >in.txt
tar -cf in.tar in.json in.xml in.txt
seq 2000 | xz >numbers.xz
git init -q repository
for i in 1 2 3; do
    echo "$i" >repository/file
    git -C repository add file
    git -C repository -c user.name=a -c user.email=a@b.c commit -q -m "commit $i"
done

command_of() {
    case $1 in
    jq) line=(jq . in.json) ;;
    xz) line=(xz -dc numbers.xz) ;;
    git) line=(git -C repository log --stat) ;;
    sqlite3) line=(sqlite3 :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t') ;;
    xmllint) line=(xmllint in.xml) ;;
    bsdtar) line=(bsdtar -tf in.tar) ;;
    curl) line=(curl -s "file://$work/in.txt") ;;
    openssl) line=(openssl version -a) ;;
    *)
        echo "no such program here: $1" >&2
        exit 2
        ;;
    esac
}
[ $# -gt 0 ] || set -- xmllint sqlite3 git bsdtar xz jq curl openssl

# --- one run: a line 'wall cpu', in seconds, is added to FILE ---

# timed FILE TIMES COMMAND...: 2 and above are failures, a gate that fails is not.
timed() {
    local file=$1 times=$2 status=0
    shift 2
    { time "$@" >out 2>err </dev/null || status=$?; } 2>cost.txt
    [ "$status" -lt 2 ] || {
        cat err >&2
        return "$status"
    }
    awk -v times="$times" '{ print $1 * times, ($2 + $3) * times }' cost.txt >>"$file"
}

# median FILE COLUMN
median() {
    cut -d' ' -f"$2" "$1" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'
}

echo "Medians of $rounds rounds in turn, load $(cut -d' ' -f1 /proc/loadavg) at the start, $(nproc) processors, $(uname -m), $("$dearth" --version)."
echo
echo '| program | calls | sites | each call, wall | check, wall | each / check | each call, processor | check, processor | each / check | once alone, wall | processor | each / once, processor |'
echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
for program; do
    command_of "$program"
    command -v "${line[0]}" >/dev/null || {
        echo "$program: not installed" >&2
        continue
    }
    rm -f count
    NTH_COUNT=$work/count LD_PRELOAD=$work/nth_call.so "${line[@]}" >/dev/null </dev/null
    calls=$(cat count)
    step=$(((calls + most - 1) / most)) note=''
    [ "$step" = 1 ] || note=", 1 of $step tried"
    for round in $(seq 0 "$rounds"); do # the first is not counted
        timed "$program.each" "$step" env EACH=NTH_CALL EACH_STEP="$step" EACH_PRELOAD="$work/nth_call.so" \
            ./spawn_loop "$(nproc)" "$((calls / step))" "${line[@]}"
        rm -f check.db
        timed "$program.check" 1 "$dearth" check -q -o check.db -- "${line[@]}"
        rm -f once.db
        timed "$program.once" 1 "$dearth" check -q --mode once --repeat 0 --guard off --leaks off -o once.db -- "${line[@]}"
        [ "$round" != 0 ] || rm "$program.each" "$program.check" "$program.once"
        echo "$program: round $round of $rounds" >&2
    done
    each=$(median "$program.each" 1) check=$(median "$program.check" 1)
    each_cpu=$(median "$program.each" 2) check_cpu=$(median "$program.check" 2)
    once=$(median "$program.once" 1) once_cpu=$(median "$program.once" 2)
    printf '| %s | %s%s | %s | %.2f s | %.2f s | %s | %.2f s | %.2f s | %s | %.2f s | %.2f s | %s |\n' "$program" "$calls" "$note" \
        "$(sqlite3 check.db 'SELECT count(DISTINCT site_id) FROM attempt')" \
        "$each" "$check" "$(ratio "$each" "$check")" "$each_cpu" "$check_cpu" "$(ratio "$each_cpu" "$check_cpu")" \
        "$once" "$once_cpu" "$(ratio "$each_cpu" "$once_cpu")"
done
