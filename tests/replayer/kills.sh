#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Some kills of each kind at random moments, as tests/bench/kills.sh makes hundreds of: nothing is lost, nothing is left.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
need python3 unshare

seen=0
TMPDIR=$work "$SOURCE/tests/bench/kills.sh" "$DEARTH" "$PROGRAMS" 3 target collector replay check creation \
    >out 2>&1 || seen=$?
cat out
[ "$seen" != 77 ] || skip 'no mount namespace to be had'
equal 0 "$seen" 'status of the kills'
