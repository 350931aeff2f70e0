#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program that takes a port, or an abstract socket name, is run one at a time, which is said; no verdict
# comes from an attempt that another one got in the way of.
. "$(dirname "$0")/../lib.sh"

# free_port: one below those that the kernel hands out by itself.
free_port() {
    local port
    for port in $(seq $((20000 + $$ % 5000)) 32000); do
        printf -v hex ':%04X ' "$port"
        grep -qF "$hex" /proc/net/tcp /proc/net/tcp6 2>/dev/null || break
    done
    echo "$port"
}

port=$(free_port)
for way in tcp name late; do
    rm -f dearth.db*
    record -- "$PROGRAMS/port" "$way" "$port" >/dev/null
    replay --jobs 4 --how rerun --mode both
    contains err 'they run one at a time'
    [ "$way" = name ] || contains err "port $port"
    equal 1 "$(sql dearth.db "SELECT count(*) FROM note WHERE kind = 'one_job'")" "$way: notes"
    equal 1 "$(sql dearth.db 'SELECT jobs FROM replay')" "$way: jobs"
    for function in new_job new_result; do
        for mode in once sticky; do
            equal reported "$(site_verdicts dearth.db $mode $function)" "$way: $function $mode"
        done
    done
    equal 3 "$(sql dearth.db "SELECT DISTINCT exit_code FROM attempt JOIN site ON site.id = site_id
        JOIN location l ON l.id = location_id WHERE l.function = 'new_job'")" "$way: nobody met another"
done

# Who takes none keeps its jobs.
rm -f dearth.db*
record -- "$PROGRAMS/port" none >/dev/null
replay --jobs 4 --how rerun
lacks err 'one at a time'
equal 4 "$(sql dearth.db 'SELECT jobs FROM replay')" 'jobs'
