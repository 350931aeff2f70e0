/*
 * Ctrl-C: the first asks the replay to stop where it is, keeping what was committed; the
 * second ends dearth at once (the runner's workers die with it). Handlers only set a
 * flag.
 */
#include <signal.h>
#include <unistd.h>

#include "replay_private.h"

static volatile sig_atomic_t wanted;
static struct sigaction old_int, old_term;

static void on_signal(int signal) {
    if (wanted)
        _exit(128 + signal);
    wanted = 1;
}

void interrupt_install(void) {
    struct sigaction action = {.sa_handler =
                                   on_signal}; /* no SA_RESTART: waits wake up */
    sigemptyset(&action.sa_mask);
    wanted = 0;
    sigaction(SIGINT, &action, &old_int);
    sigaction(SIGTERM, &action, &old_term);
}

void interrupt_restore(void) {
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
}

bool interrupt_wanted(void) {
    return wanted != 0;
}
