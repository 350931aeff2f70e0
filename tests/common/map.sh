#!/usr/bin/env bash
# The map in README.md is the tree: every room has its line there, with the sentence of its meson.build.
# tags: part
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
