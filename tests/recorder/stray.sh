#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that writes over the memory that it shares with dearth: it goes on to its end, which a ring
# that nobody reads any more does not hold up; the recording is exact only when it has everything, and
# what it has and what it has lost are what the program has made.
. "$(dirname "$0")/../lib.sh"

record() { # WORDS...: a recording in s.db; what the program made in `made`
    rm -f s.db s.db-wal s.db-shm
    timeout 100 "$DEARTH" record --no-symbols -o s.db -- "$PROGRAMS/stray" "$@" >out 2>err ||
        { cat err >&2; fail "stray $*: status $?"; }
    made=$(sed -n 's/^made //p' out)
}

figures() { # COLUMNS
    sql s.db "SELECT $1 FROM recording"
}

record flips 1 0
equal "1|0|0" "$(figures 'exact, events_lost, rings_damaged')" 'nothing written over: exact, lost, damaged'
whole=$(figures 'events || " " || bytes')
own=$((${whole% *} - made)) # beside what it counts: threads, stdio

for seed in 1 2 3 4; do
    for how in flips words; do
        for n in 4 300; do
            record "$how" "$seed" "$n"
            if [ "$(figures exact)" = 1 ]; then
                equal "$whole" "$(figures 'events || " " || bytes')" "$how $seed $n, exact: calls, bytes"
                continue
            fi
            (( $(figures 'rings_damaged') > 0 )) || fail "$how $seed $n: not exact, and why is not said"
            contains err 'written over'
            # a number that was itself written over may say anything: what it said then is looked at above
            total=$(figures 'events + events_lost')
            (( $(figures 'events') <= made + own )) || fail "$how $seed $n: $total calls of $made"
        done
    done
done

# The header, with 0 and with 1 bits; a process's own blocks; one word of the newest ring.
for where in '0 0 65536' '255 0 65536' '255 65536 1000000' '0 65536 1000000'; do
    # shellcheck disable=SC2086 # three words
    record wipe $where
    equal 'complete|0|1' "$(figures 'state, exact, rings_damaged > 0')" "wiped $where"
    contains err 'written over'
done

"$DEARTH" report s.db --format json >report.json
python3 - <<'P'
import json
c = json.load(open("report.json"))["completeness"]
assert not c["exact"] and c["rings_damaged"] > 0, c
P
"$DEARTH" report s.db >text
contains text 'written over'

# Its file is cut off: that ends the program, not dearth. Its folder is removed: that is said.
rm -f s.db
"$DEARTH" record -q --no-symbols -o s.db -- "$PROGRAMS/stray" cut >out 2>err || :
equal 'complete|0|1' "$(figures 'state, exact, rings_damaged > 0')" 'file cut off'
record remove
equal '0|1' "$(figures "exact, events >= $made")" 'folder removed: exact, all calls'
contains err 'was removed while'
