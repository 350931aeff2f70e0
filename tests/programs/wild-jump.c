/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: out of memory ends in a longjmp() to where nobody has called setjmp(). Where that leads is another
 * place in each run, and it is one defect.
 * Fixed: the place is set first.
 *
 * expect: make once=crashed sticky=crashed
 * expect fixed: make once=reported sticky=reported
 */
#include <setjmp.h>

#include "program.h"

static jmp_buf back;

OWN_FRAME char *make(void) {
    char *made = opaque(malloc(100));
    if (!made)
        longjmp(back, 1);
    return made;
}

int main(void) {
#ifdef FIXED
    if (setjmp(back)) {
        fputs("no memory\n", stderr);
        return 1;
    }
#endif
    free(make());
    puts("done");
    return 0;
}
