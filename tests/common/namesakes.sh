#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two programs of one name in two folders: their findings are two, and what is known of one is not known of the other.
# Reports that were made before folders were told stay baselines.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 python3

mkdir -p project/base project/net
cd project
# the same flaw in main() of both; the second does something else besides
for i in base net; do
    cat >$i/test.c <<END
#include <stdlib.h>
#include <stdio.h>
int main(void) {
    char *a = malloc(10);
    a[0] = 'a';
    puts("$i");
    free(a);
    return 0;
}
END
    cc -g -O0 -o $i/test $i/test.c
done
cp -R ../project ../moved # elsewhere, and the programs are the same
flaws() { sql "$1" "SELECT identity FROM finding WHERE severity = 'bug' ORDER BY 1"; }

# one of them
status 1 "$DEARTH" check -o base.db -- base/test
equal 'crashed|test!main|test!main' "$(flaws base.db)" "a flaw's name without a namesake"
"$DEARTH" report base.db >base.json

# both in one database
cp base.db both.db
status 1 "$DEARTH" check -o both.db -- net/test
equal 'crashed|test!main|test!main|in base
crashed|test!main|test!main|in net' "$(flaws both.db)" "flaws of both"
"$DEARTH" report both.db >both.json
status 1 "$DEARTH" report --gate --baseline base.json both.db
contains err "1 finding of severity bug"
contains err "1 known from the baseline"
contains err "net/test"
status 0 "$DEARTH" report --gate --baseline both.json both.db
status 0 "$DEARTH" report --gate --baseline both.json base.db
contains err "1 known from the baseline"

# a report as it was when both were one: its first program alone is named, and both are in its lists
python3 - <<'END'
import json
r = json.load(open("both.json"))
f = [x for x in r["findings"] if x["severity"] == "bug"]
f[0]["identity"] = f[0]["identity"].rsplit("|in ", 1)[0]
r["findings"] = [f[0]]
json.dump(r, open("old.json", "w"))
END
status 0 "$DEARTH" report --gate --baseline old.json both.db
contains err "2 known from the baseline"

# joined after the fact; elsewhere; a copy of one is the same program
status 1 "$DEARTH" check -o net.db -- net/test
status 0 "$DEARTH" merge joined.db base.db net.db
equal "$(flaws both.db)" "$(flaws joined.db)" "flaws of joined databases"
status 0 "$DEARTH" merge joined.db net.db
equal "$(flaws both.db)" "$(flaws joined.db)" "flaws after another merge"
cd ../moved
status 1 "$DEARTH" check -o moved.db -- base/test
status 0 "$DEARTH" report --gate --baseline ../project/both.json moved.db
status 0 "$DEARTH" merge moved.db ../project/base.db
equal 'crashed|test!main|test!main' "$(flaws moved.db)" "flaws of a program and its copy"
