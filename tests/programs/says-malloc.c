/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy, no bug: gives up by abort() after words that glibc has for a damaged heap, too.
 *
 * expect: take once=aborted sticky=aborted
 */
#include "program.h"

OWN_FRAME char *take(void) {
    char *p = opaque(malloc(50));
    if (!p) {
        perror("malloc()");
        abort();
    }
    return p;
}

int main(void) {
    free(take());
    return 0;
}
