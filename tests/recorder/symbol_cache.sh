#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names that are kept are those that are looked up, also after the program was stripped, with a cache that
# somebody has filled with something else, and without one. Debug information that ends the process that
# reads it costs that module its lines, and nobody else anything.
source "${SOURCE:?}/tests/lib.sh"
need cc strip objcopy
unset DEBUGINFOD_URLS
# shellcheck disable=SC2154 # of lib.sh
export XDG_CACHE_HOME=$work/cache

cat >p.c <<'C'
#include <stdio.h>
#include <stdlib.h>
__attribute__((noinline)) static void *parse(int n) {
    return malloc((size_t)n);
}
int main(int argc, char **argv) {
    void *p = parse(100 + argc);
    printf("%s\n", p ? "ok" : argv[0]);
    free(p);
    return 0;
}
C
cc -g -O1 -Wl,--build-id -o p p.c
sleep 3 # what changed a moment ago is not kept

names() { # DATABASE [WHERE]
    sql "$1" "SELECT m.path, m.symbols, f.offset, s.inline_index, s.function, s.linkage_name, s.file, s.line, s.start, s.size
        FROM frame f JOIN module m ON m.id = f.module_id LEFT JOIN symbol s ON s.frame_id = f.id
        WHERE m.path NOT LIKE '[%' AND ${2:-1} ORDER BY 1, 3, 4"
}
kept() {
    find cache/dearth -name '*.names' 2>/dev/null | wc -l
}
same() { # DATABASE WHAT
    names "$1" >seen
    cmp looked-up seen || fail "$2: other names"
    echo "ok: $2"
}

DEARTH_SYMBOL_CACHE=off record -q -o off.db -- ./p >/dev/null
names off.db >looked-up
grep -q "p.c|4" looked-up || fail 'no line of p.c'
equal 0 "$(kept)" 'kept by a recording that was told not to'
record -q -o first.db -- ./p >/dev/null
same first.db 'looked up and kept'
[ "$(kept)" -ge 2 ] || fail "$(kept) modules are kept"
find cache/dearth -name '*.names' -exec md5sum {} + -exec stat -c '%i %a' {} + >before

# nobody is asked: reading debug information would end the process that does
cat >shim.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
const char *dwfl_module_info(void *, void ***, void *, void *, void *, void *, const char **, const char **);
void *dwfl_begin(const void *callbacks) {
    if (getenv("SHIM_NEVER"))
        raise(SIGSEGV);
    return ((void *(*)(const void *))dlsym(RTLD_NEXT, "dwfl_begin"))(callbacks);
}
void *dwfl_module_getdwarf(void *module, void *bias) {
    const char *name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    if (name && getenv("SHIM_BROKEN") && strstr(name, getenv("SHIM_BROKEN")))
        raise(SIGSEGV);
    return ((void *(*)(void *, void *))dlsym(RTLD_NEXT, "dwfl_module_getdwarf"))(module, bias);
}
C
if cc -shared -fPIC -Wl,--unresolved-symbols=ignore-all -o shim.so shim.c &&
    LD_PRELOAD=$work/shim.so "$DEARTH" --version >/dev/null 2>&1; then
    (
        ulimit -c 0
        LD_PRELOAD=$work/shim.so SHIM_NEVER=1 record -q -o second.db -- ./p >/dev/null
        [ ! -s err ] || fail "$(cat err)"
        export DEARTH_SYMBOL_CACHE=off
        LD_PRELOAD=$work/shim.so SHIM_NEVER=1 record -o none.db -- ./p >/dev/null
        contains err 'shown as offsets'
        LD_PRELOAD=$work/shim.so SHIM_BROKEN=/p record -o broken.db -- ./p >/dev/null
        contains err "debug information of $work/p ended by signal 11"
    )
    names second.db "m.path NOT LIKE '%/shim.so'" >seen
    cmp looked-up seen || fail 'what was kept has other names'
    equal 0 "$(sql none.db 'SELECT count(*) FROM symbol')" 'names without a reader that lives'
    equal 'symtab|parse|' "$(sql broken.db "SELECT DISTINCT m.symbols, s.function, s.file FROM symbol s JOIN frame f ON
        f.id = s.frame_id JOIN module m ON m.id = f.module_id WHERE m.path LIKE '%/p' AND s.function = 'parse'")" \
        'a module whose debug information ends its reader'
    names broken.db "m.path LIKE '%/libc.so.6'" >seen
    grep '/libc.so.6' looked-up | cmp - seen || fail 'the others lost their names'
    equal 1 "$(sql broken.db "SELECT count(*) FROM note WHERE kind = 'symbols_broken'")" 'modules that are named'
fi
record -q -o again.db -- ./p >/dev/null
same again.db 'kept'
find cache/dearth -name '*.names' -exec md5sum {} + -exec stat -c '%i %a' {} + | cmp before - || fail 'written again'
"$DEARTH" replay -q again.db >/dev/null 2>&1 || :
"$DEARTH" report again.db >/dev/null
# a replay adds frames of its own
names again.db >seen
grep -vxFf seen looked-up >missing && fail "other names after a replay: $(head -n 1 missing)"
echo 'ok: kept, after a replay'

# somebody else's content, and none that can be had
for f in cache/dearth/*.names; do
    head -c 300 /dev/urandom >"$f"
done
record -q -o planted.db -- ./p >/dev/null
same planted.db 'after rubbish'
chmod 755 cache/dearth
record -q -o open.db -- ./p >/dev/null
same open.db 'with a folder that is open to others'
rm -r cache/dearth
ln -s "$work" cache/dearth
record -q -o link.db -- ./p >/dev/null
same link.db 'with a link in the place of the folder'
equal 0 "$(find . -maxdepth 1 -name '*.names' | wc -l)" 'files where the link leads'
rm cache/dearth
: >cache/dearth
record -q -o file.db -- ./p >/dev/null
same file.db 'with a file in the place of the folder'
rm cache/dearth
(unset HOME XDG_CACHE_HOME && record -q -o homeless.db -- ./p >/dev/null && [ ! -s err ])
same homeless.db 'without a home'

# the same build without its symbols, then with them in a file of their own
record -q -o full.db -- ./p >/dev/null
same full.db 'kept anew'
cp p whole
strip p
sleep 2.1
record -q -o stripped.db -- ./p >/dev/null
equal 0 "$(sql stripped.db "SELECT count(*) FROM symbol WHERE function = 'parse'")" 'names of a stripped program'
record -q -o stripped2.db -- ./p >/dev/null
objcopy --only-keep-debug whole p.debug
record -q -o debug.db -- ./p >/dev/null
grep 'p|dwarf' looked-up >theirs
names debug.db "m.path LIKE '%/p'" | cmp theirs - || fail 'the debug file that came later is not seen'
echo 'ok: a debug file that came later is seen'
