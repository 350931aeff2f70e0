/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that are open when memory is short, by its first argument.
 *
 * Flaw: handle    a request is given up, and its file stays open; the next ones are handled, and the status
 *                 says so; with a second argument its status and output are as ever
 * Fixed: the file is closed.
 *
 * No flaws:
 *   main      main() gives up, and leaves to the kernel what it has open; with a second argument with status 0
 *   die       whoever has it open ends the program; likewise
 *   once      what is open is open when the program gives up, and nothing was done since
 */
#include <fcntl.h>
#include <stdio.h>
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

static int serve(void) {
    int bad = 0;
    for (int i = 0; i < 3; i++)
        bad += handle("/etc/passwd") < 0;
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
    int bad = serve();
    return argc > 2 ? 0 : bad;
}
