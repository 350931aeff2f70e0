#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tags: unsanitized
# Where the kernel refuses ptrace, verdicts have no place. That is said, and a baseline that knows places
# knows the findings without: none is new, whichever of both was traced.
. "$(dirname "$0")/../lib.sh"
need jq setpriv
"$PROGRAMS/no-ptrace" true || skip 'no filter can be put on here'
few=(--mode once --guard off --leaks off)
gate() { "$DEARTH" report --gate --fail-on policy -o report.json "$@"; }

# A fatal signal, a check of the program's own (without a stack that is an abort), a policy.
for program in places own-check xmalloc; do
    status 1 "$DEARTH" check -q -o traced.db --report traced.json "${few[@]}" --fail-on policy -- "$PROGRAMS/$program"
    status 1 "$PROGRAMS/no-ptrace" "$DEARTH" check -o bare.db --report bare.json --html bare.html "${few[@]}" --fail-on policy \
        -- "$PROGRAMS/$program"
    cp err said
    cp out text
    contains said 'attempts are not traced: the kernel refuses ptrace here'
    contains text 'attempts are not traced: the kernel refuses ptrace here'
    contains text 'at a place that was not seen'
    "$DEARTH" report -f text bare.db >full
    [ "$program" != places ] || contains full 'went wrong  at a place that was not seen: it was not traced'
    equal false "$(jq '.replays[0].traced' bare.json)" "$program: what the report says of the replay"
    equal true "$(jq 'all(.findings[]; .unplaced and .crash.stack == null or (.crash.stack | length == 0))' bare.json)" \
        "$program: and of its findings"
    equal true "$(jq '[.completeness.notes[]? , .notes[]?] | any(.kind == "not_traced")' bare.json)" "$program: the note"
    grep -q 'Where it went wrong was not seen' bare.html || fail 'the page does not say so'

    status 0 gate --baseline traced.json bare.db
    contains err 'by the failed call alone'
    status 0 gate --baseline bare.json traced.db
    contains err 'by the failed call alone'
    status 0 gate --baseline bare.json bare.db
    lacks err 'by the failed call alone'
    # what the baseline does not have is new all the same
    jq '.findings = []' traced.json >fewer.json
    status 1 gate --baseline fewer.json bare.db
    rm -f ./*.db ./*.db-*
done

# The summary of a replay; without --quiet it warns once.
record -o r.db -- "$PROGRAMS/places"
status 0 "$PROGRAMS/no-ptrace" "$DEARTH" replay "${few[@]}" r.db
equal 1 "$(grep -c 'attempts are not traced' err)" 'said once'
contains err 'not traced)'

# The same without privileges.
if [ "$(id -u)" = 0 ]; then
    theirs=$(mktemp -d /tmp/dearth-user.XXXXXXXX)
    trap 'rm -rf "$work" "$theirs"' EXIT
    chown 65534:65534 "$theirs"
    (cd "$theirs" && status 1 env XDG_CACHE_HOME="$theirs" TMPDIR=/tmp setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$PROGRAMS/no-ptrace" "$DEARTH" check -o u.db "${few[@]}" -- "$PROGRAMS/places" &&
        contains err 'attempts are not traced')
fi
