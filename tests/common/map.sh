#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The map in README.md is the tree: every room has its line there, with the sentence of its meson.build.
. "$(dirname "$0")/../lib.sh"

cd "$SOURCE" || exit 1
grep -oE '^ +[a-z]+/[a-z/]*  .*' README.md | sed -E 's/^ +([a-z/]+)\/ +/\1 /' | sort >"$OLDPWD/map"
find common recorder replayer viewer -name meson.build | while read -r file; do
    sentence=$(sed -n '1s/^# //p' "$file")
    echo "$(dirname "$file") $sentence"
done | sort >"$OLDPWD/rooms"
cd "$OLDPWD" || exit 1
while read -r room sentence; do
    grep -qxF "$room $sentence" map || fail "README.md's map does not say: $room $sentence"
done <rooms
while read -r room _; do
    [ -d "$SOURCE/$room" ] || fail "README.md's map names $room, which is not there"
done <map
echo "ok: $(wc -l <rooms) rooms"

# Every test that PROMISES.md names is there.
grep -oE '`(common|recorder|replayer|viewer|fuzz|verdicts)/[a-z_-]+[a-z0-9_-]*`' "$SOURCE/.github/PROMISES.md" | tr -d '`' | sort -u >promised
[ -s promised ] || fail 'PROMISES.md names no test'
while read -r name; do
    [ -f "$SOURCE/tests/$name.sh" ] || [ -f "$SOURCE/tests/$name.c" ] || fail "PROMISES.md names $name, which is no test"
done <promised
