# SPDX-License-Identifier: Apache-2.0
# The real programs that agreement.sh and verdicts.sh look at, each with a small input. Sourced, by scripts that have set
#
#   here       tests/bench
#   targets    folder of the built tests/programs
#
# What a program reads is made by make_inputs() in the current folder, which it is run in; command_of() says how.
# shellcheck shell=bash

# In this order: those that only read, and those that write files.
programs=(jq sqlite3 xmllint xsltproc bsdtar git curl openssl perl python3 lua tar bash sh+jq cat+jq gcc rust c++ bc m4 gawk
    bison ssh-keygen patch diff sort file ctags nasm ed tidy sed-i perl-i patch-w tar-c sort-o gawk-w bison-w gcc-c)

make_inputs() {
    local i name
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
}

# command_of PROGRAM: sets `line`, its command; `stdin`, the file that it reads; `share`, of large programs the share of
# the sites that is looked at, every n-th.
# shellcheck disable=SC2034 # for who sources this
command_of() {
    share=1/1 stdin=/dev/null
    case $1 in
    jq) line=(jq . in.json) ;;
    sqlite3) line=(sqlite3 :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2); SELECT * FROM t') ;;
    xmllint) line=(xmllint --format in.xml) ;;
    xsltproc) line=(xsltproc in.xsl in.xml) ;;
    bsdtar) line=(bsdtar -tvf in.tar) ;;
    git) line=(git -C repository log) ;;
    curl) line=(curl -s "file://$PWD/in.txt") ;;
    openssl) line=(openssl x509 -in in.pem -noout -text) ;;
    perl) line=(perl -e 'my %h; $h{$_}++ for split / /, "a b c a"; print join(",", sort keys %h), "\n"') ;;
    python3) line=(/usr/bin/python3 -c 'import json; print(json.dumps({"a": [1, 2]}))') share=1/3 ;;
    lua) line=(lua5.4 -e 'local t = {} for i = 1, 20 do t[i] = "x" .. i end print(table.concat(t))') ;;
    tar) line=(tar -tvf in.tar) ;;
    bash) line=(bash -c 'x=$(echo a b | tr a c); for i in $x; do echo "$i"; done') ;;
    sh+jq) line=(sh -c 'jq .a in.json | cat') ;;
    cat+jq) line=(sh -c 'cat in.json | jq .a') ;;
    gcc) line=(gcc -fsyntax-only in.c) share=1/20 ;;
    rust) line=("$targets/multimap") ;;
    c++) line=(cmake -E capabilities) share=1/2 ;;
    bc) line=(bc -q) stdin=in.bc ;;
    m4) line=(m4 in.m4) ;;
    gawk) line=(gawk '{ n[$1 % 3] += $1 } END { for (i in n) print i, n[i] }' in.txt) ;;
    bison) line=(bison --report=none -o /dev/null in.y) ;;
    ssh-keygen) line=(ssh-keygen -l -f key.pem) ;;
    patch) line=(patch --dry-run in.txt in.diff) ;;
    diff) line=(diff -u in.txt other.txt) ;;
    sort) line=(sort -rn in.txt) ;;
    file) line=(file in.xml) ;;
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
    *)
        echo "no such program here: $1" >&2
        exit 2
        ;;
    esac
}
