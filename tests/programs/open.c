/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program holds when memory is short, by its first argument.
 *
 * Flaws: a request is given up, and what it held stays so; the next ones are handled, and the status says so; with
 * a second argument its status and output are as ever
 *   handle    its file is open
 *   pipe      both ends of a pipe are
 *   pair      both ends of a pair of sockets are
 *   copy      a second descriptor of a file is
 *   lock      a file that stays open is locked by flock()
 *   record    likewise by lockf()
 *   child     its child has ended, and nobody waits for it
 * Fixed: it is closed, unlocked, waited for.
 *
 * No flaws:
 *   main      main() gives up, and leaves to the kernel what it has open; with a second argument with status 0
 *   die       whoever has it open ends the program; likewise
 *   once      what is open is open when the program gives up, and nothing was done since
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_text(void) {
    return opaque(malloc(300));
}

OWN_FRAME int handle(const char *path) {
    char byte;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    char *text = new_text();
    if (!text) {
#ifdef FIXED
        close(fd);
#endif
        return -1;
    }
    ssize_t n = read(fd, &byte, 1);
    free(text);
    close(fd);
    return n < 0 ? -1 : 0;
}

static int shared = -1; /* of this request; is open all the time */

#ifdef FIXED
#define GIVE_UP(what)                                                                    \
    do {                                                                                 \
        what;                                                                            \
        return -1;                                                                       \
    } while (0)
#else
#define GIVE_UP(what) return -1
#endif

static int close_both(int ends[2]) {
    close(ends[0]);
    return close(ends[1]);
}

OWN_FRAME int handle_pipe(void) {
    int ends[2];
    if (pipe(ends) < 0)
        return -1;
    char *text = new_text();
    if (!text)
        GIVE_UP(close_both(ends));
    free(text);
    return close_both(ends);
}

OWN_FRAME int handle_pair(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -1;
    char *text = new_text();
    if (!text)
        GIVE_UP(close_both(ends));
    free(text);
    return close_both(ends);
}

OWN_FRAME int handle_copy(void) {
    int copy = fcntl(shared, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -1;
    char *text = new_text();
    if (!text)
        GIVE_UP(close(copy));
    free(text);
    return close(copy);
}

OWN_FRAME int handle_lock(void) {
    if (flock(shared, LOCK_EX) < 0)
        return -1;
    char *text = new_text();
    if (!text)
        GIVE_UP(flock(shared, LOCK_UN));
    free(text);
    return flock(shared, LOCK_UN);
}

OWN_FRAME int handle_record(void) {
    if (lockf(shared, F_LOCK, 0) < 0)
        return -1;
    char *text = new_text();
    if (!text)
        GIVE_UP(lockf(shared, F_ULOCK, 0));
    free(text);
    return lockf(shared, F_ULOCK, 0);
}

OWN_FRAME int handle_child(void) {
    siginfo_t info;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT); /* it has ended */
    char *text = new_text();
    if (!text)
        GIVE_UP(waitpid(child, NULL, 0));
    free(text);
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static int handle_file(void) {
    return handle("/etc/passwd");
}

static int serve(const char *how) {
    static const struct {
        const char *how;
        int (*handle)(void);
    } requests[] = {{"pipe", handle_pipe},     {"pair", handle_pair},
                    {"copy", handle_copy},     {"lock", handle_lock},
                    {"record", handle_record}, {"child", handle_child},
                    {"handle", handle_file}};
    int bad = 0;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        for (char k = '0'; k < '3' && strcmp(requests[i].how, how) == 0; k++) {
            const char name[] = {'s', 'e', 'r', 'v', 'e', 'd', k, 0};
            if (strcmp(how, "handle") != 0)
                shared = open(name, O_RDWR | O_CREAT, 0600);
            bad += requests[i].handle() < 0;
        }
    return bad > 0;
}

static int give_up_in_main(int status) {
    int fd = open("/etc/passwd", O_RDONLY);
    char *text = new_text();
    if (!text)
        return status;
    free(text);
    return close(fd) < 0;
}

OWN_FRAME int load_or_die(int status) {
    int fd = open("/etc/passwd", O_RDONLY);
    char *text = new_text();
    if (!text)
        exit(status);
    free(text);
    return close(fd) < 0;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "handle";
    if (strcmp(how, "die") == 0)
        return load_or_die(argc < 3);
    if (strcmp(how, "once") == 0)
        return handle("/etc/passwd") < 0;
    if (strcmp(how, "main") == 0)
        return give_up_in_main(argc < 3);
    int bad = serve(how);
    return argc > 2 ? 0 : bad;
}
