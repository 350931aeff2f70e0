#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A library waits in its event loop for what never comes, since the program did not begin it: that is the
# program's hang. Where the library loops by itself it is the library's.
# tags: waits unsanitized
. "$(dirname "$0")/../lib.sh"
need cc jq

cat >loop.c <<'C'
#include <poll.h>
#include <stdlib.h>
static int left, spins;
void loop_expect(int spin) { left++; spins = spin; }
void loop_done(void) { left--; }
void loop_run(int fd) {
    char *space = malloc(30);
    if (!space)
        exit(3);
    free(space);
    while (left) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (!spins && poll(&p, 1, -1) > 0)
            loop_done();
    }
}
C
cat >program.c <<'C'
#include <stdlib.h>
#include <unistd.h>
void loop_expect(int spin);
void loop_done(void);
void loop_run(int fd);
__attribute__((noinline)) static void begin_job(int fd) {
    char *job = malloc(20);
    if (job && write(fd, "x", 1) != 1)
        exit(4);
    free(job);
}
__attribute__((noinline)) static void begin_sum(void) {
    char *sum = malloc(21);
    if (sum)
        loop_done();
    free(sum);
}
int main(int argc, char **argv) {
    int ends[2];
    (void)argv;
    if (pipe(ends))
        return 5;
    loop_expect(argc > 1);
    if (argc > 1)
        begin_sum();
    else
        begin_job(ends[1]);
    loop_run(ends[0]);
    return 0;
}
C
cc -g -O1 -fno-optimize-sibling-calls -shared -fPIC -o libloop.so loop.c
cc -g -O1 -fno-builtin -fno-optimize-sibling-calls -o program program.c -L. -lloop -Wl,-rpath,"$work"
# blamed FUNCTION: the module and the place of the hang after a failure there
blamed() {
    jq -r --arg f "$1" '.findings[] | select(.verdict == "hung" and .fault.location.function == $f)
        | "\(.attribution.kind) \(.place)"' report.json
}

status 1 "$DEARTH" check -o waits.db --report report.json --mode once --how rerun --timeout 1s -- ./program
equal 'program hung|program!begin_job' "$(blamed begin_job)" 'a library that waits'
status 1 "$DEARTH" check -o spins.db --report report.json --mode once --how rerun --timeout 1s -- ./program spin
equal 'library hung|libloop!loop_run' "$(blamed begin_sum)" 'a library that does not'
