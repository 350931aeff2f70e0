#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A site that does not come up in every run is unreached then, never ok without proof.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/random-site" >/dev/null
for _ in $(seq 6); do
    replay --mode once --retest
done
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE (fired = 0) <> (verdict = 'unreached')")" \
    'proof and verdict disagree'
equal reported "$(site_verdicts dearth.db once 'new_heads' | sed 's/+unreached//; s/^unreached$/reported/; s/^$/reported/')" heads
equal reported "$(site_verdicts dearth.db once 'new_tails' | sed 's/+unreached//; s/^unreached$/reported/; s/^$/reported/')" tails
