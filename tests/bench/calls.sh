#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does one malloc and free cost, 20 functions deep? By one thread and by two; bare, recorded by
# dearth and by `heaptrack --raw`, and in an attempt of a replay whose fault is not yet due.
#
#   tests/bench/calls.sh DEARTH [ROUNDS] >table.md
#
# As record.sh: one round runs every way once; medians of ROUNDS (7) after one that is not counted.
# The replay's figure is its attempt's duration, start of the program included. Recursion is folded by dearth, so that
# the stack is walked whole but is one site. A second table has the processor time, user and system, of all that was
# started, for each pair of each thread: the program, what records it, and their starts. Progress goes to standard error,
# Markdown to standard output. No test.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
dearth=$(readlink -f "${1:?the dearth to measure}")
rounds=${2:-7}
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
"${CC:-cc}" -O2 -pthread -o calls "$here/calls.c"
depth=20

# The site of last(): the only one of 4096 bytes.
site_of() {
    sqlite3 "$1" "SELECT lower(hex(key)) FROM site JOIN site_stat ON site_id = site.id WHERE max_size = 4096 LIMIT 1"
}

# What it prints, and its processor time into WAY.THREADS.cpu, in ns for each pair.
run() {
    local way=$1 threads=$2 loops=$3 TIMEFORMAT='%U %S'
    { time run_inner "$way" "$threads" "$loops" 2>&3; } 3>&2 2>cpu.txt
    awk -v n=$((loops * threads)) '{ print ($1 + $2) * 1e9 / n }' cpu.txt >>"$way.$threads.cpu"
}

run_inner() {
    local way=$1 threads=$2 loops=$3
    case $way in
    bare) ./calls "$loops" "$depth" "$threads" ;;
    dearth)
        rm -f record.db*
        "$dearth" record -q -o record.db -- ./calls "$loops" "$depth" "$threads"
        ;;
    heaptrack)
        rm -f raw.*
        heaptrack --raw -o raw ./calls "$loops" "$depth" "$threads" | grep -E '^[0-9.]+$'
        ;;
    replay)
        "$dearth" replay -q -j 1 --retest --guard off --leaks off --how rerun --mode once --repeat 0 --baseline-runs 2 \
            --site "$(site_of replay.db)" replay.db >/dev/null
        sqlite3 replay.db "SELECT printf('%.1f', duration_ns / $loops.0) FROM attempt ORDER BY id DESC LIMIT 1"
        ;;
    esac
}

median() {
    tail -n +2 "$1" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ways=(bare dearth replay)
command -v heaptrack >/dev/null && ways+=(heaptrack)
echo "Nanoseconds for a malloc and its free, $depth functions deep; medians of $rounds rounds," \
    "load $(cut -d' ' -f1 /proc/loadavg) at the start, $(uname -m), $("$dearth" --version)."
echo
echo "| threads | bare | replay, no fault due | replay / bare | dearth record | added | heaptrack --raw | added | heaptrack / dearth, added |"
echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for threads in 1 2; do
    "$dearth" record -q -o replay.db -- ./calls 2000000 "$depth" "$threads" >/dev/null
    for round in $(seq 0 "$rounds"); do
        for way in "${ways[@]}"; do
            run "$way" "$threads" 2000000 >>"$way.$threads"
        done
        echo "$threads threads: round $round of $rounds" >&2
    done
    heaptrack=$([ -s "heaptrack.$threads" ] && median "heaptrack.$threads" || echo 0)
    awk -v t="$threads" -v b="$(median "bare.$threads")" -v r="$(median "replay.$threads")" -v d="$(median "dearth.$threads")" \
        -v h="$heaptrack" 'BEGIN { printf "| %s | %.1f | %.1f | %.2f | %.1f | %.1f | %s | %s | %s |\n", t, b, r, r / b, d, d - b,
            h ? sprintf("%.1f", h) : "-", h ? sprintf("%.1f", h - b) : "-", h ? sprintf("%.1f", (h - b) / (d - b)) : "-" }'
    rm -f replay.db*
done

echo
echo "Processor time of all that was started, ns for each pair:"
echo
echo "| threads | bare | dearth record | heaptrack --raw | record, added | heaptrack, added | record / heaptrack, added |"
echo "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for threads in 1 2; do
    heaptrack=$([ -s "heaptrack.$threads.cpu" ] && median "heaptrack.$threads.cpu" || echo 0)
    awk -v t="$threads" -v b="$(median "bare.$threads.cpu")" -v d="$(median "dearth.$threads.cpu")" -v h="$heaptrack" 'BEGIN {
        printf "| %s | %.1f | %.1f | %s | %.1f | %s | %s |\n", t, b, d, h ? sprintf("%.1f", h) : "-", d - b, h ? sprintf("%.1f", h - b) : "-",
            h ? sprintf("%.2f", (d - b) / (h - b)) : "-" }'
done
