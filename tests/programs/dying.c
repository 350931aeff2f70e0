/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: every run has children that are to die, by abort() and by a NULL at many places, and the failure that is
 * reported in the end comes before that. Flaw: another child, in between, does not check its own request. Fixed: it does.
 *
 * expect: load once=reported sticky=crashed
 * expect: fill once=crashed sticky=crashed
 * expect fixed: load once=reported sticky=reported
 * expect fixed: fill once=handled sticky=handled
 */
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *load(void) {
    return opaque(malloc(1000));
}

OWN_FRAME void end_by_abort(void) {
    abort();
}

#define TEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

#define END(n)                                                                           \
    OWN_FRAME void end_by_null_##n(void) {                                               \
        *(volatile int *)opaque(NULL) = n;                                               \
    }
TEN(END)

#define NAME(n) end_by_null_##n,
static void (*const ends_by_null[])(void) = {TEN(NAME)};

OWN_FRAME void fill(void) {
    volatile char *p = opaque(malloc(2000));
#ifdef FIXED
    if (!p)
        _exit(0);
#endif
    p[0] = 1;
    _exit(0);
}

OWN_FRAME void run(void (*what)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        what();
        _exit(0);
    }
    if (child > 0)
        waitpid(child, &status, 0);
}

OWN_FRAME void run_those_that_die(void) {
    for (size_t i = 0; i < sizeof ends_by_null / sizeof *ends_by_null; i++)
        run(ends_by_null[i]);
}

int main(void) {
    char *loaded = load();
    run(end_by_abort);
    run_those_that_die();
    run(fill);
    run_those_that_die();
    run(end_by_abort);
    if (!loaded)
        return 1;
    free(loaded);
    return 0;
}
