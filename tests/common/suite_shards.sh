#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A suite among machines: a plan by time, shards that find their number in the environment, and a merge that is the whole
# in whatever order, or names what is missing.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
# shellcheck source=tests/common/suite-lib.sh
source "$SOURCE/tests/common/suite-lib.sh"

make_project
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh

# the plan: all of it, each part of it once
status 0 "$DEARTH" suite plan --shards 4 suite.db
contains out "dearth suite replay --shard 4/4 suite.db"
"$DEARTH" suite plan --shards 4 --json suite.db >plan.json
equal "4 6 24 1" "$(python3 -c 'import json; p = json.load(open("plan.json")); print(len(p), sum(x["units"] for x in p), sum(x["targets"] for x in p), min(x["units"] for x in p))')" "shards, units, targets, fewest units"
status 2 "$DEARTH" suite plan suite.db
status 2 "$DEARTH" suite plan --shards 0 suite.db

# the whole, on one machine
cp suite.db whole.db
status 0 "$DEARTH" suite replay whole.db
contains out "24 of 24 tested"

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
# some of an array's tasks again are told about an array of their own, and do not say which parts they are
for array in '2 2 1 1' '1 3 2 1' '3 3 1 1'; do
    read -r first last n step <<<"$array"
    status 2 env SLURM_ARRAY_TASK_ID="$first" SLURM_ARRAY_TASK_MIN="$first" SLURM_ARRAY_TASK_MAX="$last" SLURM_ARRAY_TASK_COUNT="$n" \
        SLURM_ARRAY_TASK_STEP="$step" "$DEARTH" suite replay --shard auto suite.db
    contains err "no whole array"
done
status 2 env SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=1 SLURM_ARRAY_TASK_COUNT=2 "$DEARTH" suite replay --shard auto/4 suite.db
contains err "no whole array"
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
is_whole forth.db
is_whole back.db
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
is_whole lost.db

# divided anew, and all of that is there: nothing is missing of the first division
status 0 "$DEARTH" merge anew.db 1.db
contains err "2/4, 3/4, 4/4"
for i in 1 2; do
    cp suite.db half.db
    status 0 "$DEARTH" suite replay --shard $i/2 half.db
    status 0 "$DEARTH" merge anew.db half.db
done
lacks err "missing"
is_whole anew.db
