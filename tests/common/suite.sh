#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A project's tests: every place of its library is failed once, in programs that do by themselves what they did in
# the suite. What does something else there is named, and the script that started it takes its place.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

mkdir -p project/src project/tests
cd project
cp "$SOURCE"/tests/data/words.[ch] src/
# Two programs that come to the same places by different ways.
cat >tests/test_copy.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include "words.h"
int main(int argc, char **argv) {
    char *own = malloc(10); /* the test's own */
    char *copy = words_copy(argc > 1 ? argv[1] : "a");
    free(own);
    if (!copy)
        return 1;
    puts(copy);
    free(copy);
    return 0;
}
END
# Reads a line; knows a variable; wants a umask.
cat >tests/test_length.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "words.h"
int main(void) {
    static char line[100];
    const char *mode = getenv("WORDS_MODE");
    if (!mode || strcmp(mode, "long") != 0 || umask(0) != 027)
        return 9;
    if (!fgets(line, sizeof line, stdin) || strcmp(line, "second\n") != 0)
        return 8;
    return words_length(line) != 7;
}
END
# Takes a file away that another program has made: it cannot do that again.
cat >tests/test_once.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "words.h"
int main(void) {
    if (unlink("once.tmp") < 0)
        return 7;
    char *s = words_twice("x");
    if (!s)
        return 1;
    free(s);
    return 0;
}
END
cat >check.sh <<'END'
#!/bin/sh
# 'second' is left in the file
printf 'first\nsecond\n' >input.txt
./test_copy one && ./test_copy one && ./test_copy two || exit 1
(umask 027; export WORDS_MODE=long; read -r first; exec ./test_length) <input.txt || exit 2
exec ./once.sh
END
cat >once.sh <<'END'
#!/bin/sh
: >once.tmp
./test_once
END
chmod +x check.sh once.sh
for name in copy length once; do
    cc -g -O0 -Isrc -o test_$name tests/test_$name.c src/words.c
done

# recorded: with what is needed to run each program, and without what looks like a secret
export WORDS_API_TOKEN=sesame WORDS_PLAIN=plain LD_PRELOAD=
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh
contains err "WORDS_API_TOKEN"
equal 0 "$(grep -c sesame suite.db || :)" "a secret's value in the database"
equal 1 "$(sql suite.db "SELECT count(*) > 0 FROM environment WHERE instr(variables, 'WORDS_PLAIN=plain')")" "a plain variable is kept"
equal 0 "$(sql suite.db "SELECT count(*) FROM environment WHERE instr(variables, 'DEARTH_ARENA') OR instr(variables, 'libdearth_preload')")" "dearth's own variables"
equal "23" "$(sql suite.db "SELECT umask FROM unit WHERE exe GLOB '*test_length'")" "umask (027)"
equal "file|6|second" "$(sql suite.db "SELECT stdin_kind, stdin_offset, trim(stdin_data, char(10)) FROM unit WHERE exe GLOB '*test_length'")" "standard input from where it was"
unset WORDS_API_TOKEN WORDS_PLAIN LD_PRELOAD

# many short programs, one after the other: each is looked at before it goes on, and how it ended is known
cat >short.sh <<'SHORT'
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    ./test_copy "$i"
    sh -c 'exit 3'
    sh -c 'kill -KILL $$'
done >/dev/null 2>&1
:
SHORT
status 0 "$DEARTH" suite record -o short.db -- sh short.sh
equal "61|0|0" "$(sql short.db "SELECT count(*), sum(u.environment_id IS NULL), sum(p.exit_code IS NULL AND p.exit_signal IS NULL) FROM unit u JOIN process p ON p.recording_id = u.recording_id AND p.ordinal = u.ordinal")" "units, those without environment, those without an end"
equal "20" "$(sql short.db "SELECT sum(exit_signal = 9) FROM process")" "programs that were killed"

# allowed and denied by name
status 0 env WORDS_API_TOKEN=sesame WORDS_PLAIN=plain "$DEARTH" suite record -o other.db --env-allow 'WORDS_*TOKEN' --env-deny 'WORDS_P*' -- ./check.sh
equal 1 "$(sql other.db "SELECT count(*) > 0 FROM environment WHERE instr(variables, 'WORDS_API_TOKEN=sesame')")" "allowed by name"
equal 0 "$(sql other.db "SELECT count(*) FROM environment WHERE instr(variables, 'WORDS_PLAIN=')")" "denied by name"

# three places of the project's own, whoever comes there; the test's own malloc is none
status 0 "$DEARTH" suite list suite.db
contains out "3 targets"
contains out "./test_copy two"
"$DEARTH" suite list --json suite.db >list.json
need python3
equal "True" "$(python3 -c 'import json; u = json.load(open("list.json")); print(all(x["targets"] >= 1 for x in u) and len(u) >= 4)')" "list --json"

# each failed once; what takes the file away does not do it again, the script that makes it does
rm -f input.txt # what was read is kept
status 0 "$DEARTH" suite replay suite.db
cp out first.out
contains first.out "3 of 3 tested"
contains err "./test_once: 1 target: by itself it does not end with status 0, as in the suite"
equal "3|3" "$(sql suite.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets in the database"
contains first.out "words_copy"
contains first.out "crashed"
equal 1 "$(sql suite.db "SELECT count(*) FROM finding WHERE severity = 'bug'")" "bugs"
equal 0 "$(find . -name once.tmp | wc -l)" "files that private trees leave"
# one run for each chosen program's faults: none of the other contexts
equal "1" "$(sql suite.db "SELECT count(DISTINCT a.site_id) FROM attempt a JOIN target_site t ON t.site_id = a.site_id JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id WHERE l.function = 'words_twice' AND a.fired")" "contexts of words_twice"

# a second time there is nothing to do; --fresh does it again
before=$(sql suite.db "SELECT count(*) FROM attempt")
status 0 "$DEARTH" suite replay suite.db
equal "$before" "$(sql suite.db "SELECT count(*) FROM attempt")" "attempts after a second replay"
status 0 "$DEARTH" suite replay --fresh suite.db
equal 1 "$(sql suite.db "SELECT count(*) > $before FROM attempt")" "attempts after a fresh one"

# the finding is shown again with the environment, umask and input that it had
status 0 "$DEARTH" repro suite.db "$(sql suite.db "SELECT id FROM finding WHERE severity = 'bug'")"

# shards: together they are the whole, however they are joined
for i in 1 2; do
    cp other.db shard$i.db
    status 0 "$DEARTH" suite replay --shard $i/2 shard$i.db
done
status 0 "$DEARTH" merge merged.db shard1.db shard2.db
equal "3|3" "$(sql merged.db "SELECT count(*), sum(state = 'tested') FROM target")" "targets of merged shards"
status 0 "$DEARTH" suite replay merged.db
contains out "0 programs were run by themselves now"
contains out "3 of 3 tested"

# the gate; scope
status 1 "$DEARTH" suite check -o check.db -- ./check.sh
contains err "gate FAILED"
contains err "1 finding of severity bug"
status 0 "$DEARTH" suite check -o check2.db --own words_twice -- ./check.sh
contains out "1 of 1 tested"
status 0 "$DEARTH" suite replay --own 'test_*.c' --own words.c suite.db
status 2 "$DEARTH" suite replay --own 'nothing*' suite.db
contains err "--own"
status 2 "$DEARTH" suite replay --shard 3/2 suite.db
status 2 "$DEARTH" suite list "$PROGRAMS/nothing.db"
status 2 "$DEARTH" suite
status 125 "$DEARTH" suite record -o x.db
