#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program whose error path writes over the memory that it shares with dearth, and with it over the
# proof that a call failed: each site has its own verdict all the same, and none spoils the next one's.
. "$(dirname "$0")/../lib.sh"

for how in rerun auto; do
    for wild in 0 1 2 3 5; do
        rm -f d.db
        status 0 "$DEARTH" check -o d.db --how "$how" -- "$PROGRAMS/stray" fails "$wild"
        (( wild == 5 )) || contains out 'wrote over the memory'
        equal '4|0' "$(sql d.db "SELECT count(DISTINCT site_id) FILTER (WHERE verdict = 'reported' AND fired),
            count(*) FILTER (WHERE verdict <> 'reported') FROM attempt")" "$how, wild $wild: reported, others"
    done
done

# The same where attempts share their files: the session's folder is really removed, and made again.
rm -f d.db
status 0 "$DEARTH" check -o d.db --how rerun --isolation shared -- "$PROGRAMS/stray" fails 4
equal '4|0' "$(sql d.db "SELECT count(DISTINCT site_id) FILTER (WHERE verdict = 'reported' AND fired),
    count(*) FILTER (WHERE verdict <> 'reported') FROM attempt")" 'folder removed: reported, others'

# No wild write, no word of it.
rm -f d.db
status 0 "$DEARTH" check -o d.db --how rerun -- "$PROGRAMS/stray" fails 9
lacks out 'wrote over the memory'
