#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Programs and libraries that are removed or replaced before the recording ends, started by the loader,
# in odd places, or with debug information that is partly gone: a right name, or none; never another's.
. "$(dirname "$0")/../lib.sh"
need gcc jq
export DEARTH_SYMBOL_CACHE=off
unset DEBUGINFOD_URLS

# One line for malloc, so that its number is known.
cat >app.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
__attribute__((noinline)) static char *load_config(size_t n) {
    char *p = malloc(n);
    return p ? memset(p, 1, n) : p;
}
int main(int argc, char **argv) {
    void *library = argc > 2 ? dlopen(argv[2], RTLD_NOW) : NULL;
    char *(*in_library)(size_t) = library ? (char *(*)(size_t))dlsym(library, "in_library") : NULL;
    if (argc > 1 && strcmp(argv[1], "removed") == 0)
        unlink(argv[0]);
    if (argc > 1 && strcmp(argv[1], "undumpable") == 0)
        prctl(PR_SET_DUMPABLE, 0);
    char *p = load_config(4321), *q = in_library ? in_library(1234) : NULL;
    puts("ready");
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "waits") == 0)
        getchar();
    free(p);
    free(q);
    return 0;
}
C
cat >library.c <<'C'
#include <stdlib.h>
char *in_library(size_t n) {
    char *p = malloc(n);
    if (p)
        *p = 1;
    return p;
}
C
gcc -g -O0 app.c -o app -ldl
gcc -g -O0 -shared -fPIC library.c -o library.so
sed 's/load_config/other_name/' app.c >other.c
gcc -g -O0 other.c -o other -ldl

# name_of DATABASE BYTES: where that block was asked for.
name_of() {
    sql "$1" "SELECT l.name FROM site_stat t JOIN site s ON s.id = t.site_id JOIN location l ON l.id = s.location_id WHERE t.max_size = $2"
}
config="$work/app.c:8 (load_config)"

# By itself, as the first that it does.
cp app at-once
"$DEARTH" record -q -o once.db -- ./at-once removed >/dev/null
[ ! -e at-once ] || fail 'it is still there'
equal "$config" "$(name_of once.db 4321)" 'a program that removes itself'

# Removed by the script that unpacked it, as soon as it has ended.
# It ends when dearth, its parent, has seen both.
cat >unpack <<'S'
#!/bin/sh
d=$(mktemp -d)
cp app library.so "$d"
mkfifo "$d/go"
"$d/app" waits "$d/library.so" <"$d/go" &
exec 3>"$d/go"
for _ in $(seq 400); do
    case $(ls -l "/proc/$PPID/fd") in *"$d/app"*"$d/library.so"* | *"$d/library.so"*"$d/app"*) break ;; esac
    sleep 0.05
done
echo >&3
exec 3>&-
wait
rm -rf "$d"
S
chmod +x unpack
status 0 "$DEARTH" record -o a.db -- ./unpack
contains err '/app was removed or changed while it was recorded; its names are those of the file that ran'
equal "$config" "$(name_of a.db 4321)" 'removed program'
equal "$work/library.c:3 (in_library)" "$(name_of a.db 1234)" 'removed library'

# Replaced while it runs, by another build.
mkfifo go
cp app replaced
"$DEARTH" record -q -o b.db -- ./replaced waits <go >ready &
exec 3>go
for _ in $(seq 200); do [ -s ready ] && break; sleep 0.05; done
for _ in $(seq 400); do [[ $(ls -l "/proc/$!/fd") != *"$work/replaced"* ]] || break; sleep 0.05; done
cp other new && mv new replaced
echo >&3
exec 3>&-
wait $!
equal "$config" "$(name_of b.db 4321)" 'replaced program'

# Removed, and nobody held it: dearth was killed. Offsets, and why.
cp app orphan
"$DEARTH" record -q -o c.db -- ./orphan waits <go >ready2 &
dearth=$!
exec 3>go
for _ in $(seq 200); do [ -s ready2 ] && break; sleep 0.05; done
sleep 0.2
kill -9 $dearth
wait $dearth || :
exec 3>&- # dearth passed its input on: it has ended, and with it the program
for _ in $(seq 200); do pgrep -f "^\./orphan waits" >/dev/null || break; sleep 0.05; done
rm orphan
status 0 "$DEARTH" recover c.db
status 0 "$DEARTH" stats -n 0 c.db
contains err "$work/orphan was removed before its functions were looked up"
equal 1 "$(sql c.db "SELECT count(*) FROM note WHERE kind = 'symbols_gone' AND subject = '$work/orphan'")" 'a note'
lacks out load_config
contains out 'orphan+0x'

# Run by the loader: the program's, not the loader's.
loader=$(objdump -s -j .interp app | sed -n 's/^ [0-9a-f]* [0-9a-f ]*  //p' | tr -d '\n' | sed 's/\.*$//')
loader=$(gcc -print-file-name="$(basename "$loader")" 2>/dev/null || echo "$loader")
[ -x "$loader" ] || loader=/lib64/ld-linux-x86-64.so.2
if [ -x "$loader" ]; then
    "$DEARTH" record -q -o d.db -- "$loader" ./app >/dev/null
    equal "$config" "$(name_of d.db 4321)" 'run by the loader'
    equal "$work/app" "$(sql d.db "SELECT m.path FROM site_stat t JOIN site s ON s.id = t.site_id JOIN location l ON l.id = s.location_id JOIN module m ON m.id = l.module_id WHERE t.max_size = 4321")" 'its module'
fi

# Places.
odd=$'new\nline \xff"'
mkdir "$odd"
cp app "$odd/app"
"$DEARTH" record -q -o e.db -- "./$odd/app" undumpable >/dev/null
equal "$config" "$(name_of e.db 4321)" 'a newline in its path, not to be dumped'
"$DEARTH" report e.db >e.json
jq -e . e.json >/dev/null || fail 'report of an odd path'
if [ -x "$loader" ]; then
    "$DEARTH" record -q -o f.db -- "$loader" "./$odd/app" >/dev/null
    equal "$config" "$(name_of f.db 4321)" 'a newline in its path, run by the loader'
fi

# What was run from a file system that was there before can be unmounted all the same.
cat >unmount.sh <<'S'
mkdir before && mount -t tmpfs none before && cp app before/app || exit 77
"$1" record -q -o j.db -- sh -c 'before/app waits <fifo & sleep 1; echo >fifo; wait; exec umount before' >/dev/null
S
mkfifo fifo
seen=0
unshare --map-root-user --mount bash unmount.sh "$DEARTH" 2>err || seen=$?
[ "$seen" = 77 ] || equal 0 "$seen" "unmounted: $(cat err)"

# Debug information in files of its own, which are gone: the line table is not.
gcc -g -O0 -gsplit-dwarf app.c -o split -ldl
"$DEARTH" record -q -o g.db -- ./split >/dev/null
equal "$config" "$(name_of g.db 4321)" 'split'
if command -v dwp >/dev/null && dwp -e split -o split.dwp 2>/dev/null; then
    rm -f ./*.dwo
    "$DEARTH" record -q -o h.db -- ./split >/dev/null
    equal "$config" "$(name_of h.db 4321)" 'packed'
    rm split.dwp
fi
rm -f ./*.dwo
"$DEARTH" record -q -o i.db -- ./split >/dev/null
equal "$config" "$(name_of i.db 4321)" 'split, and lost'
