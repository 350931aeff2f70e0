#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a process may hold when it is copied: the copy uses it up, the original must not notice. What
# cannot be made private is left to rerun, with the reason; either way the verdict is the same.
# tags: waits
. "$(dirname "$0")/../lib.sh"

echo 'what the file holds' >input

# try WHAT HOW [REASON]
# Of a pipeline the shell decides how it ends: two classes of two failures are left to whole runs for that.
try() {
    rm -f dearth.db*
    if [ "$1" = ended ]; then
        record -- sh -c 'printf "what the pipe held" | "$1" input' sh "$PROGRAMS/snapshot" >recorded
    elif [ "$1" = endless ]; then
        record -- sh -c 'yes | "$1" endless' sh "$PROGRAMS/snapshot" >recorded
    elif [ "$1" = input ]; then
        printf 'what the pipe held' | record -- "$PROGRAMS/snapshot" "$1" >recorded
    else
        record -- "$PROGRAMS/snapshot" "$1" >recorded </dev/null
    fi
    replay --leaks off --how snapshot --mode both --jobs "${jobs-2}" --timeout 60 --in 'new_*' --in '*/yes'
    for function in new_buffer new_second; do
        for mode in once sticky; do
            equal reported "$(site_verdicts dearth.db $mode $function)" "$1: $function $mode"
        done
    done
    how=$(sql dearth.db "SELECT group_concat(DISTINCT how) FROM attempt JOIN site ON
        site.id = site_id JOIN location ON location.id = location_id
        WHERE function LIKE 'new_%' AND under <> 'again'")
    refused=$(sql dearth.db "SELECT group_concat(DISTINCT reason) FROM refused JOIN site ON
        site.id = site_id JOIN location ON location.id = location_id
        WHERE function LIKE 'new_%'")
    equal "${3-}" "$refused" "$1: refused"
    equal "$2" "$how" "$1: how"
    equal 0 "$(sql dearth.db "SELECT count(*) FROM attempt WHERE fired = 0")" "$1: without proof"
}

for what in nothing cloexec file pipe pair eventfd lock group written writes input; do
    try $what snapshot
done
equal 'whaE' "$(head -c 3 recorded)E" 'the pipe was read'
# One copy's standard output is not the next one's.
for what in flags size mode; do
    jobs=1 try $what snapshot
done
try ended rerun parent_decides
equal 'whainput: t the pipe held' "$(cat recorded)" 'the pipe of who has ended was read'
try endless rerun pipe
try thread rerun threads
try child rerun children
try timer rerun timer
try mapping rerun shared_mapping
try listener rerun socket
try epoll rerun descriptor
# A System V queue is in no table of the process: it shows by what the original does then.
# Where attempts have an IPC namespace of their own, it shows there.
try queue rerun "$(unshare --ipc true 2>/dev/null || unshare --user --ipc true 2>/dev/null && echo ipc || echo diverged)"
contains err 'no snapshot of'

# Its rows are taken back by whoever finds out first: the reruns must not get their ids.
rm -f dearth.db*
record -- "$PROGRAMS/snapshot" queue </dev/null >recorded
apart=(unshare --ipc) # what attempts leave is gone with it
"${apart[@]}" true 2>/dev/null || apart=()
"${apart[@]}" "$DEARTH" replay --leaks off --how snapshot --mode both --jobs 1 --share ipc >err 2>&1
equal 1 "$(sql dearth.db 'SELECT min(id) > 1 FROM attempt')" 'queue: ids of void attempts stay free'
