#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every command has a man page that formats without a warning and names exactly the options of
# --help.
. "$(dirname "$0")/../lib.sh"
need man

pages=$SOURCE/common/man
page() {
    MANWIDTH=100 man --warnings -P cat -l "$pages/$1.1" 2>warnings | sed 's/.\x08//g' >"$1.txt"
    [ ! -s warnings ] || fail "$1.1: $(cat warnings)"
    [ -s "$1.txt" ] || fail "$1.1 is empty"
    ! grep -nE "(^| )\.(PP|TP|BR|SH|IP|B|I)( |$)" "$1.txt" || fail "$1.1 shows a macro"
}
page dearth
commands=$("$DEARTH" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
    contains dearth.txt "dearth-$command"
    [ -f "$pages/dearth-$command.1" ] || fail "dearth-$command has no man page"
    page "dearth-$command"
    "$DEARTH" "$command" --help >help
    grep -oE '^  (-., |    )--[a-z0-9-]+' help | grep -oE '\-\-[a-z0-9-]+' | sort -u >options
    [ -s options ] || fail "no options in the help of $command"
    # Options are the terms of the page's lists, seven columns in.
    sed -nE 's/^ {7}(-., )?(--[a-z0-9-]+).*/\2/p' "dearth-$command.txt" | sort -u >paged
    diff options paged || fail "options of $command (<) and of its man page (>) differ"
    echo "ok: $command: $(wc -l <options) options"
done
MANWIDTH=100 man --warnings -P cat -l "$pages/dearth-catalogue.5" >catalogue.txt 2>warnings
[ ! -s warnings ] || fail "dearth-catalogue.5: $(cat warnings)"
# Every kind and every field of the built-in catalogue is explained.
sed -nE 's/^\[([^] ]*).*/\1/p; s/^([a-z-]+) .*/\1/p' "$SOURCE"/common/catalogue/{allocators,facilities,harnesses,policies,runtimes} | sort -u >words
while read -r word; do
    grep -qF -- "$word" catalogue.txt || fail "dearth-catalogue.5 does not explain $word"
done <words
MANWIDTH=100 man --warnings -P cat -l "$pages/cargo-dearth.1" >cargo.txt 2>warnings
[ ! -s warnings ] || fail "cargo-dearth.1: $(cat warnings)"
for file in "$pages"/dearth-*.1; do
    name=$(basename "$file" .1)
    grep -qx "${name#dearth-}" <<<"$commands" || fail "$name.1 is about no command"
done
