#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does 'dearth check' cost in processor time, and which part of it what? One or several builds, in turn.
#
#   tests/bench/check.sh [-n ROUNDS] [-p] [-q] [-k FOLDER] [-P "PROGRAM..."] DEARTH... >table.md
#
# A part is the difference between two runs of the same program that differ in it alone:
#
#   record     dearth record
#   copies     replay: copies and what they refuse, nothing repeated
#   confirmed  the same with reruns of what copies showed     less copies
#   leaks      the same with the leak pass                    less confirmed
#   check      dearth check, all of it: the whole, not a sum
#
# With -q the last build is measured once more, with --quick.
# With -p the parts are measured, else check alone. One round runs every build and part once, one after the other
# (A B C A B C ...); medians of ROUNDS (5), user and system time of dearth, its workers and the programs together.
# With -k the databases of the last round stay in FOLDER (PROGRAM.N.db), and the verdicts of each build are compared
# with the first one's, site by site. No test: nothing fails when it is slow. Progress goes to standard error, Markdown
# to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
rounds=5 parts=(check) keep='' programs='' quick=-1
while getopts n:pqk:P: option; do
    case $option in
    n) rounds=$OPTARG ;;
    p) parts=(record copies confirmed leaks check) ;;
    q) quick=0 ;;
    k) keep=$(readlink -f "$OPTARG") ;;
    P) programs=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
builds=()
for build in "${@:?the dearths to measure}"; do
    builds+=("$(readlink -f "$build")")
done
if [ "$quick" = 0 ]; then
    quick=${#builds[@]}
    builds+=("${builds[-1]}")
fi
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
TIMEFORMAT='%U %S %R'

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# --- programs: what each does is done in a few milliseconds ---

cp "$here/../data/sample.json" in.json
echo '<r><e id="1"><n>name</n></e><e id="2"/></r>' >in.xml
echo hello >in.txt
seq 2000 >numbers
xz -k numbers
printf '%%%%\ns: | s "a";\n%%%%\n' >in.y
mkdir repository
git -C repository init -q
for i in 1 2 3; do
    git -C repository -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m "commit $i"
done

command_of() {
    case $1 in
    jq) line=(jq . in.json) ;;
    xz) line=(xz -dc numbers.xz) ;;
    git) line=(git -C repository log) ;;
    sqlite3) line=(sqlite3 :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t') ;;
    xmllint) line=(xmllint in.xml) ;;
    curl) line=(curl -s "file://$work/in.txt") ;;
    bison) line=(bison --report=none -o /dev/null in.y) ;;
    *)
        echo "no such program here: $1" >&2
        exit 2
        ;;
    esac
}
read -ra order <<<"${programs:-jq xz git sqlite3 xmllint curl}"

# --- one run: a line 'cpu wall' is added to the file PROGRAM.BUILD.PART ---

# timed FILE COMMAND...: 125 and above are failures, a gate that fails is not.
timed() {
    local file=$1 status=0
    shift
    { time "$@" >out 2>err </dev/null || status=$?; } 2>cost.txt
    [ "$status" -lt 2 ] || {
        cat err >&2
        return "$status"
    }
    awk '{ print ($1 + $2) * 1000, $3 * 1000 }' cost.txt >>"$file"
}

run() {
    local program=$1 n=$2 part=$3 dearth=${builds[$2]} db=$1.$2.$3.db early=()
    rm -f "$db"
    [ "$n" != "$quick" ] || early=(--quick)
    case $part in
    record) timed "$program.$n.record" "$dearth" record -q -o "$db" -- "${line[@]}" ;;
    check) timed "$program.$n.check" "$dearth" check -q ${early[@]+"${early[@]}"} -o "$db" -- "${line[@]}" ;;
    *)
        local options=(--guard off ${early[@]+"${early[@]}"})
        [ "$part" != copies ] || options+=(--repeat 0 --leaks off)
        [ "$part" != confirmed ] || options+=(--leaks off)
        cp "$program.$n.record.db" "$db"
        timed "$program.$n.$part" "$dearth" replay -q "${options[@]}" "$db"
        ;;
    esac
}

# median FILE COLUMN
median() {
    cut -d' ' -f"$2" "$1" | sort -g | awk '{ v[NR] = $1 } END { printf "%.0f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

row() {
    local program=$1 n part last=0 now first whole sites
    first=$(median "$program.0.check" 1)
    for n in "${!builds[@]}"; do
        whole=$(median "$program.$n.check" 1)
        sites=$(sqlite3 "$program.$n.check.db" 'SELECT count(DISTINCT site_id) FROM attempt')
        printf '| %s | %s | %s |' "$program" "$((n + 1))" "$sites"
        last=0
        for part in "${parts[@]}"; do
            now=$(median "$program.$n.$part" 1)
            case $part in
            record | copies) printf ' %s |' "$now" ;;
            confirmed | leaks) printf ' %s |' "$((now - last))" ;;
            check) printf ' %s | %s | %s |\n' "$now" "$(median "$program.$n.check" 2)" "$(awk "BEGIN { printf \"%.2f\", $whole / $first }")" ;;
            esac
            last=$now
        done
    done
}

# What a build says of a site, by mode: all its verdicts, leaks included.
verdicts="SELECT lower(hex(s.key)), a.occurrence, a.mode, a.under, group_concat(DISTINCT a.verdict),
    max(a.leaked > 0) FROM attempt a JOIN site s ON s.id = a.site_id
    WHERE a.verdict <> 'unreached' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"

# Two such lists. Which few sites of a location are looked at for leaks is a matter of which attempt ended first.
differing='{ key = $1 FS $2 FS $3 FS $4 }
    NR == FNR { line[key] = $0; verdict[key] = $5; leaked[key] = $6; next }
    !(key in line) { print of, ">", $0; next }
    verdict[key] != $5 || (leaked[key] != "" && $6 != "" && leaked[key] != $6) { print of, "<", line[key]; print of, ">", $0 }
    { delete line[key] }
    END { for (key in line) print of, "<", line[key] }'

compare() {
    local program=$1 n
    for n in "${!builds[@]}"; do
        cp "$program.$n.check.db" "$keep/$program.$((n + 1)).db"
        sqlite3 "$program.$n.check.db" "$verdicts" >"$program.$n.verdicts"
        [ "$n" = 0 ] || awk -F'|' -v of="$program $((n + 1)):" "$differing" "$program.0.verdicts" "$program.$n.verdicts" >>differ
    done
}

echo "Milliseconds of processor time, medians of $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg) at the start, $(uname -m)."
for n in "${!builds[@]}"; do
    echo "$((n + 1)): $("${builds[n]}" --version)$([ "$n" != "$quick" ] || echo ', --quick')"
done
echo
echo "| program | build | sites |$(printf ' %s |' "${parts[@]}") check, wall | check / first |"
echo "| --- | ---: | ---: |$(printf ' ---: |%.0s' "${parts[@]}") ---: | ---: |"
: >differ
for program in "${order[@]}"; do
    command_of "$program"
    command -v "${line[0]}" >/dev/null || {
        echo "$program: not installed" >&2
        continue
    }
    for round in $(seq "$rounds"); do
        for part in "${parts[@]}"; do
            for n in "${!builds[@]}"; do
                run "$program" "$n" "$part"
            done
        done
        echo "$program: round $round of $rounds" >&2
    done
    row "$program"
    [ -z "$keep" ] || compare "$program"
done
[ ! -s differ ] || {
    echo
    echo "Verdicts that differ from the first build's (site, occurrence, mode, under, verdicts, leaks):"
    echo
    sed 's/^/    /' differ
}
