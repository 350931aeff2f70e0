# SPDX-License-Identifier: Apache-2.0
# tests/replayer/sweep-lib.sh: what the tests of sweeps share: a port, a client.
# shellcheck shell=bash
# tags: part

# free_port: one that nobody listens on; tests that run at the same time get different ones.
free_port() {
    local port=$((20000 + $$ % 10000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((port + 1))
    done
    echo "$port"
}

# make_client PORT: ./ask REQUEST prints the server's answer; status 1 when there is none, 2 for "no memory".
make_client() {
    cat >ask <<END
#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/$1 || exit 1
echo "\$1" >&3
IFS= read -r answer <&3 || exit 1
echo "\$answer"
[ "\$answer" != "no memory" ] || exit 2
END
    chmod +x ask
}
