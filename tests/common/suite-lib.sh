# SPDX-License-Identifier: Apache-2.0
# tests/common/suite-lib.sh: what the tests of suites share: a suite among machines, its verdicts, blocks of the page.
# shellcheck shell=bash
# tags: part
need cc sqlite3 python3

# No engine that runs the tests says which part we are.
unset DEARTH_SHARD DEARTH_SHARDS SLURM_ARRAY_TASK_ID SLURM_ARRAY_TASK_COUNT SLURM_ARRAY_TASK_MIN SLURM_ARRAY_TASK_MAX \
    SLURM_ARRAY_TASK_STEP CI_NODE_INDEX CI_NODE_TOTAL CIRCLE_NODE_INDEX CIRCLE_NODE_TOTAL BUILDKITE_PARALLEL_JOB \
    BUILDKITE_PARALLEL_JOB_COUNT JOB_COMPLETION_INDEX PARALLEL_SEQ

# block SECTION [N]: the commands of that section of dearth-suite(7), as a terminal shows them; of its N-th block
block() {
    awk -v section="$1" -v wanted="${2-0}" '
        /^\.SH/ { on = index($0, section); inside = n = 0 }
        /^\.fi/ { inside = 0 }
        on && inside && !/^\./ && (!wanted || n == wanted) { print }
        /^\.nf/ { inside = 1; n++ }' "$SOURCE/common/man/dearth-suite.7" | sed -e 's/\\&//g; s/\\-/-/g' >block.out
    [ -s block.out ] || fail "no block '$1' in dearth-suite(7)"
    cat block.out
    rm block.out
}

# make_project: into the folder project/, where one is then: six programs with four places each, and a script that
# runs them; the third forgets to look in one
make_project() {
    local i
    mkdir -p project/src project/tests
    cd project || exit
    for i in 1 2 3 4 5 6; do
        cat >src/part$i.c <<END
#include <stdlib.h>
int part$i(int n) {
    void *a = malloc(n);
    void *b = malloc(n + 1);
    void *c = calloc(2, n);
    char *d = malloc(n + 2);
    int bad = !a || !b || !c;
    if ($i != 3)
        bad |= !d;
    if (!bad)
        d[0] = 1;
    free(a), free(b), free(c), free(d);
    return bad;
}
END
        printf 'int part%s(int);\nint main(void) { return part%s(10); }\n' $i $i >tests/test_$i.c
        cc -g -O0 -o test_$i tests/test_$i.c src/part$i.c
    done
    cat >check.sh <<'END'
#!/bin/sh
sleep 2 # dearer than its programs
for i in 1 2 3 4 5 6; do ./test_$i || exit 1; done
END
    chmod +x check.sh
    # as blocks of the page call it
    printf 'check:\n\t./check.sh\n' >Makefile
}

# verdicts DATABASE: what was seen, by the keys of sites, targets and findings; what is the same in any order
verdicts() {
    sql "$1" "SELECT hex(s.key), a.mode, a.verdict FROM attempt a JOIN site s ON s.id = a.site_id WHERE a.fired GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    sql "$1" "SELECT hex(key), state, contexts, contexts_tested, coalesce(reason, '') FROM target ORDER BY 1"
    sql "$1" "SELECT identity, severity FROM finding ORDER BY 1"
    "$DEARTH" report "$1" >verdicts.json
    python3 - verdicts.json <<'END'
import json
import sys
r = json.load(open(sys.argv[1]))
del r["summary"]["attempts"]  # some were made twice
print(json.dumps(r["summary"], sort_keys=True))
for site in sorted(r["sites"], key=lambda s: s["key"]):
    print(site["key"], site["verdict"], sorted(site["verdicts"]), site["location"])
for finding in sorted(r["findings"], key=lambda f: f["identity"]):
    print(finding["identity"], finding["verdict"], finding["severity"], finding["place"], sorted(finding["sites"]))
print(r["suite"]["untested"])
END
}

# is_whole DATABASE: does it say what the file whole.db says?
is_whole() {
    [ -s whole.verdicts ] || verdicts whole.db >whole.verdicts
    verdicts "$1" >part.verdicts
    cmp whole.verdicts part.verdicts || fail "$1 is not the whole: $(diff whole.verdicts part.verdicts)"
    echo "ok: $1 is the whole"
}
