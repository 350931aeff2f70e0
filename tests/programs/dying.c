/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: every run has children that are to die, by abort() and by a NULL, and the failure that is reported in
 * the end comes before that. Flaw: another child, in between, does not check its own request. Fixed: it does.
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

OWN_FRAME void end_by_null(void) {
    *(volatile int *)opaque(NULL) = 1;
}

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

int main(void) {
    char *loaded = load();
    run(end_by_abort);
    run(fill);
    run(end_by_null);
    run(end_by_abort);
    if (!loaded)
        return 1;
    free(loaded);
    return 0;
}
