#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a user says of his functions (--catalogue, --policy, --wrapper) is judged by, kept in the database,
# and judged by again: by repro, a later replay, a merged database.
. "$(dirname "$0")/../lib.sh"
need sqlite3
few=(--mode once --how rerun --repeat 0 --leaks off --guard off -q)
places() { sql "$1" "SELECT group_concat(function, ' ') FROM (SELECT DISTINCT l.function FROM site JOIN location l ON l.id = location_id WHERE l.function LIKE '%take%' ORDER BY 1 LIMIT 2)"; }
verdicts() { sql "$1" "SELECT group_concat(v, ' ') FROM (SELECT DISTINCT verdict || coalesce(':' || policy, '') v FROM attempt ORDER BY 1)"; }

cat >cells <<'END'
# The cells of our program.
[allocator]
function cells_*

[policy no cells]
stack check_cell __assert_fail
END

# Without: the assertion is a bug, and the hint says which function asks for all others.
"$DEARTH" record -o bare.db -- "$PROGRAMS/catalogue" 2>err
contains err "--wrapper 'cells_take'"
contains err "cells_take is the location of 13 of"
"$DEARTH" replay "${few[@]}" --limit 2 bare.db
equal crashed "$(verdicts bare.db)" 'without a catalogue'
equal cells_take "$(places bare.db)" 'its location'

# With it, from the first command on.
"$DEARTH" record --catalogue cells -o with.db -- "$PROGRAMS/catalogue" 2>err
lacks err --wrapper
equal 'take_a take_b' "$(places with.db)" 'locations by the catalogue'
rm -f moved && mv cells moved # what was stored counts, not the file
"$DEARTH" replay "${few[@]}" --limit 2 with.db
equal 'aborted:no cells' "$(verdicts with.db)" 'a later command judges by it'
id=$(sql with.db 'SELECT min(id) FROM finding')
status 0 "$DEARTH" repro with.db "$id"
contains err 'policy no cells'

# A catalogue that comes later: locations are made again, what is run is judged by it.
mv moved cells
"$DEARTH" replay "${few[@]}" --limit 1 --retest --catalogue cells bare.db
equal 'take_a take_b' "$(places bare.db)" 'locations are made again'
equal 'aborted:no cells crashed' "$(verdicts bare.db)" 'judged by what came later'
# The same name replaces, nothing takes out; and a dry run leaves all as it is.
sed 's/no cells/no more cells/' cells >other && mv other cells
"$DEARTH" replay "${few[@]}" --dry-run --catalogue cells with.db >/dev/null
equal 1 "$(sql with.db "SELECT value LIKE '%no cells%' FROM setting WHERE name = 'catalogue cells'")" 'a dry run'
"$DEARTH" replay "${few[@]}" --limit 1 --retest --catalogue cells with.db
equal 'aborted:no cells aborted:no more cells' "$(verdicts with.db)" 'replaced'
: >cells
"$DEARTH" replay "${few[@]}" --limit 1 --retest --catalogue cells with.db
equal 0 "$(sql with.db "SELECT count(*) FROM setting WHERE name LIKE 'catalogue %'")" 'taken out'
equal cells_take "$(places with.db)" 'locations without it'

# --policy judges the same in repro.
"$DEARTH" record -q -o policy.db -- "$PROGRAMS/catalogue"
"$DEARTH" replay "${few[@]}" --limit 1 --policy 'cell check=check_cel*' policy.db
equal 'aborted:cell check' "$(verdicts policy.db)" '--policy'
id=$(sql policy.db 'SELECT min(id) FROM finding')
status 0 "$DEARTH" repro policy.db "$id"
contains err 'policy cell check'

# check takes it to its steps; a corrected program has nothing for it to say.
printf '[policy no cells]\nstack check_cell\n' >cells
status 0 "$DEARTH" check -o check.db "${few[@]}" --limit 2 --catalogue cells -- "$PROGRAMS/catalogue"
equal 'aborted:no cells' "$(verdicts check.db)" check
status 0 "$DEARTH" check -o fixed.db "${few[@]}" --limit 2 --catalogue cells -- "$PROGRAMS/catalogue-fixed"
equal reported "$(verdicts fixed.db)" 'the corrected program'

# A harness of the user's: the function that it calls itself asserts what a test expects.
printf '[harness ours]\nfunction main\n' >harness
status 0 "$DEARTH" check -o test.db "${few[@]}" --limit 1 --catalogue harness -- "$PROGRAMS/catalogue"
equal 'aborted:test assertion' "$(verdicts test.db)" 'an assertion of a test'

# Merged: both have their say; where names meet, the first stays and that is said.
status 0 "$DEARTH" merge all.db check.db fixed.db
equal 1 "$(sql all.db "SELECT count(*) FROM setting WHERE name = 'catalogue cells'")" 'merged once'
lacks err 'catalogue'
sqlite3 fixed.db "UPDATE setting SET value = '[policy other]' || char(10) || 'stack x' WHERE name = 'catalogue cells'"
status 0 "$DEARTH" merge all.db fixed.db
contains err "catalogue cells"

# A file that cannot be read is refused before anything runs, with its line and the way out.
printf '[allocator]\n\nfunctoin f\n' >bad
for command in "record -o no.db" "check"; do
    # shellcheck disable=SC2086
    status "$([ "$command" = check ] && echo 2 || echo 125)" "$DEARTH" $command --catalogue bad -- sh -c ': >ran'
    contains err "bad:3: 'functoin' does not stand in [allocator]; its lines begin with function"
    if [ -e ran ] || [ -e no.db ]; then fail "$command went on"; fi
done
status 2 "$DEARTH" replay --catalogue bad with.db
contains err bad:3:
status 2 "$DEARTH" replay --catalogue missing with.db
contains err 'missing: cannot read the catalogue'
mkfifo pipe
status 2 timeout 20 "$DEARTH" replay --catalogue pipe with.db
contains err 'no regular file'
# Nor does a database name a file to read: a text that is none is refused as what it is.
sqlite3 with.db "INSERT INTO setting(name, value) VALUES ('catalogue $work/bad', 'nonsense here')"
status 2 "$DEARTH" replay --limit 1 --retest with.db
contains err "bad:1: a line that belongs to no section"

# Wrappers of a wrapper: the hint names all of them, as they are to be given.
command -v gcc >/dev/null || exit 0
{
    echo '#include <stdlib.h>'
    echo '__attribute__((noinline)) static void *innermost(size_t n) { return malloc(n); }'
    echo '__attribute__((noinline)) static void *outermost(size_t n) { return innermost(n + 8); }'
    for i in $(seq 14); do
        echo "__attribute__((noinline)) static int user$i(void) { void *volatile p = outermost($i); free(p); return !p; }"
    done
    echo 'int main(void) { return 0'
    printf ' | user%d()\n' $(seq 14)
    echo '; }'
} >chain.c
gcc -g -O0 chain.c -o chain
"$DEARTH" record -o chain.db -- ./chain 2>err
contains err "innermost is the location of 14 of"
contains err "--wrapper 'innermost' --wrapper 'outermost' makes them the locations"
"$DEARTH" record --wrapper innermost --wrapper outermost -o outer.db -- ./chain 2>err
lacks err --wrapper
equal 14 "$(sql outer.db "SELECT count(DISTINCT function) FROM location WHERE function LIKE 'user%'")" 'their callers are the locations'
