#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever attempts write, rename and remove: the user's files stay as they were.
. "$(dirname "$0")/../lib.sh"

mkdir -p tree/sub outside
cd tree || exit 1
echo old >existing && echo gone >to-remove && echo deep >sub/deep && ln -s existing link
chmod 640 existing
snapshot() {
    (cd "$work" && find tree outside \( -type f -exec md5sum {} + \) -o -type l -printf '%p %l\n' && \
        find tree outside -printf '%p %m %T@ %i\n') | sort
}
# The recording itself is an ordinary run.
record -o "$work/dearth.db" -- "$PROGRAMS/files" "$work/outside" >/dev/null
echo old >existing && echo gone >to-remove && rm -f renamed "$work"/outside/*
snapshot >"$work/before"
"$DEARTH" replay --mode both "$work/dearth.db" >"$work/err" 2>&1 || fail "$(cat "$work/err")"
snapshot >"$work/after"
diff "$work/before" "$work/after" || fail 'files changed'
equal reported "$(site_verdicts "$work/dearth.db" once new_page)" 'and the program was tested'
equal '' "$(find "$work" -newer "$work/before" -path '*attempt*')" 'left-over files'
