/* SPDX-License-Identifier: Apache-2.0 */
/* How a user ends a command: see interrupt.h. Run by dearth's own process, one thread. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define LAST_WAIT_S                                                                      \
    10 /* what is put away waits at most so long for another writer of the database */

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM};
#define N_CAUGHT (sizeof caught / sizeof *caught)

static volatile sig_atomic_t first, times;

/* Of what must not stay behind when a signal ends dearth at once. */
static void (*volatile undo_last)(void);

static void undo(void) {
    void (*last)(void) = undo_last;
    undo_last = NULL;
    if (last)
        last();
}

static void on_signal(int signal) {
    if (signal == SIGALRM) {
        undo();
        _exit(128 + first);
    }
    if (!first)
        first = signal;
    if (signal != SIGPIPE && ++times == 2)
        alarm(LAST_WAIT_S);
}

void interrupt_install(void) {
    static bool installed;
    struct sigaction action = {.sa_handler = on_signal},
                     before; /* no SA_RESTART: waits end */
    if (installed)
        return;
    installed = true;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_CAUGHT; i++) {
        sigaction(caught[i], NULL, &before);
        if (before.sa_handler != SIG_IGN || caught[i] == SIGALRM)
            sigaction(caught[i], &action, NULL);
    }
}

void interrupt_ignore(void) {
    for (size_t i = 0; i < N_CAUGHT; i++)
        if (caught[i] != SIGPIPE && caught[i] != SIGALRM)
            signal(caught[i], SIG_IGN);
}

bool interrupt_wanted(void) {
    return first != 0;
}

bool interrupt_pressing(void) {
    return times > 1;
}

unsigned interrupt_count(void) {
    return (unsigned)times;
}

int interrupt_status(void) {
    return first ? 128 + first : 0;
}

/* --- work that is no more than a name to take back --- */

static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};
#define N_DEADLY (sizeof deadly / sizeof *deadly)
static struct sigaction deadly_before[N_DEADLY];

static void on_deadly(int number) {
    undo();
    signal(number, SIG_DFL);
    raise(number);
}

void interrupt_guard(void (*last)(void)) {
    struct sigaction catch = {.sa_handler = on_deadly};
    sigemptyset(&catch.sa_mask);
    undo_last = last;
    for (size_t i = 0; i < N_DEADLY; i++) {
        sigaction(deadly[i], NULL, &deadly_before[i]);
        if (deadly_before[i].sa_handler == SIG_DFL)
            sigaction(deadly[i], &catch, NULL);
    }
}

void interrupt_unguard(void) {
    if (!undo_last)
        return;
    undo_last = NULL;
    for (size_t i = 0; i < N_DEADLY; i++)
        sigaction(deadly[i], &deadly_before[i], NULL);
}
