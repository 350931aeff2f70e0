#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dearth.h compiles everywhere and does nothing without dearth; with it, it is found by every kind of program.
. "$(dirname "$0")/../lib.sh"
need gcc g++

cat >program.c <<'END'
#include <dearth.h>
#include <dlfcn.h>
int main(void) {
    int fails;
    dearth_begin();
    fails = dearth_should_fail(10);
    dearth_never_begin();
    fails += dearth_should_fail(20);
    dearth_never_end();
    dearth_end();
    return fails;
}
END
cp program.c program.cc
cat >library.c <<'END'
#include <dearth.h>
int ask(void);
int ask(void) { return dearth_should_fail(30); }
END
printf 'int ask(void);\nint main(void) { return ask(); }\n' >user.c
strict=(-Wall -Wextra -Wpedantic -Wshadow -Werror -I "$SOURCE/schemas")

for std in c99 c11 gnu17; do
    gcc -std=$std -O0 "${strict[@]}" -o "c-$std" program.c
done
for std in c++11 c++17 c++20; do
    g++ -std=$std -O2 "${strict[@]}" -o "c++-$std" program.cc
done
gcc -std=c99 -O2 -fno-pie -no-pie "${strict[@]}" -o no-pie program.c
gcc -std=c99 -O2 -static "${strict[@]}" -o static program.c
gcc -std=c99 -O2 -static-pie -fPIE "${strict[@]}" -o static-pie program.c
gcc -std=c99 -O2 -shared -fPIC "${strict[@]}" -o libask.so library.c
gcc -o user user.c -L. -lask -Wl,-rpath,"$PWD"
! nm -u c-c99 | grep -i dearth || fail 'there is something of dearth to link'

for program in c-c99 c-c11 c-gnu17 c++-c++11 c++-c++17 c++-c++20 no-pie static static-pie user; do
    status 0 "./$program"
done
for program in c-c99 c++-c++17 no-pie; do
    record -o "$program.db" -- "./$program" >/dev/null
    equal '1|1|1' "$(sql "$program.db" "SELECT marked, sum(failable), sum(never) FROM recording, site_stat JOIN site
        ON site.id = site_id WHERE op = 'should_fail'")" "$program under dearth"
done
record -o user.db -- ./user >/dev/null
equal ask "$(sql user.db "SELECT function FROM site JOIN stack ON stack.id = stack_id JOIN symbol
    ON symbol.frame_id = stack.frame_id WHERE op = 'should_fail' ORDER BY inline_index DESC LIMIT 1")" 'in a library'
