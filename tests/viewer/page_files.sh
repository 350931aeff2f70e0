#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: part
# Pages of all kinds, here: a program with flaws, one that was never tested, one without times, hostile names, a suite with
# its sources, comparisons.
# shellcheck shell=bash
python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" report.db
python3 "$SOURCE/tests/data/report_db.py" "$SOURCE" hostile.db
"${CC:-cc}" -O1 -fno-inline -o many "$SOURCE/tests/bench/many_stacks.c"
record -o two.db -- ./many 300
record -o two.db -- ./many 500
record --detail=sites -o untimed.db -- "$PROGRAMS/hello"

# Names as an enemy would choose them, wherever there is one.
python3 - <<'P'
import json, sqlite3
db = sqlite3.connect("hostile.db")
evil = "</script><script>pwned=1</script><img src=x onerror=pwned=2><b onclick=pwned=3>&lt; \u202egnirts\u202c \u2066x \u200f ${pwned=4} \x1b[31m"
db.execute("UPDATE recording SET argv = ?, exe = ?, cwd = ?", (json.dumps(["/bin/" + evil, "x" * 30000, evil]), "/bin/" + evil, evil))
db.execute("UPDATE process SET argv = ?, exe = ?", (json.dumps([evil]), "/" + evil))
db.execute("UPDATE symbol SET function = ? || function, file = '/src/' || ?", (evil, evil))
db.execute("UPDATE location SET function = ? || function, file = '/src/' || ?", (evil, evil))
for table, column in (("module", "path"), ("attempt", "stderr_tail"), ("note", "text"), ("finding", "policy"), ("finding", "attributed_module")):
    db.execute(f"UPDATE {table} SET {column} = {column} || ?", (evil,))
db.commit()
P
for name in report two untimed hostile; do
    status 0 "$DEARTH" view -q $name.db -o $name.html
done
# The same program with its code elsewhere; another one.
"$BUILD/tests/recorder/make_database" a.db --events 3000 --seed 1 >/dev/null
"$BUILD/tests/recorder/make_database" b.db --events 3000 --seed 1 --shift 4096 >/dev/null
"$DEARTH" view -q a.db b.db -o same.html
record -o other.db -- "$PROGRAMS/growing" >/dev/null
"$DEARTH" view -q other.db two.db -o changed.html

# A suite of three programs, two of them tests with a name; one meets a flaw, one does something else when run alone.
mkdir -p project/tests
cp "$SOURCE"/tests/data/words.[ch] project/
(
    cd project || exit
    printf '#include <stdlib.h>\n#include "../words.h"\nint main(void) { char *s = words_copy("ab"); free(s); return !s; }\n' >tests/copies.c
    printf '#include "../words.h"\nint main(void) { return words_length("abc") != 3; }\n' >tests/length.c
    printf '#include <stdlib.h>\n#include <unistd.h>\n#include "../words.h"\nint main(void) { if (unlink("once")) return 7; char *s = words_twice("a"); free(s); return !s; }\n' >tests/once.c
    for name in copies length once; do
        "${CC:-cc}" -g -O0 -o $name tests/$name.c words.c
    done
    touch -d '1 hour ago' words.c tests/*.c
    cat >check.sh <<'END'
#!/bin/sh
export BATS_TEST_FILENAME=words.bats
touch once
BATS_TEST_NAME=test_copies ./copies
BATS_TEST_NAME=test_length ./length
BATS_TEST_NAME= ./once
END
    chmod +x check.sh
)
(cd project && "$DEARTH" suite check --fail-on none -o ../suite.db -- ./check.sh) >suite.out 2>&1 || {
    cat suite.out >&2
    fail 'the suite'
}
"$DEARTH" view -q --source always suite.db -o suite.html

# A page has no line of a source unless it is asked for; one that an enemy has written is text, and where it lies is not said.
"$DEARTH" view -q suite.db -o - | python3 -c '
import base64, re, sys, zlib
data = re.search("id=\"data\">([^<]*)<", sys.stdin.read()).group(1)
sys.exit(b"strlen(s)" in zlib.decompress(base64.b64decode(data)))' || fail 'sources in a page that were not asked for'
mkdir -p secret-folder
python3 - <<'P'
evil = "</script><script>pwned=1</script><img src=x onerror=pwned=2> \u202egnirts \x1b[31m"
with open("project/words.c", encoding="utf-8") as file:
    lines = file.read().split("\n")
with open("secret-folder/words.c", "w", encoding="utf-8") as file:
    file.write("\n".join(line + " /* pwned " + evil + " */" for line in lines))
P
"$DEARTH" view -q --source always --source-dir secret-folder suite.db -o elsewhere.html

# A suite with such names.
cp suite.db hostile_suite.db
python3 - <<'P'
import json, sqlite3
db = sqlite3.connect("hostile_suite.db")
evil = "</script><script>pwned=1</script><img src=x onerror=pwned=2> \u202egnirts\u202c \x1b[31m"
for table, column in (("test", "name"), ("test", "harness"), ("test", "filter"), ("unit_run", "reason"), ("unit", "exe"), ("module", "path")):
    db.execute(f"UPDATE {table} SET {column} = {column} || ? WHERE {column} IS NOT NULL", (evil,))
db.execute("UPDATE process SET argv = ?", (json.dumps([evil, "x" * 3000]),))
db.commit()
P
status 0 "$DEARTH" view -q --source always hostile_suite.db -o hostile_suite.html
