/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends as it is told: `signals exit N` exits with N, `signals kill N` dies of signal N,
 * `signals wait` prints "ready" and waits for SIGTERM, upon which it prints "term" and
 * exits with 5.
 */
#include <signal.h>
#include <unistd.h>

#include "program.h"

static volatile sig_atomic_t seen;

static void on_term(int signal) {
    seen = signal;
}

int main(int argc, char **argv) {
    void *p = opaque(malloc(100));
    free(p);
    if (argc > 2 && strcmp(argv[1], "exit") == 0)
        return atoi(argv[2]);
    if (argc > 2 && strcmp(argv[1], "kill") == 0) {
        raise(atoi(argv[2]));
        return 99;
    }
    struct sigaction action = {.sa_handler = on_term};
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    sigaction(SIGTERM, &action, NULL);
    puts("ready");
    fflush(stdout);
    while (!seen)
        sigsuspend(&before);
    puts("term");
    return 5;
}
