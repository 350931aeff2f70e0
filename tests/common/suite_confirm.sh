#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --confirm-in-suite: what the whole suite makes of a program of it that goes wrong; that is no evidence about the program.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 jq

mkdir -p project/src project/tests tmp
export TMPDIR=$work/tmp
cd project
cp "$SOURCE"/tests/data/words.[ch] src/
cat >tests/test_length.c <<'END'
#include "words.h"
int main(void) {
    return words_length("abc") != 3;
}
END
cat >tests/test_twice.c <<'END'
#include <stdlib.h>
#include "words.h"
int main(void) {
    char *s = words_twice("ab");
    int wrong = s[3] != 'b';
    free(s);
    return wrong;
}
END
printf '#!/bin/sh\n./test_length || exit 3\n./test_twice || echo no matter\n' >check.sh
chmod +x check.sh
for name in length twice; do
    cc -g -O0 -Isrc -o test_$name tests/test_$name.c src/words.c
done
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh
status 0 "$DEARTH" suite replay suite.db
lacks out "in the whole suite"
seen() { sql suite.db "SELECT verdict, severity, bad, tried FROM finding ORDER BY identity; SELECT count(*) FROM attempt; SELECT count(*) FROM replay"; }
before=$(seen)
status 0 "$DEARTH" suite replay --blame '*' --confirm-in-suite suite.db
contains err "2 findings once more, each in a run of the whole suite"
contains out "in the whole suite: it is noticed: it ends with status 3; without the failure with status 0"
contains out "in the whole suite: nobody notices: it ends with status 0, as without the failure"
equal "$before" "$(seen)" "what was seen of the programs themselves"
equal "2" "$("$DEARTH" report suite.db | jq '[.findings[] | select(.in_suite != null)] | length')" "findings with it in the report"
# what was asked is not asked again
status 0 "$DEARTH" suite replay --blame '*' --confirm-in-suite suite.db
lacks err "once more"
contains out "it is noticed"
status 1 "$DEARTH" suite check --blame '*' -o check.db --confirm-in-suite -- ./check.sh
contains out "nobody notices"
equal "" "$(find "$TMPDIR" -name 'dearth-suite.*')" "copies that are left"
