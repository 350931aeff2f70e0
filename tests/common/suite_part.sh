#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs that do by themselves a part of what they did in the suite are failed at that, and the script that made a
# file for them at the rest. What a test says should have been is no bug of the project. A library's function is one
# place in all programs that it is linked into.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 python3

mkdir -p project/src project/tests
cd project
# careful_* look at what they get; careless does not
cat >src/words.c <<'END'
#include <stdlib.h>
char *careful_one(void) { return malloc(11); }
char *careful_two(void) { return malloc(12); }
char *careful_file(void) { return malloc(13); }
char *careless(void) {
    char *s = malloc(14);
    s[0] = 1;
    return s;
}
END
cat >tests/test_part.c <<'END'
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>
char *careful_one(void), *careful_two(void), *careful_file(void), *careless(void);
int main(void) {
    char *a = careful_one(), *b = careful_two(), *c = NULL;
    assert(a);
    assert(b);
    if (access("made.tmp", F_OK) == 0) {
        c = careful_file();
        if (!c)
            return 1;
    }
#ifdef CARELESS
    static const char *volatile name = NAME;
    (void)name;
    free(careless());
#endif
    free(a), free(b), free(c);
    return 0;
}
END
cat >check.sh <<'END'
#!/bin/sh
: >made.tmp
for i in 1 2 3 4 5 6; do ./test_part $i || exit 1; done
rm made.tmp
END
chmod +x check.sh
cc -g -O0 -o test_part tests/test_part.c src/words.c

# two places of three by itself: only the third costs runs of the script
status 0 "$DEARTH" suite check -o part.db -- ./check.sh
contains err "by itself it reaches 2 of the 3 places that it reaches in the suite; the rest is for others"
contains out "3 of 3 tested"
contains out "do a part of it there, and were used for that"
contains out ": 2 of 3 places"
contains out "0 do something else there"
equal "careful_file" "$(sql part.db "SELECT DISTINCT l.function FROM attempt a JOIN replay r ON r.id = a.replay_id JOIN recording c ON c.id = r.recording_id JOIN site s ON s.id = a.site_id JOIN location l ON l.id = s.location_id WHERE c.exe NOT GLOB '*test_part' AND a.fired")" "what is failed in the script"
# not one run of the program after the other: all miss the same
equal 1 "$(sql part.db "SELECT count(DISTINCT n.unit_id) <= 3 FROM unit_run n JOIN unit u ON u.id = n.unit_id WHERE u.exe GLOB '*test_part'")" "programs that were tried"
status 0 "$DEARTH" report -o report.json part.db
equal "[[2, 3]]" "$(python3 -c 'import json; print([list(x) for x in {(u["reached"], u["places"]) for u in json.load(open("report.json"))["suite"]["units"] if "test_part" in u["command"]}])')" "in the JSON report"

# the assertions are the test's: found, shown, and not counted
equal 1 "$(sql part.db "SELECT count(*) >= 1 FROM finding WHERE severity = 'bug'")" "failed assertions"
status 0 "$DEARTH" report --gate -f text part.db
contains out "in the tests' own code"
contains err "2 went wrong in code that --blame does not name, in the tests' own"
status 1 "$DEARTH" report --gate --blame test_part.c -f text part.db

# Nobody but the whole of it makes the file that all of these miss, and without which they end otherwise: after a few
# that are refused, the suite's own command is next, not each of the scripts in between.
cat >tests/test_needs.c <<'END'
#include <stdlib.h>
#include <unistd.h>
char *careful_file(void);
int main(void) {
    if (access("made.tmp", F_OK) != 0)
        return 3;
    char *c = careful_file();
    free(c);
    return c ? 0 : 1;
}
END
cc -g -O0 -o test_needs tests/test_needs.c src/words.c
for i in 1 2 3 4 5 6 7 8 9; do printf '#!/bin/sh\n[ %s ] && ./test_needs %s\n' $i $i >step$i && chmod +x step$i; done
cat >check.sh <<'END'
#!/bin/sh
: >made.tmp
for i in 1 2 3 4 5 6 7 8 9; do ./step$i || exit 1; done
rm made.tmp
END
status 0 "$DEARTH" suite check -o needs.db -- ./check.sh
contains out "1 of 1 tested"
equal 4 "$(sql needs.db "SELECT count(*) FROM unit_run WHERE recording_id IS NULL")" "programs that were refused"

# a bug in a library whose sources are not known is not the test's that calls it
printf '#!/bin/sh\n./plain\n' >check.sh
mkdir lib
cc -O0 -shared -fPIC -o lib/libplain.so src/words.c
cc -g -O0 -DCARELESS -DNAME=\"plain\" -o plain tests/test_part.c -Llib -lplain -Wl,-rpath,"$PWD/lib"
status 1 "$DEARTH" suite check -o plain.db --contexts 0 -- ./check.sh
contains err "SIGSEGV in careless"

# a bug in what two programs are linked with is one place, and counts
cat >check.sh <<'END'
#!/bin/sh
./test_first && ./test_second
END
cp src/words.c src/other.c # not the same source: another place
# programs of their own
for name in first second; do cc -g -O0 -DCARELESS -DNAME=\"$name\" -o test_$name tests/test_part.c src/words.c; done
status 1 "$DEARTH" suite check -o place.db --contexts 0 -- ./check.sh
equal 2 "$(sql place.db "SELECT count(*) FROM finding WHERE severity = 'bug' AND place GLOB '*words*!careless*'")" "findings"
contains err "2 findings at 1 place of severity bug"
cc -g -O0 -DCARELESS -DNAME=\"other\" -o test_second tests/test_part.c src/other.c
status 1 "$DEARTH" suite check -o other.db --contexts 0 -- ./check.sh
contains err "2 findings at 2 places of severity bug"
