#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Of a large block the search for leaks reads what was ever touched, all of that and nothing else: pointers in the
# first and the last word of a lonely page hold, and gigabytes that nobody wrote to cost nothing.
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
need cc sqlite3

cat >sparse.c <<'END'
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#define BLOCKS 12
#define EACH   (512ul << 20)
char *volatile blocks[BLOCKS];
__attribute__((noinline)) char *reserve(void) {
    return malloc(EACH);
}
__attribute__((noinline)) int ask(void) {
    uintptr_t middle = ((uintptr_t)blocks[5] + EACH / 2) & ~4095ul;
    char *places[] = {(char *)middle, (char *)(middle + 8 * 4096 - sizeof(char *)),
                      blocks[BLOCKS - 1] + EACH - sizeof(char *)};
    char *volatile names[3] = {malloc(77), malloc(78), malloc(79)};
    char *volatile answer = malloc(4000);
    for (int i = 0; i < 3; i++) {
        if (answer)
            free(names[i]);
        else if (KEEPS)
            memcpy(places[i], (char *)&names[i], sizeof names[i]);
        names[i] = NULL;
    }
    free(answer);
    return !answer;
}
int main(void) {
    for (int i = 0; i < BLOCKS; i++)
        if (!(blocks[i] = reserve()))
            return 1;
    return ask();
}
END
for keeps in 0 1; do
    cc -O1 -g -DKEEPS=$keeps -o sparse-$keeps sparse.c
    status 0 "$DEARTH" record -q -o $keeps.db -- ./sparse-$keeps
    status 0 "$DEARTH" replay -q --how rerun --leaks site --guard off $keeps.db
    equal 1 "$(sql $keeps.db "SELECT count(*) > 0 FROM attempt WHERE leaked IS NOT NULL AND fired_size = 4000")" \
        "leaks were looked for"
    equal $((3 - 3 * keeps)) "$(sql $keeps.db "SELECT coalesce(max(leaked), 0) FROM attempt WHERE fired_size = 4000")" \
        "blocks that ask() loses"
    # 6 GiB: their page faults alone would be more
    equal 1 "$(sql $keeps.db "SELECT max(cpu_ns) < 500000000 FROM attempt WHERE leaked IS NOT NULL")" \
        "little processor time"
done
