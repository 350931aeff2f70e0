#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The program sees the environment, working directory, descriptors and limits that it would have
# without dearth, and what it prints is not touched.
. "$(dirname "$0")/../lib.sh"

env -i A=1 B='two words' PATH="$PATH" LD_LIBRARY_PATH=/nowhere env >plain
env -i A=1 B='two words' PATH="$PATH" LD_LIBRARY_PATH=/nowhere \
    "$DEARTH" record -- env >seen 2>err
cmp plain seen || fail "environment differs: $(diff plain seen)"

observe='pwd; umask; ulimit -a; ls /proc/self/fd; cat /proc/self/cmdline | tr "\0" " ";
    grep -E "^(SigBlk|SigIgn|SigCgt|NoNewPrivs|Seccomp)" /proc/self/status; nice; ps -o comm= -p $$'
sh -c "$observe" >plain </dev/null
"$DEARTH" record -o two.db -- sh -c "$observe" >seen 2>err </dev/null
cmp plain seen || fail "surroundings differ: $(diff plain seen)"

head -c 300000 /dev/urandom >bytes
"$DEARTH" record -o three.db -- cat bytes 2>err | cmp - bytes || fail 'standard output differs'
echo 'ok: output passes'
