/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the message that there is no memory needs memory, and is sent when there is none, until the stack ends,
 * main()'s or, with an argument, a thread's. What fill() leaves when it fails is no pointer that a processor takes.
 * Fixed: the message is a constant; fill() says so.
 *
 * expect: compose once=reported sticky=crashed
 * expect: fill once=crashed sticky=crashed
 * expect fixed: compose once=reported sticky=reported
 * expect fixed: fill once=reported sticky=reported
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

struct entry {
    char *name;
};

OWN_FRAME char *compose(const char *what);

OWN_FRAME void complain(const char *what) {
#ifndef FIXED
    char *message = compose(what);
    fputs(message, stderr);
    free(message);
#else
    fputs(what, stderr);
#endif
}

OWN_FRAME char *compose(const char *what) {
    char *made = opaque(malloc(strlen(what) + 20));
    if (!made) {
        complain("no memory");
        exit(1);
    }
    strcpy(made, what);
    return made;
}

OWN_FRAME int fill(struct entry *e) {
    e->name = opaque(malloc(30));
    if (!e->name) {
        memset(&e->name, 0x5a, sizeof e->name);
        return -1;
    }
    strcpy(e->name, "name");
    return 0;
}

static void *work(void *unused) {
    struct entry e;
    (void)unused;
    free(compose("a text"));
#ifdef FIXED
    if (fill(&e))
        exit(1);
#else
    fill(&e);
#endif
    *(volatile char *)e.name = 'N';
    free(e.name);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t thread;
    (void)argv;
    if (argc < 2) {
        work(NULL);
    } else if (pthread_create(&thread, NULL, work, NULL) == 0) {
        pthread_join(thread, NULL);
    } else {
        return 1;
    }
    write(1, "done\n", 5);
    return 0;
}
