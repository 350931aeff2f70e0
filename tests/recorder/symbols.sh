#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names, files and lines of every call in small programs, built in many ways, are those that
# eu-addr2line prints; without DWARF, those of the symbol table that is left.
#   PRINT  symbols_print
# tags: part
source "${SOURCE:?}/tests/lib.sh"
: "${PRINT:?}"
unset DEBUGINFOD_URLS
need gcc g++ objdump objcopy strip eu-addr2line xz nm

cat >p.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static inline __attribute__((always_inline)) char *copy(const char *s) {
    char *p = malloc(strlen(s) + 1);
    return p ? strcpy(p, s) : NULL;
}
static inline __attribute__((always_inline)) char *
twice(const char *s) {
    char *a = copy(s);
    free(a);
    return copy(s);
}
__attribute__((noinline)) int shown(int n) {
    return printf("%d\n", n);
}
int main(int argc, char **argv) {
    char *p = twice(argv[0]);
    if (argc > 3)
        p = twice(
            "other");
    shown(argc);
    puts(p ? p : "");
    free(p);
    return 0;
}
C
cat >p.cc <<'C'
#include <cstdio>
#include <map>
#include <string>
#include <vector>
namespace app {
template <class T> std::vector<T> make(int n) {
    std::vector<T> v;
    for (int i = 0; i < n; i++)
        v.push_back(T(i));
    return v;
}
struct tree {
    std::map<std::string, int> m;
    void add(const char *s) { m[s]++; }
};
}
int main(int argc, char **argv) {
    app::tree t;
    for (int i = 0; i < argc; i++)
        t.add(argv[i]);
    auto f = [&](int k) { return app::make<long>(k).size() + t.m.size(); };
    printf("%zu\n", f(argc * 3));
}
C

# Start-up code has no line; eu-addr2line 0.188 gives it one of its neighbour's.
calls() {
    objdump -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ </ { start_up = /<(_start|_init|_fini|.*_tm_clones|__do_global.*|frame_dummy)>/ }
        /\tcall/ && !start_up { sub(":", "", $1); print $1 }'
}

# eu-addr2line's two lines a frame, put on one; what it does not know is left out.
reference() {
    sed 's/^/0x/' | eu-addr2line -i -f -C -a -e "$1" 2>/dev/null | awk '
        /^0x[0-9a-f]+$/ { if (line) print line; sub("^0x0*", "0x"); line = $0; n = 0; next }
        n++ % 2 == 0 { name = $0; sub(/ inlined at.*|\(.*/, "", name); next }
        { sub(/ \(discriminator.*/, ""); sub(/^\.\//, ""); split($0, p, ":"); at = p[1] ":" p[2]
          line = line " " name "|" at }
        END { print line }' | grep -v '?' | grep -v ':0\b'
}

compare() { # FILE WHAT [DEBUGINFO FILE]
    calls "$1" >calls
    "$PRINT" "$work/$1" <calls >ours
    equal dwarf "$(head -1 ours)" "$2: source"
    tail -n +2 ours | sed -E 's/\([^|]*\|/|/g' | sort >ours.sorted
    reference "${3:-$1}" <calls | sort >theirs.sorted
    # Inlined C++ functions have their scope in our names and not in theirs: lines, names of C.
    if [[ $1 == *cc* ]]; then
        for side in ours theirs; do
            sed -i -E 's/ [^ |][^|]*\|/ |/g' "$side.sorted"
        done
    fi
    [ "$(wc -l <theirs.sorted)" -ge 5 ] || fail "$2: too few calls to compare"
    # every call that they know, we know alike
    comm -13 ours.sorted theirs.sorted >differences
    [ ! -s differences ] || fail "$2: $(head -3 differences) -- ours: $(
        while read -r at _; do grep -m1 "^$at " ours.sorted || true; done <differences |
            head -3)"
    echo "ok: $2: $(wc -l <theirs.sorted) calls"
}

id=-Wl,--build-id
for how in "-g -O2" "-g -O0" "-g -O2 -gdwarf-4" "-g -O1 -no-pie"; do
    # shellcheck disable=SC2086
    { gcc $how $id "$work/p.c" -o p; g++ $how $id "$work/p.cc" -o pcc; }
    compare p "C, $how"
    compare pcc "C++, $how"
done

# The same code with debug information in .dwo files, of which eu-addr2line reads less.
gcc -g -O2 $id "$work/p.c" -o p
gcc -g -O2 -gsplit-dwarf $id "$work/p.c" -o split
compare split "split DWARF" p

# Debug information in a file of its own, found by its link.
gcc -g -O2 $id "$work/p.c" -o linked
objcopy --only-keep-debug linked linked.debug
cp linked whole
strip linked
objcopy --add-gnu-debuglink=linked.debug linked
compare linked "separate debug file" whole

# From a debuginfod server (here: a folder), by build-id alone.
if [[ $(ldconfig -p 2>/dev/null) == *libdebuginfod.so* ]]; then
    id_of=$(readelf -n whole | awk '/Build ID/ {print $3}')
    mkdir -p "server/buildid/$id_of"
    cp whole "server/buildid/$id_of/debuginfo"
    strip whole -o alone
    export DEBUGINFOD_CACHE_PATH=$work/cache DEBUGINFOD_URLS=file://$work/server
    compare alone "debuginfod" whole
    unset DEBUGINFOD_URLS
    echo 1 | "$PRINT" "$work/alone" >out
    equal none "$(head -1 out)" "without debuginfod: source"
fi

# Without DWARF: from the symbol table, from the little one in .gnu_debugdata, from .dynsym.
gcc -O2 $id "$work/p.c" -o plain
address=$(nm plain | awk '$3 == "shown" {print $1}')
main=$(nm plain | awk '$3 == "main" {print $1}')
names() { # FILE WANTED-SOURCE WANTED-NAME WHAT
    printf '%x\n%x\n' $((0x$address + 4)) $((0x$main + 4)) | "$PRINT" "$work/$1" >out
    equal "$2" "$(sed -n 1p out)" "$4: source"
    equal "0x$(printf %x $((0x$address + 4)))$3" "$(sed -n 2p out)" "$4: name"
}
names plain symtab " shown|??:0" "symbol table"
nm plain | awk '$3 == "shown" {print $3}' >keep
objcopy -S --keep-symbols=keep plain mini
xz mini
strip plain -o stripped
objcopy --add-section .gnu_debugdata=mini.xz stripped with-mini
names with-mini minidebuginfo " shown|??:0" "minidebuginfo"
names stripped none " ??|??:0" "stripped"
gcc -O2 -rdynamic $id "$work/p.c" -o dynamic
address=$(nm dynamic | awk '$3 == "shown" {print $1}')
strip dynamic
names dynamic dynsym " shown|??:0" "dynamic symbols"

# An address that no symbol covers gets none: a near one would be wrong.
echo 1 | "$PRINT" "$work/dynamic" >out
equal "0x1" "$(sed -n 2p out)" "an address outside"
