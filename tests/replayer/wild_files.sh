#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A call into a file that was mapped after an earlier crash was looked at: the place has the name of that file, though
# what is executable has not changed since.
. "$(dirname "$0")/../lib.sh"
need gcc

cat >wild.c <<'C'
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
int main(void) {
    char *one = malloc(101);
    *(volatile char *)one = 1;
    int fd = open("data", O_RDONLY);
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    char *two = malloc(102);
    if (!two)
        ((void (*)(void))mapped)();
    free(one);
    free(two);
    return 0;
}
C
gcc -g -O0 wild.c -o wild
head -c 4096 /dev/zero >data
for how in snapshot rerun; do
    rm -f dearth.db*
    "$DEARTH" record -q -o dearth.db -- ./wild
    "$DEARTH" replay -q --how "$how" --jobs 1 --mode once --repeat 0 --guard off --leaks off --in wild.c dearth.db
    equal '101 wild/102 data' \
        "$(sql dearth.db "SELECT group_concat(place, '/') FROM (SELECT t.max_size || ' ' || replace(m.path, rtrim(m.path, replace(m.path, '/', '')), '') AS place
            FROM attempt a JOIN site_stat t ON t.site_id = a.site_id JOIN stack k ON k.id = a.crash_stack_id
            JOIN frame r ON r.id = k.frame_id JOIN module m ON m.id = r.module_id WHERE t.max_size BETWEEN 101 AND 102 ORDER BY 1)")" "$how: places"
done
