#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A command or an option that was mistyped: the one that is meant is named, where there is one.
. "$(dirname "$0")/../lib.sh"

# says STATUS WORDS ARGUMENT...
says() {
    local wanted=$1 words=$2
    shift 2
    status "$wanted" "$DEARTH" "$@"
    contains err "$words"
}
says 2 "there is no command 'chek': did you mean 'check'?" chek -- true
says 2 "did you mean 'record'?" recrod
says 2 "did you mean 'replay'?" rpelay
says 2 "did you mean 'report' or 'repro'?" reprot
says 2 "suite: there is no 'chekc': did you mean 'check'?" suite chekc -- true
says 2 "'dearth check -- ./prog'" ./prog
says 2 "'dearth --help' lists them" completely-else
lacks err 'did you mean'
says 125 "unknown option '--outptu': did you mean '--output'?" record --outptu x.db -- true
says 2 "unknown option '--outptu=x.db': did you mean '--output'?" check --outptu=x.db -- true
says 125 "did you mean '--no-symbols'?" record --no-symbosl -- true
says 2 "did you mean '--jobs'?" replay --joobs 3
says 2 "unknown option '--zzz'" report --zzz
lacks err 'did you mean'
[ ! -e x.db ] || fail 'something was recorded'

# What a command does can be asked in both ways.
"$DEARTH" stats --help >stats.txt
"$DEARTH" help stats | cmp - stats.txt || fail 'help stats'
says 2 "did you mean 'check'?" help chek
"$DEARTH" --help >usage.txt
for word in help --help; do
    "$DEARTH" help $word | cmp - usage.txt || fail "help $word"
done

# Every command is named when two letters of it are swapped.
swap() { printf '%s%s%s%s' "${1:0:$2}" "${1:$2+1:1}" "${1:$2:1}" "${1:$2+2}"; }
sed -n 's/^COMMAND(\([a-z]*\),.*/\1/p' "$SOURCE/common/base/commands.def" >commands
[ -s commands ] || fail 'no commands'
while read -r command; do
    word=$(swap "$command" 1)
    [ "$word" = "$command" ] || says 2 "did you mean '$command'?" "$word"
done <commands
