/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: pages are opened by a handler of SIGSEGV when they are written to first, in every run, and in
 * another place where a failure is noted.
 * Flaw: what is not checked is met by the same handler, which gives up. Fixed: it is.
 *
 * expect: load once=reported sticky=reported
 * expect: fill once=crashed sticky=crashed
 * expect fixed: load once=reported sticky=reported
 * expect fixed: fill once=reported sticky=reported
 */
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "program.h"

enum { PAGE = 4096, N_PAGES = 4 };

static volatile char *pages;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    uintptr_t at = (uintptr_t)info->si_addr - (uintptr_t)pages;
    if (at >= N_PAGES * PAGE)
        _exit(3);
    mprotect((char *)pages + at / PAGE * PAGE, PAGE, PROT_READ | PROT_WRITE);
}

OWN_FRAME char *load(void) {
    return opaque(malloc(1000));
}

OWN_FRAME char *fill(void) {
    volatile char *p = opaque(malloc(2000));
#ifdef FIXED
    if (!p)
        return NULL;
#endif
    p[0] = 1;
    return (char *)p;
}

OWN_FRAME int note_failure(void) {
    pages[2 * PAGE] = 1;
    return 1;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    pages = mmap(NULL, N_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 2;
    pages[0] = 1;
    char *loaded = load();
    if (!loaded)
        return note_failure();
    char *filled = fill();
    if (!filled)
        return note_failure();
    free(filled);
    free(loaded);
    return 0;
}
