#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real server in one command: redis, driven by its own client. Its allocator may be jemalloc inside
# the executable's libraries or libc's; it gives up by policy when memory runs out.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
. "$SOURCE/tests/replayer/sweep-lib.sh"
need redis-server redis-cli

port=$(free_port)
cli="redis-cli -p $port"
status 0 "$DEARTH" check -o redis.db --fail-on none --mode once --limit 25 \
    --health "$cli ping | grep -q PONG" \
    --drive "$cli set k v && $cli get k && $cli lpush l a b c && $cli lrange l 0 -1 && $cli del k l" \
    --report report.json -- redis-server --port "$port" --save '' --bind 127.0.0.1
tail -n 30 out
contains report.json '"sweep"'
equal 1 "$(sql redis.db "SELECT count(*) > 0 FROM attempt WHERE how = 'sweep' AND fired")" 'failures in a sweep'
equal 0 "$(sql redis.db "SELECT count(*) FROM attempt WHERE fired = 0 AND verdict <> 'unreached'")" \
    'verdicts without proof'
id=$(sql redis.db "SELECT min(id) FROM finding WHERE severity IN ('bug', 'policy') AND bad = tried")
if [ -n "$id" ]; then
    status 0 "$DEARTH" repro redis.db "$id"
    contains err 'showed again'
fi
equal '' "$(pgrep -f "redis-server.*:$port" || :)" 'servers left'
