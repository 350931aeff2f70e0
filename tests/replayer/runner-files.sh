#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Private working trees: attempts write, the user's files stay, every attempt starts anew and the digest
# says whether two attempts wrote the same.
# tags: part
. "$(dirname "$0")/../lib.sh"
chmod 755 "$work"
cp "$TARGET" "$work/target"

make_tree() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/folder/sub"
    echo old >"$work/tree/existing"
    echo gone >"$work/tree/victim"
    echo deep >"$work/tree/folder/file"
    ln -s existing "$work/tree/link"
    [ $# = 0 ] || chown -R "$1:$1" "$work/tree"
}
snapshot() {
    (cd "$work/tree" && find . -printf '%p %y %m %s %T@ %i %l\n' | sort &&
        find . -type f -exec md5sum {} + | sort)
}
# Outside the working directory: an overlay covers it, a copy does not.
marker=/tmp/runner-files-$$
export OUTSIDE=$marker

# keeps ISOLATION PREFIX...: three attempts over two workers
keeps() {
    local isolation=$1 lines
    shift
    snapshot >before
    rm -f "$marker"
    lines=$(cd tree && "$@" timeout 100 "$DRIVE" -i "$isolation" -j 2 -n 3 -- "$work/target" now files)
    snapshot >after
    diff before after || fail "$isolation: files changed"
    case $lines in
    "isolation=$isolation"*) ;;
    *) fail "wanted $isolation: $lines" ;;
    esac
    equal 1 "$(echo "$lines" | grep -o 'files=[0-9a-f]*' | sort -u | wc -l)" "$isolation: same files"
    ! echo "$lines" | grep -q 'files=00000000' || fail "$isolation: nothing was noticed: $lines"
    [ "$isolation" = copy ] || [ ! -e "$marker" ] || fail "$marker was made"
    rm -f "$marker"
}

has_overlay() {
    "$@" "$DRIVE" -q -i overlay -n 1 -- true 2>/dev/null | grep ok=1 >/dev/null
}

make_tree
keeps copy env TMPDIR="$work"
if has_overlay env; then
    keeps overlay env
    equal 00000000 "$("$DRIVE" -n 1 -- cat /etc/hostname | sed -n 's/.* files=\([0-9a-f]*\) .*/\1/p')" \
        'reading writes nothing'
    # A view that nobody wrote to is used again: its root keeps its mount id.
    equal 1 "$("$DRIVE" -n 5 -- awk '$5 == "/" { id = $1 } END { print id }' /proc/self/mountinfo |
        grep -o ' stdout=[^ ]*' | sort -u | wc -l)" 'views of five attempts'
else
    echo 'no overlay here'
fi
# An ordinary user: everything in a user namespace.
if [ "$(id -u)" = 0 ] && has_overlay setpriv --reuid 1000 --regid 1000 --clear-groups; then
    make_tree 1000
    keeps overlay setpriv --reuid 1000 --regid 1000 --clear-groups
fi
make_tree
(cd tree && "$DRIVE" -i shared -n 1 -- "$work/target" now files >/dev/null)
rm -f "$marker"
[ -e tree/renamed/inside ] || fail 'shared is not shared'
equal '' "$(find "$work" /tmp -maxdepth 1 -name '.dearth-copy-*' -user "$(id -un)" -newer "$work/target")" 'copies left'
