/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child for each way to end, and one whose own vfork child ends first: the status is 10 and more, in
 * the order of their creation. Each allocates once, so that it is seen.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static void end(int way) {
    free(opaque(malloc(10)));
    if (way == 0)
        exit(10);
    if (way == 1)
        _exit(11);
    if (way == 2)
        _Exit(12);
    if (way == 3)
        quick_exit(13);
    if (way == 4 && vfork() == 0)
        _exit(9); /* not the end of the one that goes on */
    if (way == 4) {
        wait(NULL);
        free(opaque(malloc(20)));
        exit(14);
    }
    if (way == 5)
        syscall(SYS_exit_group, 15);
    raise(SIGTERM);
}

int main(void) {
    for (int way = 0; way < 7; way++) {
        if (fork() == 0)
            end(way);
        wait(NULL);
    }
    return 3;
}
