#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program's own face: help, version, and errors that name what was wrong.
. "$(dirname "$0")/../lib.sh"

commands=$("$DEARTH" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
for command in record replay report repro check view; do
    grep -qx "$command" <<<"$commands" || fail "dearth --help does not list $command"
done
status 0 "$DEARTH" --version
grep -qE '^dearth [0-9]+\.[0-9]+\.[0-9]+$' out || fail "version: $(cat out)"
status 2 "$DEARTH"
contains err usage
status 2 "$DEARTH" no-such-command
contains err no-such-command
for command in $commands; do
    status 0 "$DEARTH" "$command" --help
    contains out "usage: dearth $command"
    [ ! -s err ] || fail "help of $command on standard error"
    wanted=2
    [[ $command != record && $command != wrap ]] || wanted=125
    status "$wanted" "$DEARTH" "$command" --no-such-option
    contains err no-such-option
done
[ -z "$(find . -type f ! -name out ! -name err)" ] || fail "files were made: $(find . -type f)"
