/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does what can be done but once: makes what must not be there, removes what must be. A second run in the
 * same place ends with 9 before it allocates anything; so that each of these is tested only where every
 * run finds what the first one found.
 *
 * usage: once FOLDER, which has files input, log, old, new, a folder full/inner with a file, a FIFO gone, a
 * link away
 * expect: new_note once=reported sticky=reported
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "program.h"

static void check(int failed, const char *what) {
    if (!failed)
        return;
    perror(what);
    exit(9);
}

static int size_of(const char *name) {
    struct stat st;
    return lstat(name, &st) < 0 ? -1 : (int)st.st_size;
}

static void make_socket(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, name);
    check(bind(fd, (struct sockaddr *)&address, sizeof address), name);
    close(fd);
}

static void append(const char *name, const char *text) {
    int fd = open(name, O_WRONLY | O_APPEND);
    check(fd < 0 || write(fd, text, strlen(text)) < 0, name);
    close(fd);
}

/* Notes are made between steps: each has a site of its own. */
OWN_FRAME char *new_note(const char *text) {
    char *note = opaque(malloc(strlen(text) + 1));
    if (!note) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return strcpy(note, text);
}

int main(int argc, char **argv) {
    check(argc < 2 || chdir(argv[1]), "folder");
    check(size_of("log") != 6 || size_of("old") != 4 || size_of("new") != 5, "sizes");
    check(size_of("away") < 0 || size_of("gone") < 0, "away, gone");
    check(mkdir("made", 0750) || mkdir("made/inner", 0700), "made");
    free(new_note("made"));
    check(mkfifo("fifo", 0600) || symlink("input", "link"), "fifo, link");
    make_socket("socket");
    free(new_note("special"));
    append("log", "second\n");
    check(rename("new", "old") || unlink("input"), "old, input");
    free(new_note("changed"));
    check(unlink("full/inner/file") || rmdir("full/inner") || rmdir("full"), "full");
    check(unlink("gone") || unlink("away") || mkdir("full", 0755), "full again");
    free(new_note("removed"));
    puts("done");
    return 0;
}
