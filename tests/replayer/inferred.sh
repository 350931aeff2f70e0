#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The failure of a call and of all that come after it is not run where none came after the failure of
# that call alone: it is said to be the same run. Wherever something was allocated, it is run.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/aftermath"
replay --leaks off --how snapshot --mode both --repeat 0

# shown FUNCTION: mode, status and whether it was inferred, of each attempt
shown() {
    sql dearth.db "SELECT group_concat(line, ' ') FROM (SELECT mode || ':' || exit_code || ':' || inferred AS line
        FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id = location_id
        WHERE function = '$1' ORDER BY mode)"
}
equal 'once:3:0 sticky:3:1' "$(shown ends_at_once)" 'nothing comes after'
equal 'once:3:0 sticky:4:0' "$(shown asks_again)" 'another call'
equal 'once:5:0 sticky:6:0' "$(shown child_asks)" 'a call of a child'
equal 0 "$(sql dearth.db "SELECT max(inferred) FROM attempt JOIN site ON site.id = site_id JOIN location ON
    location.id = location_id WHERE function = 'becomes_another'")" 'a call of another program'

# What a run of its own shows is the same.
cp dearth.db copies.db
rm -f dearth.db*
record -- "$PROGRAMS/aftermath"
replay --leaks off --how rerun --mode both --repeat 0
for function in ends_at_once asks_again child_asks becomes_another; do
    equal "$(sql copies.db "SELECT group_concat(verdict) FROM (SELECT verdict FROM attempt JOIN site ON
        site.id = site_id JOIN location ON location.id = location_id WHERE function = '$function' ORDER BY mode)")" \
        "$(sql dearth.db "SELECT group_concat(verdict) FROM (SELECT verdict FROM attempt JOIN site ON
        site.id = site_id JOIN location ON location.id = location_id WHERE function = '$function' ORDER BY mode)")" \
        "$function: verdicts of reruns"
done
equal 0 "$(sql dearth.db 'SELECT count(*) FROM attempt WHERE inferred')" 'reruns are run'

# Where copies are not worth their original, a whole run says the same, of the call alone.
cp copies.db auto.db
sqlite3 auto.db 'DELETE FROM replay; DELETE FROM attempt; DELETE FROM finding; DELETE FROM finding_attempt; DELETE FROM
    baseline; DELETE FROM baseline_site; DELETE FROM baseline_file'
for function in ends_at_once asks_again child_asks becomes_another; do
    site=$(sql auto.db "SELECT hex(key) FROM site JOIN location ON location.id = location_id WHERE function = '$function'")
    "$DEARTH" replay -q --leaks off --mode both --repeat 0 --site "$site" auto.db
    inferred=0
    [ $function != ends_at_once ] || inferred=1
    equal "once:0:rerun sticky:$inferred:rerun" "$(sql auto.db "SELECT group_concat(line, ' ') FROM (SELECT mode || ':' ||
        inferred || ':' || how AS line FROM attempt JOIN site ON site.id = site_id JOIN location ON location.id =
        location_id WHERE function = '$function' ORDER BY mode)")" "$function: a whole run for both"
done
equal "$(sql dearth.db "SELECT group_concat(line) FROM (SELECT function || mode || verdict || exit_code AS line FROM attempt
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id ORDER BY 1)")" \
    "$(sql auto.db "SELECT group_concat(line) FROM (SELECT function || mode || verdict || exit_code AS line FROM attempt
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id ORDER BY 1)")" 'verdicts of whole runs'

# It is no execution: neither a rate nor the number of attempts counts it.
equal "$(sql copies.db 'SELECT count(*) FROM attempt WHERE NOT inferred')" \
    "$("$DEARTH" report --format json copies.db | jq '.replays[0].attempts')" 'attempts in the report'
