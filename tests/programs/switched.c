/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does what it is told, one letter at a time, and says so; no allocation but those.
 *
 * usage: switched IN OUT    two FIFOs
 *   a  100 blocks of 50 bytes in `made`     f  free what is live
 *   t  a thread of its own does 'a'         c  a child makes and frees 10 blocks
 *   e  a child becomes sort                 m  10 million blocks of 48 bytes, freed at once
 *   q  exit 3
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static void *blocks[100000];
static int n;

OWN_FRAME void *made(void *unused) {
    for (int i = 0; i < 100; i++)
        blocks[n++] = opaque(malloc(50));
    return unused;
}

static void child(char what) {
    if (what == 'e') {
        execlp("sort", "sort", "/dev/null", (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 10; i++)
        free(opaque(malloc(77)));
    _exit(0);
}

int main(int argc, char **argv) {
    char what;
    pthread_t thread;
    int in = open(argv[argc - 2], O_RDWR), out = open(argv[argc - 1], O_RDWR);
    while (read(in, &what, 1) == 1) {
        if (what == 'a')
            made(NULL);
        if (what == 't' && pthread_create(&thread, NULL, made, NULL) == 0)
            pthread_join(thread, NULL);
        for (int i = 0; what == 'm' && i < 10000000; i++)
            free(opaque(malloc(48)));
        while (what == 'f' && n)
            free(blocks[--n]);
        if (what == 'c' || what == 'e') {
            pid_t pid = fork();
            if (pid == 0)
                child(what);
            waitpid(pid, NULL, 0);
        }
        if (what == 'q')
            exit(3);
        if (write(out, "y", 1) != 1)
            return 9;
    }
    return 9;
}
