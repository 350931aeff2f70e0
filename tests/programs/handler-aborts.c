/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaws: two unchecked allocations, and a handler of SIGSEGV that ends by abort(), in the thread that
 * crashed or (with an argument) in another one. Each crash has a place of its own: where the signal was.
 *
 * expect: head once=crashed sticky=crashed
 * expect: tail once=crashed sticky=crashed
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "program.h"

static int crashed[2];

static void *watch(void *unused) {
    char byte;
    if (read(crashed[0], &byte, 1) == 1)
        abort();
    return unused;
}

static void on_fault(int signal) {
    (void)signal;
    if (!crashed[1])
        abort();
    if (write(crashed[1], "!", 1) == 1)
        pause();
}

OWN_FRAME void head(void) {
    volatile char *p = opaque(malloc(100));
    p[0] = 'h';
    free((char *)p);
}

OWN_FRAME void tail(void) {
    volatile char *p = opaque(malloc(200));
    p[0] = 't';
    free((char *)p);
}

int main(int argc, char **argv) {
    pthread_t watcher;
    (void)argv;
    if (argc > 1 && (pipe(crashed) < 0 || pthread_create(&watcher, NULL, watch, NULL)))
        return 2;
    signal(SIGSEGV, on_fault);
    head();
    tail();
    return 0;
}
