#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# glibc's loader goes by other names too (ld-2.31.so, lib/ld.so of other prefixes), and is run by hand.
. "$(dirname "$0")/../lib.sh"

loader=$(python3 - "$PROGRAMS/hello" <<'PYTHON'
import re, sys
print(re.search(rb"/[\w./-]*/ld[\w.-]*", open(sys.argv[1], "rb").read()).group().decode())
PYTHON
)
# PROGRAM LOADER: a copy of hello that asks for this loader
ask_for() {
    python3 - "$PROGRAMS/hello" "$1" "$loader" "$2" <<'PYTHON'
import sys
program, to, old, new = sys.argv[1:]
old, new = old.encode(), new.encode()
text = open(program, "rb").read()
open(to, "wb").write(text.replace(old + b"\0", new.ljust(len(old), b"\0") + b"\0", 1))
PYTHON
    chmod +x "$1"
}
counted() { sql "$1" 'SELECT sum(allocations) FROM recording'; }
keys() { sql "$1" 'SELECT group_concat(hex(key)) FROM (SELECT key FROM site ORDER BY key)'; }

"$DEARTH" record -o usual.db -- "$PROGRAMS/hello" >usual 2>err
cp "$loader" ld-2.31.so
ln -s "$loader" ld.so
cp "$loader" any-name
for name in ld-2.31.so ld.so any-name; do
    ask_for "hello-$name" "./$name"
    "$DEARTH" record -o "$name.db" -- "./hello-$name" >out 2>err
    cmp usual out
    equal "$(counted usual.db)" "$(counted "$name.db")" "allocations by $name"
done

# By hand: the program is the same one, and the same sites.
"$DEARTH" record -o hand.db -- "$loader" "$PROGRAMS/hello" >out 2>err
cmp usual out
equal "$(keys usual.db)" "$(keys hand.db)" 'sites of a program run by its loader'
"$DEARTH" record -o tree.db -- sh -c "./hello-ld.so; exec '$loader' '$PROGRAMS/hello'" >out 2>err
equal 0 "$(sql tree.db "SELECT count(*) FROM note WHERE kind IN ('static', 'other_libc')")" \
    'notes about programs that are not recorded'
"$DEARTH" check -o check.db -- "$loader" "$PROGRAMS/hello" >out 2>err || [ $? = 1 ]
contains out '100'

# What is no loader of glibc's still is none.
printf '#!/bin/sh\n' >no-loader
ask_for hello-none ./no-loader
"$DEARTH" record -o none.db -- ./hello-none >out 2>err || :
contains err 'another C library'
