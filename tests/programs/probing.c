/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: every run reads an address that may not be there and catches the signal. A failure is
 * reported, before that.
 * With BROKEN=1 in its environment a second allocation is not checked, under the same handler.
 *
 * expect: load once=reported sticky=reported
 */
#include <setjmp.h>
#include <signal.h>

#include "program.h"

static sigjmp_buf back;

static void on_fault(int signal) {
    (void)signal;
    siglongjmp(back, 1);
}

OWN_FRAME int is_readable(const volatile char *p) {
    if (sigsetjmp(back, 1))
        return 0;
    return (void)*p, 1;
}

OWN_FRAME char *load(void) {
    return opaque(malloc(1000));
}

OWN_FRAME int fill(void) {
    volatile char *p = opaque(malloc(2000));
    if (sigsetjmp(back, 1))
        return -1;
    p[0] = 1;
    free((char *)p);
    return 0;
}

int main(void) {
    signal(SIGSEGV, on_fault);
    char *loaded = load();
    int bad = getenv("BROKEN") && fill() < 0;
    printf("%d\n", is_readable((const volatile char *)8));
    if (!loaded || bad)
        return 1;
    free(loaded);
    return 0;
}
