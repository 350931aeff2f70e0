#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A suite among machines: a plan by time, shards that find their number in the environment, and a merge that is the whole
# in whatever order, or names what is missing.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3 python3

# six programs with four places each; the third forgets to look in one
mkdir -p project/src project/tests
cd project
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
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh

# the plan: all of it, each part of it once
status 0 "$DEARTH" suite plan --shards 4 suite.db
contains out "dearth suite replay --shard 4/4 suite.db"
"$DEARTH" suite plan --shards 4 --json suite.db >plan.json
equal "4 6 24 1" "$(python3 -c 'import json; p = json.load(open("plan.json")); print(len(p), sum(x["units"] for x in p), sum(x["targets"] for x in p), min(x["units"] for x in p))')" "shards, units, targets, fewest units"
status 2 "$DEARTH" suite plan suite.db
status 2 "$DEARTH" suite plan --shards 0 suite.db

# what the verdicts are, by the keys of sites
verdicts() {
    sql "$1" "SELECT hex(s.key), a.mode, a.verdict FROM attempt a JOIN site s ON s.id = a.site_id WHERE a.fired GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    sql "$1" "SELECT hex(key), state, contexts, contexts_tested, coalesce(reason, '') FROM target ORDER BY 1"
    sql "$1" "SELECT identity, severity FROM finding ORDER BY 1"
}
cp suite.db whole.db
status 0 "$DEARTH" suite replay whole.db
contains out "24 of 24 tested"
verdicts whole.db >whole

# each engine has words of its own: index from 0, from 1, from anywhere
shard() { # FILE ASSIGNMENT... -- ARGUMENT
    local to=$1
    shift
    local set=()
    while [ "$1" != -- ]; do
        set+=("$1")
        shift
    done
    cp suite.db "$to"
    status 0 env "${set[@]}" "$DEARTH" suite replay --shard "$2" "$to"
}
unset DEARTH_SHARD DEARTH_SHARDS SLURM_ARRAY_TASK_ID SLURM_ARRAY_TASK_COUNT SLURM_ARRAY_TASK_MIN SLURM_ARRAY_TASK_STEP \
    CI_NODE_INDEX CI_NODE_TOTAL CIRCLE_NODE_INDEX CIRCLE_NODE_TOTAL BUILDKITE_PARALLEL_JOB BUILDKITE_PARALLEL_JOB_COUNT \
    JOB_COMPLETION_INDEX PARALLEL_SEQ
shard 1.db SLURM_ARRAY_TASK_ID=10 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=5 SLURM_ARRAY_TASK_COUNT=4 -- auto
shard 2.db CI_NODE_INDEX=2 CI_NODE_TOTAL=4 -- auto
shard 3.db JOB_COMPLETION_INDEX=2 -- auto/4
shard 4.db PARALLEL_SEQ=4 -- auto/4
for i in 1 2 3 4; do
    equal "$i/4" "$(sql $i.db "SELECT subject FROM note WHERE kind = 'shard'")" "the shard of $i.db"
done
shard again.db CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=4 -- auto
equal "1/4" "$(sql again.db "SELECT subject FROM note WHERE kind = 'shard'")" "the shard of again.db"
status 2 "$DEARTH" suite replay --shard auto suite.db
contains err "DEARTH_SHARDS"
status 2 "$DEARTH" suite replay --shard auto/4 suite.db
contains err "JOB_COMPLETION_INDEX"
status 2 env CI_NODE_INDEX=5 CI_NODE_TOTAL=4 "$DEARTH" suite replay --shard auto suite.db
status 2 env CI_NODE_INDEX=0 CI_NODE_TOTAL=4 "$DEARTH" suite replay --shard auto suite.db
status 2 env JOB_COMPLETION_INDEX=-1 "$DEARTH" suite replay --shard auto/4 suite.db
status 2 env SLURM_ARRAY_TASK_ID=11 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=5 SLURM_ARRAY_TASK_COUNT=4 "$DEARTH" suite replay --shard auto suite.db
for bad in 0/3 4/3 2 /3 2/ 2/3x -1/3 auto/0 auto/x autos; do
    status 2 "$DEARTH" suite replay --shard $bad suite.db
done
# the same words for a single program
status 0 "$DEARTH" record -o one.db ./test_3
status 0 env DEARTH_SHARD=2 DEARTH_SHARDS=2 "$DEARTH" replay --shard auto one.db

# joined in any order they are the whole
status 0 "$DEARTH" merge forth.db 1.db 2.db 3.db 4.db
lacks err "missing"
status 0 "$DEARTH" merge back.db 4.db 3.db
status 0 "$DEARTH" merge back.db 2.db again.db 1.db
lacks err "missing"
verdicts forth.db >forth
verdicts back.db >back
cmp whole forth || fail "merged is not the whole: $(diff whole forth)"
cmp whole back || fail "merged in another order is not the whole: $(diff whole back)"
status 1 "$DEARTH" report --gate forth.db
contains err "1 finding of severity bug"

# a machine that was lost, and one whose time was up, are named; a gate does not pass what is not there
status 0 "$DEARTH" merge lost.db 1.db 4.db
contains err "2/4, 3/4"
status 2 "$DEARTH" report --gate --fail-on none lost.db
contains err "missing, or have not done all: 2/4, 3/4"
cp suite.db short.db
status 0 "$DEARTH" suite replay --shard 1/1 --time-budget 1ms short.db
contains out "the time budget was used up"
equal "" "$(sql short.db "SELECT subject FROM note WHERE kind = 'shard'")" "a shard whose time was up"
cp suite.db short.db
status 0 "$DEARTH" merge lost.db 3.db
contains err "2/4"
status 0 "$DEARTH" suite replay --shard 2/4 short.db
status 0 "$DEARTH" merge lost.db short.db
lacks err "missing"
verdicts lost.db >lost
cmp whole lost || fail "run again is not the whole: $(diff whole lost)"
