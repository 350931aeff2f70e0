#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that is process 1 of a pid namespace (containers, unshare): the kernel drops deadly signals of
# it while it is traced. It dies of its fault all the same, and what it died of is told.
. "$(dirname "$0")/../lib.sh"
need unshare jq
unshare -rpf true 2>/dev/null || skip 'no user and pid namespaces here'

# PROGRAM VERDICT
in_namespace() {
    "$DEARTH" check -o "$1.db" --timeout 2s --mode once --in "*/$1" -- unshare -rpf "$PROGRAMS/$1" >out 2>&1 || :
    "$DEARTH" report "$1.db" --format json >"$1.json"
    equal "$2" "$(jq -r '[.findings[].verdict] | unique | join(" ")' "$1.json")" "$1 as process 1"
}
in_namespace crashed crashed
equal SIGSEGV "$(jq -r '.findings[0].crash.signal' crashed.json)" 'the signal'
equal true "$(jq '.findings[0].crash.stack | any(.[]; .function == "main")' crashed.json)" 'its stack goes to main'
in_namespace segv-handler crashed
in_namespace aborted aborted
in_namespace assertion crashed
in_namespace handled ''
in_namespace reported ''
