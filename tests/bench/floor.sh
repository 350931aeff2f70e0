#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does a site cost 'dearth replay' beyond the least that testing it in a copy can cost?
#
#   tests/bench/floor.sh [-n ROUNDS] [-P "PROGRAM..."] DEARTH... >table.md
#
# The least is floor.c: at each new stack the process is copied, the call fails in the copy, the original waits; nothing
# is recorded, judged or kept apart. One round runs everything once, in turn; medians of ROUNDS (5) rounds:
#
#   bare      the program
#   look      with floor.c, which looks at stacks and copies nothing
#   copy      with floor.c: each site once in a copy
#   all       dearth replay --how snapshot, each site's first call once, nothing repeated or looked at again, one at a time
#   one       the same of a single site: what a replay costs before it comes to sites
#   check     dearth check, all of it
#
#   floor     copy less look, for each of its sites
#   own       all less one, for each site but that one, less floor: in dearth's main process, in its worker, in the
#             original and in the copies; and of what these two take how much is user and how much system time
#
# And of check how much of its time its copies take. Processor time, user and system, of everything that was started
# (own_time.c has it of dearth's processes); the single site is the one whose copy took least. A part may be less than
# nothing where dearth does it for less than floor.c.
# No test: nothing fails when it is slow. Progress goes to standard error, Markdown to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
rounds=5 programs=''
while getopts n:P: option; do
    case $option in
    n) rounds=$OPTARG ;;
    P) programs=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
builds=()
for build in "${@:?the dearths to measure}"; do
    builds+=("$(readlink -f "$build")")
done
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
TIMEFORMAT='%U %S'

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache
for library in floor own_time; do
    "${CC:-cc}" -O2 -fPIC -shared -o "$library.so" "$here/$library.c"
done

# --- programs: what each does is done in a few milliseconds ---

cp "$here/../data/sample.json" in.json
echo '<r><e id="1"><n>name</n></e><e id="2"/></r>' >in.xml
echo hello >in.txt
mkdir repository
git -C repository init -q
for i in 1 2 3; do
    git -C repository -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m "commit $i"
done

command_of() {
    case $1 in
    jq) line=(jq . in.json) ;;
    git) line=(git -C repository log) ;;
    sqlite3) line=(sqlite3 :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t') ;;
    xmllint) line=(xmllint in.xml) ;;
    curl) line=(curl -s "file://$work/in.txt") ;;
    *)
        echo "no such program here: $1" >&2
        exit 2
        ;;
    esac
}
read -ra order <<<"${programs:-jq git curl sqlite3 xmllint}"

# --- one run: a line of numbers, microseconds, is added to a file ---

# by_floor HOW: 'sites original copies user system', the last two of both
by_floor() {
    rm -f floor.out
    FLOOR=$1 FLOOR_OUT=$work/floor.out LD_PRELOAD=$work/floor.so "${line[@]}" >out 2>err </dev/null
    awk '{ print $1, $2 + $3, $4 + $5, $2 + $4, $3 + $5 }' floor.out >>"$program.$1"
}

# What rows that one copy stands for took was taken once.
copied="SELECT coalesce(sum(ns), 0) / 1000 FROM
    (SELECT max(cpu_ns) AS ns FROM attempt WHERE how = 'snapshot' GROUP BY started_unix_ns)"

# by_dearth FILE DATABASE COMMAND...: 'all main worker original+copies copies user system sites'; 2 and above are
# failures, a gate that fails is not.
by_dearth() {
    local file=$1 db=$2 status=0
    shift 2
    rm -f own.out
    OWN_TIME=$work/own.out LD_PRELOAD=$work/own_time.so "$@" >out 2>err </dev/null || status=$?
    [ "$status" -lt 2 ] || {
        cat err >&2
        return "$status"
    }
    awk -v copies="$(sqlite3 "$db" "$copied")" \
        -v sites="$(sqlite3 "$db" "SELECT count(DISTINCT site_id) FROM attempt WHERE how = 'snapshot'")" '
        $1 == "main" { main = $2 + $3; others = $4 + $5 }
        $1 == "worker" { user += $4; system_ += $5 }
        END { print main + others, main, others - user - system_, user + system_, copies, user, system_, sites }' own.out >>"$file"
}

options=(--how snapshot --mode once --occurrence first --repeat 0 --guard off --leaks off --jobs 1)

run() {
    local n dearth
    { time "${line[@]}" >out 2>err </dev/null; } 2>cost.txt
    awk '{ print ($1 + $2) * 1000000 }' cost.txt >>"$program.bare"
    by_floor look
    by_floor copy
    for n in "${!builds[@]}"; do
        dearth=${builds[$n]}
        cp "$program.$n.record.db" all.db
        cp "$program.$n.record.db" one.db
        by_dearth "$program.$n.all" all.db "$dearth" replay -q "${options[@]}" all.db
        [ -s "$program.$n.key" ] || sqlite3 all.db "SELECT lower(hex(s.key)) FROM attempt a JOIN site s ON s.id = a.site_id
            WHERE a.how = 'snapshot' ORDER BY a.cpu_ns LIMIT 1" >"$program.$n.key"
        by_dearth "$program.$n.one" one.db "$dearth" replay -q "${options[@]}" --site "$(cat "$program.$n.key")" one.db
        rm -f check.db
        by_dearth "$program.$n.check" check.db "$dearth" check -q -o check.db -- "${line[@]}"
    done
}

# --- tables ---

# median FILE COLUMN
median() {
    cut -d' ' -f"$2" "$1" | sort -g | awk '{ v[NR] = $1 } END { printf "%.0f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# medians FILE COLUMNS: all of them, on one line
medians() {
    local column
    for column in $(seq "$2"); do
        printf '%s ' "$(median "$1" "$column")"
    done
}

row() {
    local n
    for n in "${!builds[@]}"; do
        echo "$(median "$program.bare" 1) $(medians "$program.look" 5) $(medians "$program.copy" 5)" \
            "$(medians "$program.$n.all" 8) $(medians "$program.$n.one" 8)" |
            awk -v program="$program" -v build="$((n + 1))" '{
                bare = $1; sites = $7; sites_here = $19; rest = sites_here - 1
                floor_original = ($8 - $3) / sites; floor_copies = $9 / sites
                floor_user = ($10 - $5) / sites; floor_system = ($11 - $6) / sites
                all = ($12 - $20) / rest; main = ($13 - $21) / rest; worker = ($14 - $22) / rest
                copies = ($16 - $24) / rest; original = ($15 - $23) / rest - copies
                printf "| %s | %d | %d | %d%s | %.0f | %.0f | %.0f | **%.0f** | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.1f | %.1f |\n",
                    program, build, sites, sites_here, sites == sites_here ? "" : " (!)", floor_original + floor_copies,
                    ($12 - bare) / sites_here, all, all - floor_original - floor_copies, main, worker,
                    original - floor_original, copies - floor_copies,
                    ($17 - $25) / rest - floor_user, ($18 - $26) / rest - floor_system, bare / 1000, $20 / 1000
            }' >>sites.md
        medians "$program.$n.check" 8 |
            awk -v program="$program" -v build="$((n + 1))" '{
                printf "| %s | %d | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f |\n", program, build, $1 / 1000, $5 / 1000,
                    $5 ? $1 / $5 : 0, $2 / 1000, $3 / 1000, ($4 - $5) / 1000
            }' >>check.md
    done
}

echo "Medians of $rounds rounds in turn, load $(cut -d' ' -f1 /proc/loadavg) at the start, $(nproc) processors, $(uname -m)."
for n in "${!builds[@]}"; do
    echo "$((n + 1)): $("${builds[n]}" --version)"
done
: >sites.md
: >check.md
for program in "${order[@]}"; do
    command_of "$program"
    command -v "${line[0]}" >/dev/null || {
        echo "$program: not installed" >&2
        continue
    }
    for n in "${!builds[@]}"; do
        "${builds[n]}" record -q -o "$program.$n.record.db" -- "${line[@]}" >out </dev/null
    done
    for round in $(seq "$rounds"); do
        run
        echo "$program: round $round of $rounds" >&2
    done
    row
done
cat <<'E2'

Microseconds of processor time for each site, but for the last two columns, milliseconds of whole commands. `(!)`: not as many
sites as the floor has, which knows no operator new, no memalign, no second process and no site that cannot be failed; both are
divided by their own.

| program | build | sites of floor | of dearth | floor | dearth less bare | dearth | **own** | main | worker | original | copies | their user | system | bare, ms | one site, ms |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
E2
cat sites.md
cat <<'E2'

`check`, milliseconds of processor time: its copies are those that rows of attempts tell of; programs are all else that was run.

| program | build | check | its copies | check / copies | main | workers | programs |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
E2
cat check.md
