#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Filters choose sites; what they leave out is written down with the reason.
. "$(dirname "$0")/../lib.sh"

record -- "$PROGRAMS/corrupted-double-free-fixed" >/dev/null
functions() {
    sql dearth.db "SELECT group_concat(function, ' ') FROM (SELECT DISTINCT function FROM attempt
        JOIN site ON site.id = site_id JOIN location ON location.id = location_id ORDER BY 1)"
}
replay --mode once --in 'new_k*'
equal new_key "$(functions)" '--in a function'
reason=$(sql dearth.db "SELECT DISTINCT reason FROM skipped")
equal filtered "$reason" 'reason of the others'
replay --mode once --untested --limit 1
equal 2 "$(sql dearth.db 'SELECT count(DISTINCT site_id) FROM attempt')" '--untested --limit 1'

record -o two.db -- "$PROGRAMS/corrupted-double-free-fixed" >/dev/null
key=$(sql two.db "SELECT lower(hex(key)) FROM site JOIN location ON location.id = location_id
    WHERE function = 'new_value'")
"$DEARTH" replay --mode once --site "$key" two.db >err 2>&1
equal 1 "$(sql two.db "SELECT count(DISTINCT site_id) FROM attempt")" '--site'
"$DEARTH" replay --mode once --not-in 'new_*' --not-in '*libc*' two.db >err 2>&1 || :
equal 1 "$(sql two.db "SELECT count(DISTINCT site_id) FROM attempt")" '--not-in'

record -o three.db -- "$PROGRAMS/leak" >/dev/null
"$DEARTH" replay --mode once --min-size 60000 three.db >err 2>&1
equal new_reader_buffer "$(sql three.db "SELECT DISTINCT function FROM attempt
    JOIN site ON site.id = site_id JOIN location ON location.id = location_id")" '--min-size'

record -o four.db -- "$PROGRAMS/leak" >/dev/null
"$DEARTH" replay --dry-run --mode both four.db >plan 2>err
contains plan new_reader
equal 0 "$(sql four.db 'SELECT count(*) FROM attempt')" '--dry-run tries nothing'

# Modules and source files, by path and by basename, as well as functions; `once` tells what is planned.
planned() {
    "$DEARTH" replay --dry-run --mode once "$@" four.db 2>/dev/null | grep -cE '[0-9a-f]{8}' || :
}
all=$(planned)
equal "$all" "$(planned --in leak.c)" '--in a source file'
equal "$all" "$(planned --in '*/tests/programs/leak.c')" '--in the path of a source file'
equal 0 "$(planned --in none.c)" '--in no source file'
equal "$all" "$(planned --in leak)" '--in a module'
equal "$all" "$(planned --in 'libc.so*')" '--in a library'
equal 0 "$(planned --not-in '*/libc.so*')" '--not-in a library'
equal "$(planned --not-in 'new_reader')" "$(planned --in main --not-in 'new_reader')" 'both'

status 2 "$DEARTH" replay --occurrence sometimes four.db
contains err occurrence
status 2 "$DEARTH" replay --mode never four.db
contains err once
status 2 "$DEARTH" replay no-such.db
contains err no-such.db
[ ! -e no-such.db ] || fail 'a database was made'
status 2 "$DEARTH" replay --site 123xyz four.db
