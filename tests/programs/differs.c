/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: what it does depends on what an earlier run has left behind. Without any fault it ends
 * otherwise in every replay than it did when it was recorded. The twin cleans up.
 */
#include <fcntl.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_line(void) {
    return opaque(malloc(80));
}

int main(void) {
    static const char mark[] = "differs-was-here";
    char *line = new_line();
    if (!line)
        return 3;
    int fd = open(mark, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd < 0)
        return 4;
    close(fd);
#ifdef FIXED
    unlink(mark);
#endif
    free(line);
    puts("done");
    return 0;
}
