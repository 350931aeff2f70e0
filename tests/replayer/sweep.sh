#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many faults in one server: each of its flaws is found at its own site, whenever it shows, with a
# command that shows it again; the corrected twin has none.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
. "$SOURCE/tests/replayer/sweep-lib.sh"

port=$(free_port)
make_client "$port"
cp "$PROGRAMS/server" "$PROGRAMS/server-fixed" .
drive='./ask "echo hello" && ./ask "say hi" && ./ask list && ./ask table && ./ask late && ./ask pair'
health='[ "$(./ask health)" = healthy ]'
options=(--drive "$drive" --health "$health")

record "${options[@]}" -- ./server "$port"
none_below "$work"
replay "${options[@]}" --timeout 2s --repeat 1 --mode once
cat err
contains err 'by sweep'

# FUNCTION VERDICT ARMED
while read -r function verdict armed; do
    equal "$verdict" "$(sql dearth.db "SELECT group_concat(DISTINCT f.verdict) FROM finding f JOIN location l
        ON l.id = f.location_id JOIN attempt a ON a.id = f.attempt_id
        WHERE l.function = '$function' AND a.armed = '$armed'")" "finding at $function"
    id=$(sql dearth.db "SELECT min(f.id) FROM finding f JOIN location l ON l.id = f.location_id
        WHERE l.function = '$function'")
    status 0 "$DEARTH" repro dearth.db "$id"
    contains err 'showed again'
done <<'END'
get_buffer crashed serving
get_list hung serving
get_table hung serving
get_late crashed serving
read_config crashed start
END
equal 5 "$(sql dearth.db 'SELECT count(*) FROM finding')" 'findings, and no other'
equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE fired = 0 AND verdict <> 'unreached'")" \
    'verdicts without proof'
# What earlier faults together have caused is nobody's alone: said, and no finding.
equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'blame_unconfirmed'
    AND text LIKE '%crashed in the sweep, but not in a program of its own: no finding%'")" 'blame that was not confirmed'
equal 'reported|0' "$(sql dearth.db "SELECT group_concat(DISTINCT verdict), sum(severity = 'bug') FROM attempt
    JOIN site ON site.id = site_id JOIN location l ON l.id = location_id WHERE l.function = 'get_right'")" \
    'what is left is what it did alone'
# In one process: fewer starts than attempts.
"$DEARTH" report dearth.db -o report.json
contains report.json '"sweep"'
none_below "$work"

# Nothing is done twice.
attempts=$(sql dearth.db 'SELECT count(*) FROM attempt')
replay --timeout 2s --repeat 1 --mode once
contains err 'by sweep, as before'
equal "$attempts" "$(sql dearth.db 'SELECT count(*) FROM attempt')" 'attempts after another replay'

# The twin, in one command; both modes in turn, in one process.
status 0 "$DEARTH" check -o fixed.db "${options[@]}" -- ./server-fixed "$port"
equal 0 "$(sql fixed.db 'SELECT count(*) FROM finding')" 'findings in the corrected twin'
equal 0 "$(sql fixed.db "SELECT count(*) FROM note WHERE kind = 'blame_unconfirmed'")" 'and nothing unconfirmed'
equal 0 "$(sql fixed.db "SELECT count(*) FROM attempt WHERE verdict NOT IN ('handled', 'reported')")" \
    'verdicts of the twin that are neither handled nor reported'
equal 0 "$(sql fixed.db "SELECT count(*) FROM attempt WHERE mode = 'once' AND also_failed > 0")" \
    'single failures after which another call failed'
none_below "$work"
