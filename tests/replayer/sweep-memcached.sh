#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real server with threads in one command: memcached, driven by a few lines of its protocol. What its
# worker threads ask for is failed like the rest.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
. "$SOURCE/tests/replayer/sweep-lib.sh"
need memcached

port=$(free_port)
cat >ask <<END
#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/$port || exit 1
printf '%s\r\n' "\$@" quit >&3
cat <&3
END
chmod +x ask
status 0 "$DEARTH" check -o memcached.db --fail-on none --mode once --repeat 1 --limit 8 \
    --health './ask version | grep -q VERSION' \
    --drive './ask "set k 0 0 3" abc "get k" "append k 0 0 2" de "get k" "delete k"' \
    --report report.json -- memcached -u "$(id -un)" -l 127.0.0.1 -p "$port" -U 0 -t 2
tail -n 30 out
contains report.json '"sweep"'
equal 1 "$(sql memcached.db "SELECT count(*) > 0 FROM attempt WHERE how = 'sweep' AND fired")" 'failures in a sweep'
equal 1 "$(sql memcached.db "SELECT count(*) > 0 FROM attempt WHERE fired AND fired_tid <> fired_pid")" \
    'failures in its worker threads'
equal 0 "$(sql memcached.db "SELECT count(*) FROM attempt WHERE fired = 0 AND verdict <> 'unreached'")" \
    'verdicts without proof'
equal '' "$(pgrep -f "memcached.*-p $port" || :)" 'servers left'
