#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What does a page cost? Of 35,000, 100,000 and 1,000,000 sites: its size, the processor's time and the memory for writing
# it, how soon it is open in Chromium, a frame while the timeline is brushed, a search.
#
#   tests/bench/page.sh DEARTH [ROUNDS] >table.md
#
# The first two are recordings of many_stacks.c; the third is the second with ten sites for each (multiply_sites.py).
# Medians of ROUNDS (5) for writing and opening. Brushing and searching are the page's own time on the processor (its main
# thread's), drawing included. No test: nothing fails when it is slow. Needs sqlite3's module for python3, node, chromium.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
dearth=$(readlink -f "${1:?the dearth to measure}")
rounds=${2:-5}
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA
work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
"${CC:-cc}" -O1 -fno-inline -o many_stacks "$here/many_stacks.c"

echo '| sites | page, MB | written, s (processor) | memory, MiB | opened, ms | of that on the processor | brushed, ms a frame | searched, ms |'
echo '| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
for sites in 35000 100000 1000000; do
    echo "$sites sites" >&2
    if [ "$sites" = 1000000 ]; then
        python3 "$here/multiply_sites.py" sites.db 10
    else
        rm -f sites.db
        "$dearth" record -q -o sites.db -- ./many_stacks "$sites"
    fi
    for _ in $(seq "$rounds"); do
        python3 - "$dearth" <<'P'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "view", "-q", "sites.db", "-o", "page.html"], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{used.ru_utime:.2f} {used.ru_maxrss / 1024:.0f}")
P
    done | sort -n | sed -n "$(((rounds + 1) / 2))p" >written
    read -r seconds memory <written
    size=$(awk -v n="$(stat -c %s page.html)" 'BEGIN { printf "%.2f", n / 1e6 }')
    echo "| $sites | $size | $seconds | $memory | $(node "$here/page.js" page.html "$rounds") |"
done
