/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: every run has children that are to die, all at once. Flaw: another child, just before them, does not check its
 * own request. Fixed: it does.
 *
 * expect: fill once=crashed sticky=crashed
 * expect fixed: fill once=handled sticky=handled
 */
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

enum { N_DYING = 7 };

static int gate[2]; /* closed: they die */

OWN_FRAME void end_by_null(void) {
    *(volatile int *)opaque(NULL) = 1;
}

OWN_FRAME void fill(void) {
    volatile char *p = opaque(malloc(2000));
    close(gate[1]);
#ifdef FIXED
    if (!p)
        _exit(0);
#endif
    p[0] = 1;
    _exit(0);
}

OWN_FRAME void wait_and_die(void) {
    char none;
    close(gate[1]);
    if (read(gate[0], &none, 1) == 0)
        end_by_null();
    _exit(1);
}

int main(void) {
    int status;
    if (pipe(gate) < 0)
        return 2;
    for (int i = 0; i <= N_DYING; i++)
        if (fork() == 0) {
            if (i == N_DYING)
                fill();
            wait_and_die();
        }
    close(gate[1]);
    while (wait(&status) > 0)
        ;
    return 0;
}
