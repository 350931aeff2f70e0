#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Of the many sites of a location a few are looked at for leaks: those that are most unlike, and the same
# ones whether whole programs ran or copies, although their attempts end in different orders.
. "$(dirname "$0")/../lib.sh"
record -- "$PROGRAMS/leak-ways"
for how in rerun snapshot; do
    cp dearth.db $how.db
    "$DEARTH" replay -q --how $how --jobs 4 --mode once --guard off $how.db >err 2>&1 || [ $? = 1 ] || fail "$(cat err)"
    sql $how.db "SELECT DISTINCT hex(key) FROM attempt JOIN site ON site.id = site_id JOIN location l ON l.id = location_id
        WHERE leaked IS NOT NULL AND function = 'ask' ORDER BY 1" >$how.sites
    equal 3 "$(wc -l <$how.sites)" "$how: sites of one line that were looked at"
    equal 1 "$(sql $how.db "SELECT count(DISTINCT site_id) FROM attempt JOIN site ON site.id = site_id
        JOIN location l ON l.id = location_id WHERE leaked > 0 AND function = 'ask'")" "$how: the rare way's leak"
done
cmp rerun.sites snapshot.sites || fail 'other sites were looked at in copies'
echo 'ok: the same sites'
