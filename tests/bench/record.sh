#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does recording cost? Eight real programs, bare, under `dearth record` and under heaptrack.
#
#   tests/bench/record.sh [-1] DEARTH [ROUNDS] [PROGRAM...] >table.md
#
# -1: everything on one processor, as on a machine whose others are busy: the collector takes its time from
# the program's.
#
# One round runs every way once, one after the other (A B C A B C ...), so that a machine that gets slower
# or warmer does so for all of them. Medians of ROUNDS (7) rounds after one that is not counted; all data,
# recordings too, in a folder of the disk that $TMPDIR or /var/tmp is on. No test: nothing fails when it is
# slow. Progress goes to standard error, Markdown to standard output.
set -eu -o pipefail
pin=()
if [ "${1:-}" = -1 ]; then
    shift
    pin=(taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')")
fi
dearth=$(readlink -f "${1:?the dearth to measure}")
rounds=${2:-7}
shift $(($# > 2 ? 2 : $#))
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
export PYTHONMALLOC=malloc # its own allocator would ask for memory 4,341 times

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
case $(stat -f -c %T .) in
tmpfs | ramfs) echo "warning: $work is in memory, not on disk; set TMPDIR" >&2 ;;
esac

# --- inputs ---

awk 'BEGIN { printf "["; for (i = 0; i < 40000; i++) printf "%s{\"id\":%d,\"name\":\"item %d\",\"tags\":[\"a%d\",\"b\"],\"v\":%f}",
    (i ? "," : ""), i, i, i % 97, i / 7; print "]" }' >in.json
awk 'BEGIN { print "<r>"; for (i = 0; i < 30000; i++) printf "<e id=\"%d\"><n>name %d</n><v>%d</v></e>\n", i, i, i % 1000; print "</r>" }' >in.xml
cat >in.xsl <<'XSL'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/r"><o>
<xsl:for-each select="e[v &lt; 500]"><xsl:sort select="v" data-type="number"/><x><xsl:value-of select="n"/></x></xsl:for-each></o>
</xsl:template></xsl:stylesheet>
XSL
awk 'BEGIN { for (i = 0; i < 1500; i++) printf "struct s%d { int a[%d]; struct s%d *next; };\nstatic int f%d(struct s%d *s, int n) { int r = 0; for (int i = 0; i < n; i++) { r += s->a[i %% %d] * i; if (r & 1) r ^= %d; } return s->next ? r + f%d(s->next, n - 1) : r; }\nint g%d(struct s%d *s) { return f%d(s, %d); }\n",
    i, i % 50 + 1, i, i, i, i % 50 + 1, i, i, i, i, i, i }' >in.c
cat >in.cc <<'CC'
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>
int main() {
    std::map<std::string, std::vector<std::unique_ptr<int>>> m;
    m["a"].push_back(std::make_unique<int>(3));
    std::regex r("a+b*");
    for (auto &p : m)
        std::cout << p.first << std::regex_match(p.first, r) << *p.second[0] << '\n';
}
CC
cat >in.py <<'PY'
import json
d = {}
for i in range(60000):
    d.setdefault(i % 977, []).append({"k": str(i), "v": [i, i + 1]})
s = json.dumps(d)
print(len(s), sum(len(x["k"]) for v in json.loads(s).values() for x in v))
PY
cat >in.pl <<'PL'
my %h; for my $i (0 .. 150000) { my @w = split / /, "word$i is number $i"; push @{ $h{ $w[0] } }, [@w]; }
print scalar(keys %h), "\n";
PL
cat >in.sql <<'SQL'
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
INSERT INTO t SELECT i, 'row ' || i, i / 3.0 FROM n;
CREATE INDEX b ON t(b); SELECT count(*), sum(c) FROM t WHERE b LIKE 'row 1%'; SELECT group_concat(b) FROM t GROUP BY a % 100 LIMIT 1;
SQL

multiarch=$(g++ -print-multiarch) # cc1plus by itself does not know where Debian's headers are
declare -A command=(
    [python3]="/usr/bin/python3 -X utf8 in.py"
    [sqlite3]="sqlite3 :memory: .read\ in.sql"
    [jq]="jq -c [.[]|{id,t:.tags[0]}]|group_by(.t)|map(length) in.json"
    [cc1]="$(gcc -print-prog-name=cc1) -quiet -O1 in.c -o cc1.s"
    [cc1plus]="$(g++ -print-prog-name=cc1plus) -quiet -O1 -D_GNU_SOURCE ${multiarch:+-imultiarch $multiarch }in.cc -o cc1plus.s"
    [xmllint]="xmllint --xpath sum(//v) in.xml"
    [xsltproc]="xsltproc in.xsl in.xml"
    [perl]="perl in.pl"
)
order=(python3 sqlite3 jq cc1 cc1plus xmllint xsltproc perl)
[ $# -eq 0 ] || order=("$@")

# --- running ---

ways=(bare dearth no-symbols)
if command -v heaptrack >/dev/null; then
    ways+=(heaptrack heaptrack-raw)
fi

# run WAY PROGRAM: once; its wall time in nanoseconds is added to WAY.PROGRAM, the processor time of all that
# was started to WAY.PROGRAM.cpu.
run() {
    local way=$1 program=$2 arguments start end TIMEFORMAT='%U %S'
    read -ra arguments <<<"${command[$program]}"
    if [ "$program" = sqlite3 ]; then # one argument with a blank in it
        arguments=(sqlite3 :memory: '.read in.sql')
    fi
    rm -rf data
    mkdir data
    sync -f .
    start=$(date +%s%N)
    case $way in
    bare) ;;
    dearth) arguments=("$dearth" record -q -o data/d.db -- "${arguments[@]}") ;;
    no-symbols) arguments=("$dearth" record -q --no-symbols -o data/d.db -- "${arguments[@]}") ;;
    heaptrack) arguments=(heaptrack -o data/h "${arguments[@]}") ;;
    heaptrack-raw) arguments=(heaptrack --raw -o data/h "${arguments[@]}") ;;
    esac
    { time "${pin[@]}" "${arguments[@]}" >out.txt 2>err.txt; } 2>cpu.txt || {
        cat err.txt >&2
        echo "$way $program failed" >&2
        [[ $way = heaptrack* ]] || exit 1
        return 0 # its interpreter has been seen to run out of memory: a dash in the table
    }
    end=$(date +%s%N)
    echo $((end - start)) >>"$way.$program"
    awk '{ print ($1 + $2) * 1e9 }' cpu.txt >>"$way.$program.cpu"
    case $way in
    dearth)
        sqlite3 data/d.db "SELECT events, duration_ns, exact, (SELECT sum(length(data)) FROM event_chunk) FROM recording" >facts."$program"
        sqlite3 data/d.db 'SELECT duration_ns FROM recording' >>dearth-run."$program"
        stat -c %s data/d.db >size."$program"
        ;;
    esac
}

median() {
    tail -n +2 "$1" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# row PROGRAM: its medians, as Markdown and as a line of 'rows' for the means.
row() {
    local program=$1 events exact data heaptrack=0 raw=0
    IFS='|' read -r events _ exact data <facts."$program"
    [ ! -e heaptrack."$program" ] || heaptrack=$(median heaptrack."$program")
    [ ! -e heaptrack-raw."$program" ] || raw=$(median heaptrack-raw."$program")
    echo "$program $events $(median bare."$program") $(median dearth-run."$program") $(median dearth."$program") $heaptrack $raw $exact $data $(cat size."$program") $(median no-symbols."$program")" |
        tee -a rows | awk '
            function s(ns) { return ns ? sprintf("%.3f s", ns / 1e9) : "-" }
            function r(a, b) { return a && b ? sprintf("%.2f", a / b) : "-" }
            {
                printf "| %s | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %.0f ms | %.2f, %.2f | %s |\n", $1, $2, s($3), s($4), s($5), s($6), s($7),
                    r($4, $3), r($5, $3), r($6, $5), r($7, $4), r($7, $11), ($5 - $4) / 1e6, $9 / $2, $10 / $2, $8 ? "yes" : "no"
            }'
}

# cpu_row PROGRAM: medians of its processor time.
cpu_row() {
    local program=$1 way
    for way in bare dearth no-symbols heaptrack heaptrack-raw; do
        if [ -e "$way.$program.cpu" ]; then median "$way.$program.cpu"; else echo 0; fi
    done | tr '\n' ' ' | tee -a cpu_rows | awk -v program="$program" '
        function s(ns) { return ns ? sprintf("%.3f s", ns / 1e9) : "-" }
        function r(a, b) { return a && b ? sprintf("%.2f", a / b) : "-" }
        { printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", program, s($1), s($2), s($3), s($4), s($5), r($2, $1), r($2, $5), r($3, $5) }'
    echo >>cpu_rows
}

# The table grows as programs are done, so that a run that is cut short is not lost.
echo "Medians of $rounds rounds, $([ ${#pin[@]} -eq 0 ] && nproc || echo "one of $(nproc)") processors, load $(cut -d' ' -f1 /proc/loadavg) at the start, $(uname -m), $("$dearth" --version)."
echo
echo "- *dearth, run*: until the program has ended; *dearth, all*: until the database is complete, symbols included."
echo "- *after the end*: dearth, all - dearth, run: until the command has returned, and its start before the program's; names kept."
echo "- *bytes/event*: of the compressed events, and of the whole database."
echo
echo "| program | events | bare | dearth, run | dearth, all | heaptrack | heaptrack --raw | run / bare | all / bare | heaptrack / all | raw / run | raw / --no-symbols | after the end | bytes/event | exact |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
for program in "${order[@]}"; do
    for round in $(seq 0 "$rounds"); do
        for way in "${ways[@]}"; do
            run "$way" "$program"
        done
        echo "$program: round $round of $rounds" >&2
    done
    row "$program"
done
awk '
    function note(i, a, b) { if (a && b) { sum[i] += log(a / b); n[i]++; if (a / b > top[i]) top[i] = a / b } }
    function mean(i) { return n[i] ? sprintf("%.2f", exp(sum[i] / n[i])) : "-" }
    { note(1, $4, $3); note(2, $5, $3); note(3, $6, $5); note(4, $7, $4); note(5, $7, $11) }
    END {
        printf "| **geometric mean** | | | | | | | **%s** | **%s** | **%s** | **%s** | **%s** | | | |\n", mean(1), mean(2), mean(3), mean(4), mean(5)
        printf "| worst | | | | | | | %.2f | %.2f | | | | | | |\n", top[1], top[2]
    }' rows

echo
echo "Processor time, user and system, of all that was started:"
echo
echo "| program | bare | dearth | --no-symbols | heaptrack | heaptrack --raw | dearth / bare | dearth / raw | --no-symbols / raw |"
echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
for program in "${order[@]}"; do
    cpu_row "$program"
done
awk '
    function note(i, a, b) { if (a && b) { sum[i] += log(a / b); n[i]++ } }
    function mean(i) { return n[i] ? sprintf("%.2f", exp(sum[i] / n[i])) : "-" }
    { note(1, $2, $1); note(2, $2, $5); note(3, $3, $5) }
    END { printf "| **geometric mean** | | | | | | **%s** | **%s** | **%s** |\n", mean(1), mean(2), mean(3) }' cpu_rows
