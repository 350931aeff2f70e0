#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A suite by GNU parallel, as dearth-suite(7) has it. A part is killed in the midst; the merge names it; run again, all
# together say what one machine says.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
# shellcheck source=tests/common/suite-lib.sh
source "$SOURCE/tests/common/suite-lib.sh"
need parallel make
unset MAKEFLAGS MAKELEVEL MFLAGS # of who runs us
export PARALLEL_HOME=$work/parallel
mkdir "$PARALLEL_HOME"
touch "$PARALLEL_HOME/will-cite"

make_project
mkdir bin
# The second part comes to its first failure, and is killed there when it runs first.
cat >bin/dearth <<END
#!/bin/sh
[ "\${PARALLEL_SEQ-}" = 2 ] && [ ! -e again ] || exec "$DEARTH" "\$@"
shift 2
"$DEARTH" suite replay --output-check 'sleep 1000.$$' "\$@" &
while ! pgrep -fx 'sleep 1000.$$' >/dev/null && kill -0 \$!; do
    sleep 0.1
done
kill -KILL \$!
wait \$!
END
chmod +x bin/dearth
PATH=$PWD/bin:$PATH
block "GNU PARALLEL" >block.sh
sed '/^seq/,$d' block.sh >begin.sh
sed -n 's/parallel /parallel --joblog log /; /^seq/p' block.sh >run.sh
sed '1,/^seq/d' block.sh >end.sh
status 0 bash -e begin.sh
cp suite.db whole.db
status 0 "$DEARTH" suite replay whole.db

status 1 bash -e run.sh # one of them was killed
for tries in $(seq 100); do
    pgrep -fx "sleep 1000.$$" >/dev/null || break
    sleep 0.1
done
equal "" "$(pgrep -fx "sleep 1000.$$" || :)" "what is left of its attempt after $tries tries"
bash -e end.sh >out 2>err && fail "a gate passes what is not there"
contains err "these are missing, or have not done all: 2/4"
touch again
sed -i 's/--joblog log/--joblog log --resume-failed/' run.sh
status 0 bash -e run.sh
rm -f all.db
status 1 bash -e end.sh
contains err "1 finding of severity bug"
lacks err "missing"
is_whole all.db
