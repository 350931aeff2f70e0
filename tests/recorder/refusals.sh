#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be recorded is said by name, with a status a shell would give.
. "$(dirname "$0")/../lib.sh"

status 127 "$DEARTH" record -- ./no-such-program
contains err no-such-program
status 127 "$DEARTH" record -- no-such-program-in-path
contains err no-such-program-in-path
echo text >not-executable
status 126 "$DEARTH" record -- ./not-executable
contains err not-executable
status 126 "$DEARTH" record -- ./
ln -s round round
status 126 "$DEARTH" record -- ./round
contains err 'symbolic links'
head -c 300 "$PROGRAMS/hello" >"cut" # no script for a shell
chmod +x cut
status 126 "$DEARTH" record -o cut.db -- ./cut
contains err './cut: cannot be executed: Exec format error'
if command -v gcc >/dev/null; then
    echo 'int main(void) { return 0; }' >main.c
    gcc main.c -o no-loader -Wl,--dynamic-linker="$work/no-such-loader"
    status 127 "$DEARTH" record -- ./no-loader
    contains err "./no-loader: its interpreter $work/no-such-loader is not there"
fi
status 125 "$DEARTH" record --no-such-option -- true
contains err no-such-option
status 125 "$DEARTH" record
[ ! -e dearth.db ] || fail 'a failed start left a database'

for kind in static static-pie; do
    "$DEARTH" record -o "$kind.db" -- "$PROGRAMS/hello-$kind" >out 2>err || :
    contains err static
done
if [ -x "$PROGRAMS/hello-musl" ]; then
    "$DEARTH" record -o musl.db -- "$PROGRAMS/hello-musl" >out 2>err || :
    contains err musl
fi
# ... and nothing of ours calls an allocator that is not ready: it would never come back.
equal mine "$("$DEARTH" record -o own.db -- "$PROGRAMS/own-allocator" 2>err || echo "status $?")" \
    'what a program with its own allocator prints'
contains err 'own allocator'

if [ "$(id -u)" = 0 ]; then
    cp "$PROGRAMS/hello" setuid
    chown 65534 setuid && chmod 4755 setuid
    "$DEARTH" record -o setuid.db -- ./setuid >out 2>err || :
    contains err setuid
fi

# In the middle of a tree: the rest is recorded, the hole is named.
"$DEARTH" record -o tree.db -- sh -c "'$PROGRAMS/hello-static'; '$PROGRAMS/hello'" >out 2>err
contains err hello-static
equal 1 "$(sql tree.db "SELECT count(*) FROM note WHERE kind = 'static' AND subject LIKE '%hello-static'")" \
    'note about the static child'
equal 0 "$(sql tree.db 'SELECT exact FROM recording')" 'a tree with a program that is not recorded'
# What it allocates is neither recorded nor tested: that is no green.
status 2 "$DEARTH" check --mode once -- sh -c "'$PROGRAMS/hello-static'; '$PROGRAMS/hello'"
contains err hello-static
contains err UNDECIDED
status 0 "$DEARTH" check --mode once --in '*/hello' --accept-unseen hello-static -- \
    sh -c "'$PROGRAMS/hello-static'; '$PROGRAMS/hello'"
# A helper of the system's is said, and hides nothing of the user's.
if file -L /sbin/ldconfig 2>/dev/null | grep static >kind; then
    status 0 "$DEARTH" check --mode once --in '*/hello' -o helper.db -- \
        sh -c "/sbin/ldconfig -p >ldconfig.out; '$PROGRAMS/hello'"
    equal '0 1' "$(sql helper.db "SELECT exact || ' ' || count(*) FROM recording, note WHERE kind = 'static'
        AND subject LIKE '%/ldconfig'")" 'a static helper'
fi
