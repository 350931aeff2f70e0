#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is stored and what is not: values of the environment only by name, arguments byte for byte or
# not at all, stacks as deep as asked for; limits of the user are said, not died of.
. "$(dirname "$0")/../lib.sh"

SECRET=not-to-be-kept-4711 SHOWN='two "words"' record -o env.db --env SHOWN --env UNSET -- "$PROGRAMS/hello" >out
equal '{"SHOWN":"two \"words\""}' "$(sql env.db 'SELECT env_named FROM recording')" 'named values'
! grep -q not-to-be-kept env.db* || fail 'a value that was not named is in the database'

record -o argv.db --no-argv -- "$PROGRAMS/hello" very-private >out
equal '|' "$(sql argv.db 'SELECT recording.argv, process.argv FROM recording, process')" 'no arguments'
! grep -q very-private argv.db || fail 'an argument is in the database'

record -o bytes.db -- "$PROGRAMS/hello" $'f\377 g' '' 'ü' >out
equal "$(printf '%s\0' "$PROGRAMS/hello" $'f\377 g' '' 'ü' | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F)" \
    "$(sql bytes.db 'SELECT hex(argv_bytes) FROM recording')" 'arguments that are not UTF-8'
record -o text.db -- "$PROGRAMS/hello" 'ü "' >out
equal "[\"$PROGRAMS/hello\",\"ü \\\"\"]|" \
    "$(sql text.db 'SELECT argv, argv_bytes FROM recording')" 'arguments that are'

record -o wrapper.db --wrapper 'my_*' --wrapper 'other' -- "$PROGRAMS/hello" >out
equal '["my_*","other"]' "$(sql wrapper.db 'SELECT wrappers FROM recording')" 'wrappers'
record -o symbols.db --no-symbols -- "$PROGRAMS/hello" >out
equal '0|0' "$(sql symbols.db 'SELECT (SELECT count(*) FROM symbol), count(location_id) FROM site')" \
    'no symbols'

"$DEARTH" record -o deep.db --max-depth 8 -- sh -c 'echo a | sort >sorted' 2>err
equal 1 "$(sql deep.db 'SELECT max(depth) <= 8 FROM stack')" 'depth'
equal 1 "$(sql deep.db 'SELECT exact = 0 AND stacks_truncated > 0 FROM recording')" 'a cut stack is said'
equal 1 "$(sql deep.db "SELECT count(*) FROM note WHERE kind = 'stacks_truncated'")" 'why it is not exact, in a note'
contains err 'deeper than --max-depth'
status 125 "$DEARTH" record --max-depth 3 -- "$PROGRAMS/hello"
contains err max-depth

cat >script <<'S'
echo "$0" "$@"
S
chmod +x script
status 0 "$DEARTH" record -o script.db -- ./script one 'two 2'
equal './script one two 2' "$(cat out)" 'a script without #! runs as in a shell'

status 125 bash -c "ulimit -f 100; '$DEARTH' record -o limit.db -- touch started"
contains err 'ulimit -f'
[ ! -e started ] || fail 'the program was started'
status 125 bash -c "ulimit -f 9000; '$DEARTH' record -o limit.db -- '$PROGRAMS/oracle' 6000000"
contains err 'the program goes on'
equal 'interrupted|0' "$(sql limit.db 'SELECT state, exact FROM recording')" 'a limited file'

# Upstream of a program that stops reading gets its SIGPIPE; the cap cuts what is stored, not what
# is passed on.
statuses=$(yes | "$DEARTH" record -q -o pipe.db -- head -1 >out; echo "${PIPESTATUS[*]}") || :
equal '141 0' "$statuses" 'SIGPIPE upstream'
seq 100000 | "$DEARTH" record -q -o cap.db --stdin-cap 1K -- cat >out
equal "$(seq 100000 | md5sum)" "$(md5sum <out)" 'passed on whole'
equal '1024|1' "$(sql cap.db 'SELECT length(stdin_data), stdin_truncated FROM recording')" 'cap'
