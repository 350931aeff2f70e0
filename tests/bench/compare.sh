#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ten real programs and more: calls, frees and bytes beside Valgrind's totals of the same run; and the
# sites of three runs beside each other, in other address spaces and environments. Prints two tables in
# Markdown; README.md has one run of it with every difference explained. Takes some two minutes.
#
# usage: DEARTH=build/dearth tests/bench/compare.sh [PROGRAM...]
set -u
: "${DEARTH:=build/dearth}"
DEARTH=$(realpath "$DEARTH")
work=$(mktemp -d "${TMPDIR:-/tmp}/dearth-compare.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export LC_ALL=C.UTF-8 GIT_CONFIG_NOSYSTEM=1 HOME=$work

# --- what they are given
seq 2000 | sed 's/.*/{"n":&,"s":"text &"}/' | tr '\n' ',' | sed 's/^/[/; s/,$/]/' >items.json
{
    echo '<items>'
    seq 500 | sed 's/.*/<item id="&"><b>text &<\/b><\/item>/'
    echo '</items>'
} >items.xml
cat >style.xsl <<'X'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/>
<xsl:template match="/"><xsl:for-each select="//item[position() mod 7 = 0]"><xsl:value-of select="concat(@id, b)"/></xsl:for-each></xsl:template>
</xsl:stylesheet>
X
mkdir files && for i in $(seq 30); do seq "$i" 400 >"files/$i"; done
{
    git init -q repository && cd repository && cp ../files/* . && git add . &&
        git -c user.name=n -c user.email=e commit -qm one && seq 90 >./5
} >git.log 2>&1
cd "$work" || exit 1
printf '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { printf("%%d", atoi("1")); return 0; }\n' >a.c
cc1=$(gcc -print-prog-name=cc1 2>/dev/null)

run() { # NAME COMMAND...: the command of a name
    case $1 in
    jq) shift && "$@" jq 'map(.n * 2) | add' items.json ;;
    sqlite3) shift && "$@" sqlite3 -batch :memory: 'CREATE TABLE t(a, b); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1
        FROM n WHERE x < 500) INSERT INTO t SELECT x, x % 7 FROM n; SELECT b, sum(a) FROM t GROUP BY b' ;;
    xmllint) shift && "$@" xmllint --format items.xml ;;
    xsltproc) shift && "$@" xsltproc style.xsl items.xml ;;
    bsdtar) shift && "$@" bsdtar -cf - files ;;
    git) shift && "$@" git -C repository --no-pager diff --stat ;;
    curl) shift && "$@" curl -s "file://$work/items.json" ;;
    openssl) shift && "$@" openssl dgst -sha256 items.json ;;
    perl) shift && "$@" perl -e 'my %h = map { $_ => [$_, "x" x $_] } 1 .. 300; print scalar(keys %h)' ;;
    python3) shift && "$@" /usr/bin/python3 -S -c 'print(sum(len(str(i)) for i in range(2000)))' ;;
    lua5.4) shift && "$@" lua5.4 -e 'local t = {} for i = 1, 2000 do t[i] = tostring(i) .. "x" end print(#table.concat(t))' ;;
    cc1) shift && "$@" "$cc1" -quiet -O1 a.c -o - ;;
    esac
}
all='jq sqlite3 xmllint xsltproc bsdtar git curl openssl perl python3 lua5.4 cc1'
[ $# = 0 ] || all=$*
have() {
    if [ "$1" = cc1 ]; then [ -x "$cc1" ]; else command -v "$1" >/dev/null; fi
}

# The first process alone: Valgrind has totals for each by itself. It counts a realloc as a call and a
# free, and what is not live as freed.
sums() { # DATABASE
    sqlite3 "$1" "SELECT sum(s.count - s.failed), sum(s.count - s.failed) - sum(s.live_blocks), sum(s.bytes)
        FROM site_stat s JOIN process p ON p.id = s.process_id WHERE p.origin = 'first'"
}
# What it adds to the environment, for those who copy theirs (a name of the same length for LD_PRELOAD).
libexec=$(dirname "$(find /usr/libexec/valgrind /usr/lib/*/valgrind /usr/lib/valgrind -name 'vgpreload_core-*-linux.so' 2>/dev/null | head -n 1)")
as_valgrind=(GLIBCPP_FORCE_NEW=1 GLIBCXX_FORCE_NEW=1 LD_LIBRARY_PATH=/usr/lib/debug
    "XX_PRELOAD=$libexec/vgpreload_core-amd64-linux.so:$libexec/vgpreload_memcheck-amd64-linux.so")
export PERL_HASH_SEED=0 # perl's own chance; libxml2's goes by the second, cc1's tables by addresses
echo '| program | calls, dearth | Valgrind | frees, dearth | Valgrind | bytes, dearth | Valgrind | difference |'
echo '|---|---:|---:|---:|---:|---:|---:|---|'
for name in $all; do
    have "$name" || continue
    run "$name" valgrind --run-libc-freeres=no --run-cxx-freeres=no >/dev/null 2>valgrind.txt
    theirs=$(sed -n 's/,//g; s/.*total heap usage: \([0-9]*\) allocs \([0-9]*\) frees \([0-9]*\) bytes.*/\1|\2|\3/p' valgrind.txt | tail -n 1)
    run "$name" env "${as_valgrind[@]}" "$DEARTH" record -q -o "$name.db" -- >/dev/null 2>&1
    ours=$(sums "$name.db")
    awk -F'|' -v name="$name" -v ours="$ours" -v theirs="$theirs" 'BEGIN { split(ours, o); split(theirs, t)
        d = o[1] - t[1]; f = o[2] - t[2]; b = o[3] - t[3]
        printf "| %s | %d | %d | %d | %d | %d | %d | %s |\n", name, o[1], t[1], o[2], t[2], o[3], t[3],
            d || f || b ? sprintf("%+d calls, %+d frees, %+d bytes", d, f, b) : "none" }'
done

# --- sites: two runs, and one with nothing in its environment but a variable of 3,000 bytes
echo
echo '| program | sites | not in both runs | not in both environments |'
echo '|---|---:|---:|---:|'
unset PERL_HASH_SEED
long=$(printf 'x%.0s' $(seq 3000))
for name in $all; do
    have "$name" || continue
    rm -f keys.db
    run "$name" "$DEARTH" record -q -o keys.db -- >/dev/null 2>&1
    run "$name" "$DEARTH" record -q -o keys.db -- >/dev/null 2>&1
    run "$name" env -i PATH="$PATH" HOME="$HOME" LONG="$long" LC_ALL=C.UTF-8 GIT_CONFIG_NOSYSTEM=1 \
        "$DEARTH" record -q -o keys.db -- >/dev/null 2>&1
    run "$name" env -i PATH="$PATH" "$DEARTH" record -q -o keys.db -- >/dev/null 2>&1
    differ() { # OF-RECORDING: sites in one of the two only
        sqlite3 keys.db "WITH r(n, id) AS (SELECT DISTINCT recording_id, site_id FROM site_stat) SELECT count(*) FROM
            (SELECT id FROM r WHERE n IN (1, $1) GROUP BY id HAVING count(*) = 1)"
    }
    echo "| $name | $(sqlite3 keys.db 'SELECT count(DISTINCT site_id) FROM site_stat WHERE recording_id = 1')" \
        "| $(differ 2) | $(differ 3) long, $(differ 4) empty |"
    [ -z "${KEEP-}" ] || cp keys.db "$KEEP/$name.db"
done
