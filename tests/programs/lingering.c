/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: when its buffer cannot be had it leaves a child behind that would sleep for an
 * hour. No process may outlive the attempt.
 *
 * usage: lingering FILE    the child's pid is appended to FILE
 * expect: new_buffer once=reported sticky=reported
 */
#include <fcntl.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_buffer(void) {
    return opaque(malloc(2000));
}

int main(int argc, char **argv) {
    char *buffer = new_buffer();
    if (buffer) {
        puts("fine");
        free(buffer);
        return 0;
    }
    if (fork() == 0) {
        char line[20];
        int n = snprintf(line, sizeof line, "%d\n", (int)getpid());
        int fd =
            open(argc > 1 ? argv[1] : "/dev/null", O_WRONLY | O_APPEND | O_CREAT, 0600);
        setsid();
        if (fd >= 0 && write(fd, line, (size_t)n) == n)
            close(fd);
        sleep(3600);
        _exit(0);
    }
    usleep(50000);
    return 1;
}
