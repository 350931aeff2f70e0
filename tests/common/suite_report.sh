#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The report on a suite speaks of targets, in every format, and the gate judges by the same; --in and --blame narrow both.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 python3

mkdir -p project/src project/tests
cd project
# the library's flaw: words_length(); the test's own: main() of test_twice
cp "$SOURCE"/tests/data/words.[ch] src/
cat >tests/test_length.c <<'END'
#include "words.h"
int main(int argc, char **argv) {
    return words_length(argv[argc - 1]) == 0;
}
END
cat >tests/test_twice.c <<'END'
#include <stdlib.h>
#include "words.h"
int main(void) {
    char *s = words_twice("ab");
    int wrong = s[3] != 'b'; /* of the test alone */
    free(s);
    return wrong;
}
END
# starts what cannot do it again by itself
cat >tests/test_once.c <<'END'
#include <stdlib.h>
#include <unistd.h>
#include "words.h"
int main(void) {
    if (unlink("once.tmp") < 0)
        return 7;
    char *s = words_copy("x");
    free(s);
    return !s;
}
END
cat >check.sh <<'END'
#!/bin/sh
./test_length one && ./test_length three && ./test_twice && : >once.tmp && ./test_once
END
chmod +x check.sh
for name in length twice once; do
    cc -g -O0 -Isrc -o test_$name tests/test_$name.c src/words.c
done
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh

# before a replay there is no evidence, and the suite is no program with sites of its own
status 0 "$DEARTH" report -f text suite.db
contains out "nothing was tried yet"
status 1 "$DEARTH" report --gate suite.db

# what was failed where: JSON, and the same in the others
status 0 "$DEARTH" suite replay --unit-time 100000s suite.db
contains out "3 of 3 tested"
"$DEARTH" report suite.db >report.json
cat >look.py <<'END'
import json
import sys
r = json.load(open(sys.argv[1]))
print(eval(sys.argv[2], {"r": r}))
END
look() { python3 look.py report.json "$1"; }
equal "{'total': 3, 'testable': 3, 'tested': 3, 'untested': 0, 'excluded': 0}" "$(look 'r["summary"]["targets"]')" "targets"
equal 1 "$(look 'r["summary"]["coverage"]')" "coverage is of targets"
equal "3" "$(look 'r["summary"]["sites"]["total"]')" "contexts"
equal "1" "$(look 'len(r["recordings"])')" "recordings: the suite's"
equal "True" "$(look 'all("words" in s["location"]["function"] for s in r["sites"])')" "no site of the test's own code"
equal "True" "$(look 'len(r["suite"]["not_seen"]) >= 3 and r["suite"]["other_recordings"] == 0')" "what cannot be seen"
equal "['test_length', 'test_twice']" "$(look 'sorted(f["command"].split()[0] for f in r["findings"] if f["severity"] == "bug")')" "whose findings"
status 0 "$DEARTH" report -f text suite.db
contains out "suite: ./check.sh"
lacks out "Never tested"
contains out "what the caller makes of a program that fails"
status 0 "$DEARTH" report -f junit suite.db
contains out 'tests="3" failures="1" errors="0" skipped="0"'
status 0 "$DEARTH" report -f markdown suite.db
contains out "| targets | 100.0 %"

# the gate is one: of `suite check` and of `report --gate`
# a crash of the test's own, which uses what it was not given, is no defect of the project unless one says so
status 1 "$DEARTH" report --gate suite.db
contains err "1 finding of severity bug"
contains err "1 went wrong in code that --blame does not name, in the tests' own"
status 1 "$DEARTH" report --gate --blame '*' suite.db
contains err "2 findings at 2 places of severity bug"
status 1 "$DEARTH" suite check --blame '*' -o check.db --min-coverage 100 -- ./check.sh
contains err "2 findings at 2 places of severity bug"
status 0 "$DEARTH" suite check --blame '*' -o check.db --baseline report.json --min-coverage 100 -- ./check.sh
contains err "2 known from the baseline"
status 0 "$DEARTH" suite check -o check.db --fail-on none -- ./check.sh
# nothing was tried in the second suite of that file: the verdicts of the first are its own
status 1 "$DEARTH" report --gate --blame '*' check.db
contains err "2 findings at 2 places of severity bug"

# --blame: whose crash it is
status 1 "$DEARTH" report --gate --blame words.c suite.db
contains err "1 finding of severity bug"
contains err "1 went wrong in code that --blame does not name"
status 0 "$DEARTH" report -f text --blame words.c suite.db
contains out "bug in the tests' own code"
status 0 "$DEARTH" report -f junit --blame words.c suite.db
contains out 'failures="1"'
status 0 "$DEARTH" report -f sarif --blame words.c suite.db
equal "['error', 'note']" "$(python3 look.py out 'sorted(x["level"] for x in r["runs"][0]["results"])')" "SARIF levels"
status 1 "$DEARTH" suite check -o blame.db --blame words_length -- ./check.sh
contains err "1 finding of severity bug"
status 0 "$DEARTH" suite check -o blame2.db --own words_twice --blame 'words*' -- ./check.sh
contains err "gate passed"

# --in narrows coverage, findings and the gate; what names nothing is a mistake
"$DEARTH" report --in words_twice --blame words_twice suite.db >report.json
equal "1" "$(look 'r["summary"]["targets"]["total"]')" "targets in scope"
equal "[True]" "$(look '[f["apart"] for f in r["findings"]]')" "findings in scope"
status 2 "$DEARTH" report --in wrods.c suite.db
contains err "words.c"
status 2 "$DEARTH" report --blame 'nothing_at_all*' suite.db
status 2 "$DEARTH" suite check -o blame3.db --own wrods_twice -- ./check.sh
contains err "words_twice"
status 0 "$DEARTH" suite replay --own puts --own main --not-own 'words*' --not-own main suite.db
contains err "nothing to do"

# nothing of the project's asks for memory: nothing to do, in one line; a folder that was named, and names nothing, is a
# mistake, and what could not be recorded is not known to ask for none
mkdir -p nothing/.git
(
    cd nothing
    printf 'int main(void) { return 0; }\n' >quiet.c
    cc -o quiet quiet.c
    printf '#!/bin/sh\n./quiet && ls / >/dev/null\n' >check.sh
    chmod +x check.sh
    status 0 "$DEARTH" suite check -q -o ../quiet.db -- ./check.sh
    contains err "nothing to do"
    equal 1 "$(grep -c . err)" "lines"
    status 0 "$DEARTH" suite replay ../quiet.db
    status 0 "$DEARTH" suite list ../quiet.db
    status 2 "$DEARTH" suite replay --tree . ../quiet.db
    contains err "no allocation of the suite"
    cc -static -o quiet quiet.c
    status 2 "$DEARTH" suite check -q -o ../static.db -- ./check.sh
    contains err "linked statically"
)

# the project's file: the same for everybody, from any of its folders; a command line wins
mkdir .git tests/deep
printf '# scope\n\nown   words_twice\nblame\twords.c \nenv-deny WORDS_*\n' >.dearth
status 0 env WORDS_PLAIN=plain "$DEARTH" suite check -o file.db -- ./check.sh
contains out "1 of 1 tested"
contains err "/.dearth: --blame words.c"
equal 0 "$(sql file.db "SELECT count(*) FROM environment WHERE instr(variables, 'WORDS_PLAIN=plain')")" "env-deny of the file"
cd tests/deep
status 0 "$DEARTH" suite replay ../../file.db
contains out "1 of 1 tested"
status 1 "$DEARTH" report --gate ../../suite.db
contains err "1 went wrong in code that --blame does not name"
status 1 "$DEARTH" report --gate --blame '*' ../../suite.db
contains err "2 findings at 2 places of severity bug"
cd ../..
status 0 "$DEARTH" suite replay --in words_copy --own 'words*' suite.db
contains out "2 of 2 tested"
printf 'own words.c\nbame words.c\n' >.dearth
status 2 "$DEARTH" report suite.db
contains err ".dearth:2: 'bame'"
printf 'own\n' >.dearth
status 2 "$DEARTH" suite list suite.db
contains err ".dearth:1: 'own' of what?"
rm .dearth

# other recordings in the file are not judged with it, and not passed either
status 0 "$DEARTH" record -o suite.db ./test_length four
status 2 "$DEARTH" report --gate --fail-on none suite.db
contains err "no part of the suite"

# The page, too.
"$DEARTH" view -q -o page.html suite.db
python3 "$SOURCE/tests/viewer/page_values.py" page.html | jq -e '.target_tally | .testable > 0 and .tested <= .testable' >/dev/null ||
    fail 'no targets on the page'

# a replay of a part narrows its own report, and no later one
status 0 "$DEARTH" suite record -o part.db -- ./check.sh
status 0 "$DEARTH" suite replay --in words_twice part.db
contains out "1 of 1 tested"
"$DEARTH" report part.db >report.json
equal "3 1" "$(look '"%d %d" % (r["summary"]["targets"]["total"], r["summary"]["targets"]["tested"])')" "targets after a replay of a part"
status 0 "$DEARTH" report -f text part.db
contains out "not in the scope of --in when the suite was replayed last"
"$DEARTH" report --in words_twice part.db >report.json
equal "1 1" "$(look '"%d %d" % (r["summary"]["targets"]["total"], r["summary"]["targets"]["tested"])')" "the same of that part"
status 0 "$DEARTH" suite replay part.db
contains out "3 of 3 tested"
status 0 "$DEARTH" suite replay --fresh --in words_twice part.db
contains out "1 of 1 tested"
"$DEARTH" report part.db >report.json
equal "3 3" "$(look '"%d %d" % (r["summary"]["targets"]["total"], r["summary"]["targets"]["tested"])')" "what was tested before stays so"
