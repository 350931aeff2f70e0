#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# System V objects, message queues and POSIX shared memory that attempts leave are gone after each of
# them, and were never anybody else's; what is hidden from a program that uses it is said.
. "$(dirname "$0")/../lib.sh"
need ipcs ipcmk ipcrm

# objects: what there is of them on this machine
objects() {
    ipcs -m -s -q | grep -ciE "$1" || :
}

key=$(printf '0x%08x' $((0x5ea00000 + $$)))
for how in rerun snapshot; do
    for program in ipc-left ipc-left-fixed; do
        rm -f ipc.db*
        record -o ipc.db -- "$PROGRAMS/$program" "$key" >/dev/null
        replay --how "$how" --jobs 2 ipc.db
        ! grep -q 'no IPC namespace' err || skip 'no IPC namespace is to be had here'
        for function in new_job new_result; do
            equal reported "$(site_verdicts ipc.db once $function)" "$program by $how: $function"
        done
        equal 3 "$(sql ipc.db "SELECT DISTINCT exit_code FROM attempt JOIN site ON site.id = site_id
            JOIN location l ON l.id = location_id WHERE l.function = 'new_job' AND fired")" \
            "$program by $how: each attempt began without them"
        equal 0 "$(objects "$key")" "$program by $how: left behind"
        [ ! -e "/dev/shm/ipc-left-${key#0x}" ] || fail 'shared memory was left behind'
    done
done

# A segment that was there before: attempts do not see it, and that is said.
id=$(ipcmk -M 4096 | grep -oE '[0-9]+$')
trap 'ipcrm -m "$id"; rm -rf "$work"' EXIT
record -o seen.db -- "$PROGRAMS/ipc-seen" "$id" >/dev/null
replay seen.db
contains err 'if it uses them: --share ipc'
equal 1 "$(sql seen.db "SELECT count(*) FROM note WHERE kind = 'hidden_ipc'")" 'the note'
rm -f seen.db*
record -o seen.db -- "$PROGRAMS/ipc-seen" "$id" >/dev/null
replay --share ipc seen.db
lacks err 'without any fault the program ends with'
contains err 'as asked for by --share ipc'
