/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the file is made and its first part is in it when memory for the second one is
 * missing; nothing is said, and the status is 0. The scratch file beside it stays as
 * well. Fixed: everything is there before the file is made, a failure is reported.
 *
 * expect: new_part once=degraded sticky=degraded
 * expect fixed: new_part once=reported sticky=reported
 */
#include <fcntl.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_part(void) {
    char *part = opaque(malloc(100));
    return part ? memset(part, 'x', 100) : NULL;
}

static int save(const char *part) {
    int scratch = open("result.tmp", O_WRONLY | O_CREAT, 0600);
    int fd = open("result", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (scratch < 0 || fd < 0 || write(fd, "head\n", 5) != 5)
        return 1;
    if (!part)
        part = new_part();
    if (!part)
        return 0;
    return write(fd, part, 100) != 100 || unlink("result.tmp") != 0;
}

int main(void) {
#ifdef FIXED
    char *part = new_part();
    if (!part)
        return 1;
    return save(part);
#else
    return save(NULL);
#endif
}
