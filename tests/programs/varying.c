/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: what it prints and writes varies from run to run: a process id, the time,
 * a random name. What a failure changes besides is still seen:
 * with an argument a part of the output is left out.
 *
 * expect: do_without once=handled sticky=handled
 */
#include <time.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME void *do_without(void) {
    return opaque(malloc(1234));
}

int main(int argc, char **argv) {
    (void)argv;
    char name[] = "made-XXXXXX";
    struct timespec now;
    void *block = do_without();
    int fd = mkstemp(name);
    clock_gettime(CLOCK_REALTIME, &now);
    if (fd < 0)
        return 1;
    dprintf(fd, "pid %d\n", getpid());
    dprintf(1, "pid %d at %lld.%09ld\nfile %s\n", getpid(), (long long)now.tv_sec,
            now.tv_nsec, name);
    if (block || argc < 2)
        dprintf(1, "nothing left out\n");
    free(block);
    return 0;
}
