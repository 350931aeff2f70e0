/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: what fails for want of memory is said. `says stdout` says it on standard output, amid results, and
 * ends with 0; `says status` ends with 2, as it does when it has memory, and says on standard error why.
 */
#include "program.h"

OWN_FRAME char *ask(void) {
    return opaque(malloc(500));
}

static int count_errors(void) {
    char *p = ask();
    fputs(p ? "3 errors found\n" : "fatal: out of memory\n", stderr);
    free(p);
    return 2;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "status") == 0)
        return count_errors();
    for (int i = 0; i < 3; i++) {
        char *p = ask();
        printf(p ? "case %d: ok\n" : "case %d: cannot allocate\n", i);
        free(p);
    }
    return 0;
}
