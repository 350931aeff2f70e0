#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Do copies of a running program show what whole reruns show? Real programs, each site of each once.
#
#   tests/bench/agreement.sh DEARTH [PROGRAM...] >table.md
#
# "Never reached": the program's hash seeds or addresses decided otherwise in that run, so that the fault
# never fired there; such a run says nothing about the site.
#
# A recording is replayed twice, from two copies of its database: by snapshots and by reruns, nothing
# repeated, nothing confirmed. For each site that a snapshot tested, the two verdicts are compared, and whether
# the files that were left are as without the failure;
# where they differ, both are listed, and the same fault is rerun three times more, which tells a
# wrong snapshot from a program that does not do the same twice. No test: minutes of work.
# Programs that are not installed are left out, and said so. Progress goes to standard error,
# Markdown to standard output.
set -eu -o pipefail
here=$(readlink -f "$(dirname "$0")")
dearth=$(readlink -f "${1:?the dearth to try}")
shift
programs=$(dirname "$dearth")/tests/programs
export LC_ALL=C.UTF-8
unset LD_PRELOAD DEARTH_ARENA

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dearth-bench.XXXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# --- inputs ---

cp "$here/../data/sample.json" in.json
echo '<r><e id="1"><n>name</n></e><e id="2"/></r>' >in.xml
cat >in.xsl <<'XSL'
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/r">
<xsl:for-each select="e"><xsl:sort select="@id"/><x><xsl:value-of select="n"/></x></xsl:for-each></xsl:template></xsl:stylesheet>
XSL
seq 40 >in.txt
sed 's/^7$/seven/' in.txt >other.txt
diff -u in.txt other.txt >in.diff || :
mkdir folder repository
cp in.txt other.txt folder
tar -cf in.tar folder
git -C repository init -q
for i in 1 2 3; do
    git -C repository -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m "commit $i"
done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bench -keyout key.pem -out in.pem 2>/dev/null
echo 'struct s { int a; }; int f(struct s *s) { return s->a; }' >in.c
echo '2 ^ 100' >in.bc
echo 'define(`a'"', \`b')a(1)" >in.m4
printf '%%%%\ns: | s "a";\n%%%%\n' >in.y
printf 'section .text\n%%macro m 1\n mov ebx,%%1\n%%endmacro\n m 3\nsection .data\nx: db "hello",10\n' >in.asm
echo '<html><head><title>x</title><body><p>a<b>c</html>' >in.html
printf '2,4s/1/x/\na\nhello\n.\nw\nq\n' >in.ed
for name in ed sed perl patch; do cp in.txt "$name.txt"; done

# Of large programs a share of the sites: every n-th.
share=1/1 stdin=/dev/null
command_of() {
    share=1/1 stdin=/dev/null
    case $1 in
    jq) line=(jq . in.json) ;;
    sqlite3) line=(sqlite3 :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t') ;;
    xmllint) line=(xmllint --format in.xml) ;;
    xsltproc) line=(xsltproc in.xsl in.xml) ;;
    bsdtar) line=(bsdtar -tvf in.tar) ;;
    git) line=(git -C repository log) ;;
    curl) line=(curl -s "file://$work/in.txt") ;;
    openssl) line=(openssl x509 -in in.pem -noout -text) ;;
    perl) line=(perl -e 'my %h; $h{$_}++ for split / /, "a b c a"; print join(",", sort keys %h), "\n"') ;;
    python3) line=(/usr/bin/python3 -c 'import json; print(json.dumps({"a": [1, 2]}))') share=1/3 ;;
    lua) line=(lua5.4 -e 'local t = {} for i = 1, 20 do t[i] = "x" .. i end print(table.concat(t))') ;;
    tar) line=(tar -tvf in.tar) ;;
    bash) line=(bash -c 'x=$(echo a b | tr a c); for i in $x; do echo "$i"; done') ;;
    sh+jq) line=(sh -c 'jq .a in.json | cat') ;;
    cat+jq) line=(sh -c 'cat in.json | jq .a') ;;
    gcc) line=(gcc -fsyntax-only in.c) share=1/20 ;;
    rust) line=("$programs/multimap") ;;
    c++) line=(cmake -E capabilities) share=1/2 ;;
    bc) line=(bc -q) stdin=in.bc ;;
    m4) line=(m4 in.m4) ;;
    gawk) line=(gawk '{ n[$1 % 3] += $1 } END { for (i in n) print i, n[i] }' in.txt) ;;
    bison) line=(bison --report=none -o /dev/null in.y) ;;
    ssh-keygen) line=(ssh-keygen -l -f key.pem) ;;
    patch) line=(patch --dry-run in.txt in.diff) ;;
    # they write files
    ctags) line=(ctags -f tags in.c folder/in.txt) ;;
    nasm) line=(nasm -f elf64 -o out.o in.asm) ;;
    ed) line=(ed -s ed.txt) stdin=in.ed ;;
    tidy) line=(tidy -q -o out.html in.html) ;;
    sed-i) line=(sed -i s/1/x/ sed.txt) ;;
    perl-i) line=(perl -i.bak -pe s/1/x/ perl.txt) ;;
    patch-w) line=(patch patch.txt in.diff) ;;
    tar-c) line=(tar -cf out.tar folder) ;;
    sort-o) line=(sort -o out.txt -rn in.txt) ;;
    gawk-w) line=(gawk '{ print >("out" $1 % 3) }' in.txt) ;;
    bison-w) line=(bison -o out.c in.y) ;;
    gcc-c) line=(gcc -c -o out.o in.c) share=1/20 ;;
    diff) line=(diff -u in.txt other.txt) ;;
    sort) line=(sort -rn in.txt) ;;
    file) line=(file in.xml) ;;
    *)
        echo "no such program here: $1" >&2
        exit 2
        ;;
    esac
}
order=("$@")
[ $# -gt 0 ] || order=(jq sqlite3 xmllint xsltproc bsdtar git curl openssl perl python3 lua tar bash sh+jq cat+jq gcc rust c++
    bc m4 gawk bison ssh-keygen patch diff sort file ctags nasm ed tidy sed-i perl-i patch-w tar-c sort-o gawk-w bison-w gcc-c)

# --- one program ---

differing="SELECT DISTINCT lower(hex(s.key)), a.occurrence, a.verdict, b.verdict
    FROM attempt a JOIN site s ON s.id = a.site_id JOIN other.site t ON t.key = s.key
    JOIN other.attempt b ON b.site_id = t.id AND b.mode = a.mode AND b.occurrence = a.occurrence
    WHERE b.how = 'snapshot' AND a.how = 'rerun' AND a.verdict <> 'unreached' AND
    (a.verdict <> b.verdict OR a.files_same IS NOT b.files_same)"
missed="SELECT count(*) FROM (SELECT site_id FROM attempt GROUP BY site_id HAVING max(fired) = 0)"
both="SELECT count(DISTINCT s.key) FROM attempt a JOIN site s ON s.id = a.site_id JOIN other.site t ON t.key = s.key
    JOIN other.attempt b ON b.site_id = t.id WHERE b.how = 'snapshot' AND a.how = 'rerun'"
refused="SELECT group_concat(reason || ' ' || n, ', ') FROM
    (SELECT reason, count(DISTINCT site_id) AS n FROM refused GROUP BY reason ORDER BY n DESC)"

# again KEY: what three more reruns of a site show.
again() {
    local verdicts=() i
    for i in 1 2 3; do
        "$dearth" replay -q --guard off --how rerun --mode once --repeat 0 --retest --site "$1" rerun.db >/dev/null 2>&1 </dev/null || :
        verdicts+=("$(sqlite3 rerun.db "SELECT verdict FROM attempt JOIN site ON site.id = site_id
            WHERE lower(hex(key)) = '$1' ORDER BY attempt.id DESC LIMIT 1")")
    done
    echo "${verdicts[*]}"
}

try() {
    local program=$1 way key rest
    command_of "$program"
    command -v "${line[0]}" >/dev/null || {
        echo "$program: not installed" >&2
        return
    }
    "$dearth" record -q -o recorded.db -- "${line[@]}" >/dev/null 2>&1 <"$stdin" || :
    for way in snapshot rerun; do
        cp recorded.db "$way.db"
        "$dearth" replay -q --guard off --mode once --repeat 0 --shard "$share" --how "$way" "$way.db" >/dev/null
    done
    sqlite3 -cmd "ATTACH 'snapshot.db' AS other" rerun.db "$differing" >differ
    echo "| $program | $(sqlite3 rerun.db 'SELECT count(DISTINCT site_id) FROM attempt') | $(
        sqlite3 -cmd "ATTACH 'snapshot.db' AS other" rerun.db "$both") | $(sqlite3 rerun.db "$missed") | $(wc -l <differ) | $(
        sqlite3 snapshot.db "$refused" 2>/dev/null) |"
    while IFS='|' read -r key rest; do
        echo "$program|$key|$rest|$(again "$key")" >>differing
    done <differ
    rm -f ./*.db ./*.db-*
    echo "$program: done" >&2
}

: >differing
echo "| program | sites rerun | by snapshot too | never reached | verdicts that differ | left to rerun |"
echo "| --- | ---: | ---: | ---: | ---: | --- |"
for program in "${order[@]}"; do
    try "$program"
done
[ -s differing ] || exit 0
printf '\n| program | site | occurrence | rerun | snapshot | rerun again |\n| --- | --- | ---: | --- | --- | --- |\n'
awk -F'|' '{ printf "| %s | `%s` | %s | %s | %s | %s |\n", $1, substr($2, 1, 16), $3, $4, $5, $6 }' differing
