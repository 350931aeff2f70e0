#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The C++ runtime sets a reserve aside when a program starts. That a program ends by std::terminate when
# this very allocation failed is the runtime's doing, no policy of a program that catches bad_alloc.
. "$(dirname "$0")/../lib.sh"
need sqlite3
[ -x "$PROGRAMS/partly-caught" ] || skip 'no C++ compiler'
few=(-q --leaks off --guard off --fail-on policy)

status 0 "$DEARTH" check -o caught.db "${few[@]}" -- "$PROGRAMS/partly-caught"
equal 'aborted libstdc++' "$(sql caught.db "SELECT group_concat(verdict || ' ' || attributed_to) FROM finding WHERE severity = 'policy'")" 'the reserve'
status 1 "$DEARTH" check -o uncaught.db "${few[@]}" -- "$PROGRAMS/badalloc"
equal 'program' "$(sql uncaught.db "SELECT group_concat(DISTINCT attributed_to) FROM finding WHERE severity = 'policy' AND attributed_to <> 'libstdc++'")" 'what the program does not catch'
