#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What --health says while a program comes up is its own matter; when it never succeeds, its last words are
# shown, once. A command that cannot be run is told at once.
# tags: waits
. "$(dirname "$0")/../lib.sh"

status 125 "$DEARTH" record --health 'echo "nobody
answers at 7" >&2; false' --ready-timeout 1s --drive true -- sleep 20
contains err 'it last said: nobody\nanswers at 7'
equal 1 "$(grep -c 'answers at 7' err)" 'how often'

status 125 "$DEARTH" record --health no-such-command --ready-timeout 1s --drive true -- sleep 20
contains err 'the --health command cannot be run (status 127)'
equal 1 "$(grep -c 'no-such-command' err)" 'a command that there is none of'
status 125 "$DEARTH" record -q --health no-such-command --ready-timeout 1s --drive true -- sleep 20
equal 1 "$(grep -c 'no-such-command' err)" 'with -q'

# Endless words, and none, do no harm; one that comes up in the end says nothing.
status 125 "$DEARTH" record --health 'yes >&2' --ready-timeout 1s --drive true -- sleep 20
[ "$(wc -c <err)" -lt 8000 ] || fail 'endless'
status 0 "$DEARTH" record --health 'test -e ready || { echo not yet >&2; : >ready; false; }' --drive true -- sleep 20
lacks err 'not yet'
