/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that a program has when memory is short, by its first argument.
 *
 * Flaw: help      it goes away, or on, without its helper, which stays for ever; with a second argument it
 *                 goes on, and its status and output are as ever
 * Fixed: the helper is ended and waited for.
 *
 * No flaws:
 *   reader    what it has begun ends by itself when nobody writes to its pipe any more
 *   daemon    every run leaves one, which has something to do for a while
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_text(void) {
    return opaque(malloc(40));
}

static pid_t begin(int read_from, int other_end) {
    pid_t child = fork();
    if (child)
        return child;
    for (int fd = 1; fd < 3; fd++)
        close(fd);
    if (other_end >= 0)
        close(other_end);
    char byte;
    while (read_from >= 0 && read(read_from, &byte, 1) > 0)
        ;
    while (read_from < 0)
        pause();
    _exit(0);
}

static void end(pid_t child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static int help(void) {
    pid_t child = begin(-1, -1);
    char *text = new_text();
    if (!text) {
#ifdef FIXED
        end(child);
#endif
        return 1;
    }
    free(text);
    end(child);
    return 0;
}

static int feed(void) {
    int ends[2];
    if (pipe(ends) < 0)
        return 2;
    pid_t child = begin(ends[0], ends[1]);
    close(ends[0]);
    char *text = new_text();
    if (!text)
        return 1;
    free(text);
    close(ends[1]);
    return waitpid(child, NULL, 0) != child;
}

static int leave_daemon(void) {
    if (fork() == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        usleep(3000000);
        _exit(0);
    }
    char *text = new_text();
    int bad = !text;
    free(text);
    return bad;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "help";
    if (strcmp(how, "reader") == 0)
        return feed();
    if (strcmp(how, "daemon") == 0)
        return leave_daemon();
    int bad = help();
    return argc > 2 ? 0 : bad;
}
