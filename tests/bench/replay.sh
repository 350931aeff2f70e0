#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does an attempt cost? Executions per second of seven small runs of real programs: bare, by
# 'dearth replay --how rerun', and sites per second by '--how snapshot', where this dearth has it.
#
#   tests/bench/replay.sh DEARTH [ROUNDS] [PROGRAM...] >table.md
#
# One round runs every way once, one after the other (A B C A B C ...), as many at a time as there are
# processors. Medians, with smallest and largest, of ROUNDS (5) rounds after one that is not counted.
# The bare loop is spawn_loop.c: vfork, exec, wait. Of a replay what counts is the time from the start
# of its first attempt to the end of its last: not the runs without a fault, not symbols, nor what is looked
# at once more afterwards, for leaks or damage (check.sh measures that). Verdicts of
# both ways are compared for each site; where they differ, both are listed below the table.
# No test: nothing fails when it is slow. Progress goes to standard error, Markdown to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
dearth=$(readlink -f "${1:?the dearth to measure}")
rounds=${2:-5}
shift $(($# > 2 ? 2 : $#))
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
jobs=$(nproc)

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
"${CC:-cc}" -O2 -o spawn_loop "$here/spawn_loop.c"

# --- programs: what each does is done in a few milliseconds ---

cp "$here/../data/sample.json" in.json
echo '<r><e id="1"><n>name</n></e><e id="2"/></r>' >in.xml
echo hello >in.txt
mkdir repository
git -C repository init -q
for i in 1 2 3; do
    git -C repository -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m "commit $i"
done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout key.pem -out in.pem 2>/dev/null

command_of() {
    case $1 in
    jq) line=(jq . in.json) ;;
    git) line=(git -C repository log) ;;
    curl) line=(curl -s "file://$work/in.txt") ;;
    xmllint) line=(xmllint in.xml) ;;
    sqlite3) line=(sqlite3 :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t') ;;
    x509) line=(openssl x509 -in in.pem -noout -text) ;;
    version) line=(openssl version -a) ;;
    *)
        echo "no such program here: $1" >&2
        exit 2
        ;;
    esac
}
order=("$@")
[ $# -gt 0 ] || order=(jq git curl xmllint sqlite3 x509 version)
ways=(bare rerun)
rerun=()
if [[ $("$dearth" replay --help) == *--how* ]]; then
    ways+=(snapshot)
    rerun=(--how rerun)
fi
once=(--mode once --repeat 0 --guard off --leaks off)

# --- one run: a number is added to the file WAY.PROGRAM ---

per_second="SELECT round(count(DISTINCT site_id) / ((max(started_unix_ns + duration_ns) - min(started_unix_ns)) / 1e9), 1)
    FROM attempt"

run() {
    local way=$1 program=$2 n
    n=$(cat "faults.$program")
    cp "$program.db" "$way.$program.db"
    case $way in
    bare) ./spawn_loop "$jobs" "$n" "${line[@]}" >>"$way.$program" ;;
    rerun)
        "$dearth" replay -q -j "$jobs" "${once[@]}" "${rerun[@]}" "rerun.$program.db"
        sqlite3 "rerun.$program.db" "$per_second WHERE repeat = 0" >>"$way.$program"
        ;;
    snapshot)
        "$dearth" replay -q -j "$jobs" "${once[@]}" --how snapshot "snapshot.$program.db"
        sqlite3 "snapshot.$program.db" "$per_second WHERE how = 'snapshot' AND repeat = 0" >>"$way.$program"
        ;;
    esac
}

# median FILE: of all but the first line; spread FILE: smallest to largest.
median() {
    [ -s "$1" ] && tail -n +2 "$1" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
spread() {
    [ -s "$1" ] && tail -n +2 "$1" | sort -g | awk 'NR == 1 { a = $1 } { b = $1 } END { printf "%.0f to %.0f\n", a, b }'
}

differing="SELECT lower(hex(s.key)), group_concat(DISTINCT a.verdict), group_concat(DISTINCT b.verdict)
    FROM attempt a JOIN site s ON s.id = a.site_id JOIN other.site t ON t.key = s.key
    JOIN other.attempt b ON b.site_id = t.id AND b.mode = a.mode AND b.occurrence = a.occurrence
    WHERE b.how = 'snapshot' AND a.verdict <> b.verdict GROUP BY s.key"

row() {
    local program=$1 bare rerun snapshot=- of=- compared=-
    bare=$(median "bare.$program") rerun=$(median "rerun.$program")
    if [ -e "snapshot.$program" ]; then
        snapshot=$(median "snapshot.$program")
        snapshot="$snapshot ($(spread "snapshot.$program"))"
        of=$(sqlite3 "snapshot.$program.db" "SELECT count(DISTINCT site_id) FROM attempt WHERE how = 'snapshot'")
        sqlite3 -cmd "ATTACH 'snapshot.$program.db' AS other" "rerun.$program.db" "$differing" |
            sed "s/^/$program|/" >"differ.$program"
        compared=$(wc -l <"differ.$program")
    fi
    echo "| $program | $(cat "faults.$program") | $bare ($(spread "bare.$program")) | $rerun ($(spread "rerun.$program")) |" \
        "$(awk "BEGIN { printf \"%.2f\", $rerun / $bare }") | $snapshot | $of | $compared |"
}

echo "Medians (smallest to largest) of $rounds rounds, $jobs at a time, load $(cut -d' ' -f1 /proc/loadavg) at the start," \
    "$(uname -m), $("$dearth" --version)."
echo
echo "| program | sites | bare, executions/s | rerun, executions/s | rerun / bare | snapshot, sites/s | sites by snapshot | verdicts that differ |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for program in "${order[@]}"; do
    command_of "$program"
    "$dearth" record -q -o "$program.db" -- "${line[@]}" >/dev/null
    sqlite3 "$program.db" 'SELECT count(DISTINCT site_id) FROM site_stat WHERE failable > 0' >"faults.$program"
    for round in $(seq 0 "$rounds"); do
        for way in "${ways[@]}"; do
            run "$way" "$program"
        done
        echo "$program: round $round of $rounds" >&2
    done
    row "$program"
done
cat differ.* 2>/dev/null | awk -F'|' '
    NR == 1 { print "\nVerdicts that differ:\n\n| program | site | rerun | snapshot |\n| --- | --- | --- | --- |" }
    { printf "| %s | `%s` | %s | %s |\n", $1, substr($2, 1, 16), $3, $4 }' || :
