/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: prints what changes while a replay is at work, as a clock does. Its runs are
 * counted in a file, which tests/replayer/output.sh shares between attempts; the first
 * runs, as many as its argument says, print "old" and later ones "new".
 */
#include <fcntl.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME void do_without(void) {
    free(opaque(malloc(1234)));
}

int main(int argc, char **argv) {
    int fd = open("runs", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (argc < 2 || fd < 0 || write(fd, "x", 1) != 1)
        return 1;
    long runs = lseek(fd, 0, SEEK_END);
    do_without();
    dprintf(1, "%s\n", runs <= atol(argv[1]) ? "old" : "new");
    return 0;
}
