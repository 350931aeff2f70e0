#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each pointer in what a worker sends back (replayer/judge/attempt.h) is in a table of owned members
# (attempt.c), which sends, receives and frees it: one that is forgotten there is found here.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"

# pointers STRUCT FILE: "struct.member" for each pointer in it, with the names of groups.
pointers() {
    perl -0777 -ne '
        BEGIN { $name = shift }
        s{/\*.*?\*/}{}gs;
        /\nstruct \Q$name\E \{(.*?)\n\};/s or die "no struct $name";
        my $body = $1;
        while ($body =~ s/struct \{((?:[^{}])*)\} (\w+);//s) {
            my ($members, $group) = ($1, $2);
            print "$name.$group.$1\n" while $members =~ /\*\s*(\w+)/g;
        }
        print "$name.$1\n" while $body =~ /\*\s*(\w+)/g;
    ' "$1" "$2" | LC_ALL=C sort
}

# in_table STRUCT FILE: what the tables name.
in_table() {
    perl -0777 -ne '
        BEGIN { $name = shift }
        print "$name.$1\n" while /(?:TEXT|BYTES|ARRAY|OWNED_AT)\(struct \Q$name\E,\s*([\w.]+)/g;
    ' "$1" "$2" | LC_ALL=C sort
}

need perl
judge=$SOURCE/replayer/judge
for name in observation crash_frame written_file; do
    pointers "$name" "$judge/attempt.h" >"$name.pointers"
    in_table "$name" "$judge/attempt.c" >"$name.table"
    [ -s "$name.pointers" ] || fail "struct $name: no pointer was found"
    diff "$name.pointers" "$name.table" >&2 || fail "struct $name and its table of owned members differ"
    echo "ok: struct $name owns $(wc -l <"$name.table") things, all in its table"
done

sed 's/        char \*exe;/&\n        char *forgotten;/' "$judge/attempt.h" >planted.h
pointers observation planted.h >planted.pointers
equal 2 "$({ diff planted.pointers observation.table || :; } | grep -c "^<")" "pointers planted in the struct that are missed in the table"
