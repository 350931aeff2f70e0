/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the message that there is no memory needs memory, and so there is a message about that, until the stack
 * ends, main()'s or, with an argument, a thread's. It takes some seconds to come there, and it prints all the while.
 * ENDLESS: the message is repeated for ever, at one depth.
 * Fixed: the message is a constant.
 * A lasting failure in compose() is a crash, a hang, and reported: tests/replayer/hangs.sh.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

#define LEVEL_BYTES 32768
#define LEVEL_US    12000

OWN_FRAME void complain(int depth);

OWN_FRAME char *compose(const char *what, int depth) {
    char *made = opaque(malloc(strlen(what) + 20));
    if (made)
        strcpy(made, what);
    else
        complain(depth);
    return made;
}

OWN_FRAME void complain(int depth) {
    volatile char level[LEVEL_BYTES];
    memset((char *)level, depth, sizeof level);
#ifdef FIXED
    fputs("no memory\n", stderr);
    exit(1);
#else
    do {
        fprintf(stderr, "no memory, %0200d\n", depth);
        usleep(LEVEL_US);
#ifndef ENDLESS
        free(compose("no memory to say so", depth + 1));
#endif
    } while (level[1] == (char)depth);
#endif
}

static void *work(void *unused) {
    free(compose("a text", 0));
    return unused;
}

int main(int argc, char **argv) {
    pthread_t thread;
    (void)argv;
    if (argc < 2)
        work(NULL);
    else if (pthread_create(&thread, NULL, work, NULL) != 0 ||
             pthread_join(thread, NULL) != 0)
        return 1;
    write(1, "done\n", 5);
    return 0;
}
