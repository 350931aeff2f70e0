#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One reads where a function is from its name: FILE_what is in FILE.c and declared in FILE.h. A module in
# several files (ledger.c, ledger_batch.c) has one name and one header, and one more for what its files share.
. "$(dirname "$0")/../lib.sh"
need nm

# Of whole replays, declared where their data is; commands are declared from common/base/commands.def.
elsewhere='^(observation_deinit|crash_frames_free|open_items_free|written_files_free|verdict_judge|command_.*)$'

# at_home FILE FUNCTION: is it in a header of its module?
at_home() {
    local module header
    for module in "$1" "${1%_*}"; do
        [[ $2 == "$module" || $2 == "$module"_* ]] || continue
        for header in "$1" "$module" "${module}_private"; do
            [ -z "${declared[$header.h:$2]-}" ] || return 0
        done
    done
    return 1
}

cd "$SOURCE" || exit 1
n=0
for room in replayer/*/; do
    room=${room%/}
    library=$BUILD/lib${room//\//_}.a
    [ -f "$library" ] || fail "$room has no library"
    declare -A declared=()
    while IFS=: read -r header function; do
        declared[${header##*/}:${function%(}]=1
    done < <(grep -HoE '\b[a-z0-9_]+\(' "$room"/*.h)
    while read -r file function; do
        n=$((n + 1))
        at_home "$file" "$function" || [[ $function =~ $elsewhere ]] ||
            fail "$room/$file.c has $function(), which is not in its header, or not by its name"
    done < <(nm -A -g --defined-only "$library" | sed -nE "s,.*${room//\//_}_([a-z0-9_]+)\.c\.o:.* T ([a-z0-9_]+)\$,\1 \2,p")
done
[ "$n" -gt 200 ] || fail "only $n functions were seen"
echo "ok: $n functions are where their names say"
