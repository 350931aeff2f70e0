#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Standard input: a pipe is captured on its way, a file is remembered by name and offset, nothing is
# lost or read twice.
. "$(dirname "$0")/../lib.sh"

seq 5000 >numbers
wanted="5000 lines, $(stat -c %s numbers) bytes"

seen=$("$DEARTH" record -o pipe.db -- "$PROGRAMS/stdin-reader" < <(cat numbers) 2>err)
equal "$wanted" "$seen" 'through a pipe'
equal "pipe|0" "$(sql pipe.db 'SELECT stdin_kind, stdin_truncated FROM recording')" 'kind'
sql pipe.db "SELECT writefile('captured', stdin_data) FROM recording" >/dev/null
cmp numbers captured || fail 'captured input differs'

seen=$("$DEARTH" record -o file.db -- "$PROGRAMS/stdin-reader" <numbers 2>err)
equal "$wanted" "$seen" 'from a file'
equal "file|$work/numbers|0" \
    "$(sql file.db 'SELECT stdin_kind, stdin_path, stdin_offset FROM recording')" 'file'

{
    read -r _
    read -r _
    seen=$("$DEARTH" record -o offset.db -- "$PROGRAMS/stdin-reader" 2>err)
} <numbers
equal "4998 lines, $(($(stat -c %s numbers) - 4)) bytes" "$seen" 'from the middle of a file'
equal 4 "$(sql offset.db 'SELECT stdin_offset FROM recording')" 'offset'

seen=$("$DEARTH" record -o null.db -- "$PROGRAMS/stdin-reader" </dev/null 2>err)
equal '0 lines, 0 bytes' "$seen" 'from nothing'

# A program that does not read does not wait for a writer that never ends.
mkfifo never
sleep 60 >never &
writer=$!
seen=$(timeout 60 "$DEARTH" record -o idle.db -- "$PROGRAMS/hello" <never 2>err) || fail 'it waited'
kill "$writer"
equal hello "$seen" 'a program that does not read'

# What the program leaves unread stays in the pipe, for whoever has it as well: the shell whose loop it is in.
seen=$(seq 5 | while read -r i; do
    "$DEARTH" record -q -o loop.db -- "$PROGRAMS/hello" >hello.txt
    printf '%s ' "$i"
done)
equal '1 2 3 4 5 ' "$seen" 'a list that a loop reads'

few() { # lines that are read one by one, then a block, of more than a pipe holds
    seq 30000 | {
        "$@" sh -c 'read -r a; read -r b; echo "$a $b"; exec head -n 1'
        tail -n 1
        wc -c
    }
}
equal "$(few)" "$(few "$DEARTH" record -q -o few.db --)" 'some of a long list'
