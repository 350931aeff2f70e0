/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child of a shell script that does not look at its status: tests/replayer/outcomes.sh. Without any of its
 * blocks it prints what it prints with them, and ends with another status.
 *
 * Flaw: without that of new_third it prints nothing, without that of new_fourth it crashes, which its handler makes the
 * same end as all others. Fixed: it does as with the others.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "program.h"

#define BLOCK(name)                                                                      \
    OWN_FRAME void *name(void) {                                                         \
        return opaque(malloc(32));                                                       \
    }
BLOCK(new_first)
BLOCK(new_second)
BLOCK(new_third)
BLOCK(new_fourth)
BLOCK(new_fifth)

static int end(int status) {
    return write(1, "all of it\n", 10) == 10 ? status : 4;
}

static void on_fault(int signal) {
    (void)signal;
    _exit(end(3));
}

/* Until the shell waits for its child: 5 s at most. */
static void let_parent_wait(void) {
    char path[64], text[32];
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)getppid());
    for (int i = 0; i < 500; i++) {
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        if (fd >= 0)
            close(fd);
        if (atoi(text) == SYS_wait4)
            return;
        usleep(10000);
    }
}

int main(void) {
    signal(SIGSEGV, on_fault);
    let_parent_wait();
    if (!new_first() || !new_second())
        return end(3);
    if (!new_third()) {
#ifdef FIXED
        return end(3);
#else
        return 3;
#endif
    }
    char *fourth = new_fourth();
#ifdef FIXED
    if (!fourth)
        return end(3);
#endif
    strcpy(fourth, "block");
    if (!new_fifth())
        return end(3);
    return end(0);
}
