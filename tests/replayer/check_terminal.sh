#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A check on a terminal: the summary does not stand below all that the program prints; in a pipe all of that goes on as ever;
# no file is left beside the database.
. "$(dirname "$0")/../lib.sh"
need script

cat >talks <<'S'
#!/bin/sh
seq 1000 1999
echo oops >&2
S
chmod +x talks
few=(--limit 1 --leaks off --guard off)

on() {
    script -qec "$(printf '%q ' "$@")" /dev/null </dev/null >raw
    tr -d '\r' <raw >seen
}
on "$DEARTH" check -o a.db "${few[@]}" ./talks
equal 20 "$(grep -cxE '1[0-9]{3}' seen)" 'lines of the program on a terminal'
contains seen '... 981 more lines of the program'
contains seen 'Coverage'
on "$DEARTH" check -o b.db --show-output all "${few[@]}" ./talks
equal 1000 "$(grep -cxE '1[0-9]{3}' seen)" 'lines with --show-output all'
contains seen oops
on "$DEARTH" check -o c.db --show-output none "${few[@]}" ./talks
equal 0 "$(grep -cxE '1[0-9]{3}' seen)" 'lines with --show-output none'
lacks seen 'more line'

# What does not go to the terminal is whole.
cat >complains <<'S'
#!/bin/sh
seq 1000 1999 >&2
S
chmod +x complains
on bash -c "'$DEARTH' check -o g.db ${few[*]} ./complains 2>log"
equal 1000 "$(grep -cxE '1[0-9]{3}' log)" 'lines of standard error in a file'

# A line without an end is no line.
on "$DEARTH" check -o d.db "${few[@]}" sh -c 'head -c 100000 /dev/zero | tr "\0" x'
[ "$(wc -c <seen)" -lt 50000 ] || fail 'a line without an end is shown whole'
contains seen '... 1 more line of the program'

# In a pipe: all of it, and with -q what goes to standard error.
"$DEARTH" check -o e.db "${few[@]}" ./talks >out 2>err || [ $? = 1 ]
equal 1000 "$(grep -cxE '1[0-9]{3}' out)" 'lines in a pipe'
contains err oops
"$DEARTH" check -q -o f.db "${few[@]}" ./talks >out 2>err || [ $? = 1 ]
equal 0 "$(wc -c <out)" 'bytes with -q'
contains err oops

equal 'a.db b.db c.db d.db e.db f.db g.db' "$(echo ./*.db* | sed 's|\./||g')" 'files'
