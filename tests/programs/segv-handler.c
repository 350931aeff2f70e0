/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: an unchecked allocation; the program's own SIGSEGV handler turns the crash into an
 * ordinary exit, as crash reporters do. It stays a crash; the handler must have run, for
 * nothing about signals is changed.
 *
 * expect: new_cell once=crashed sticky=crashed
 */
#include <signal.h>
#include <unistd.h>

#include "program.h"

static void on_fault(int signal) {
    (void)signal;
    _exit(7);
}

OWN_FRAME volatile int *new_cell(void) {
    return opaque(malloc(sizeof(int)));
}

int main(void) {
    struct sigaction action = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &action, NULL);
    volatile int *cell = new_cell();
    *cell = 5;
    printf("%d\n", *cell);
    free((void *)cell);
    return 0;
}
